
/*
 * A strict subset of iCalendar (RFC 5545): reads the lines of an .ics file
 * and says in which one something is that it does not know.
 *
 * One pass over the lines.  A folded line is joined in a buffer of fixed
 * size; one that does not fit is an error only where its value counts.  What
 * an event says is collected and judged at its END, since its properties may
 * stand in any order: ngx_soporte_ics_event.c.
 */

#include "ngx_soporte_ics_reader.h"


/* years that all rules with COUNT of a file may go through */
#define NGX_SOPORTE_ICS_YEARS  20000

#define NGX_SOPORTE_ICS_FILE   0                  /* where a line stands */
#define NGX_SOPORTE_ICS_CAL    1
#define NGX_SOPORTE_ICS_EVENT  2
#define NGX_SOPORTE_ICS_END    3


typedef ngx_int_t (*ngx_soporte_ics_property_pt)(
    ngx_soporte_ics_reader_t *reader);

typedef struct {
    const char                   *name;
    ngx_uint_t                    where;
    ngx_soporte_ics_property_pt   read;           /* NULL: passed over */
} ngx_soporte_ics_property_t;


static ngx_int_t ngx_soporte_ics_file(ngx_soporte_ics_reader_t *reader);
static ngx_int_t ngx_soporte_ics_line(ngx_soporte_ics_reader_t *reader);
static ngx_int_t ngx_soporte_ics_property(ngx_soporte_ics_reader_t *reader);
static ngx_int_t ngx_soporte_ics_name(ngx_soporte_ics_reader_t *reader);
static ngx_int_t ngx_soporte_ics_split(ngx_soporte_ics_reader_t *reader);
static ngx_int_t ngx_soporte_ics_begin(ngx_soporte_ics_reader_t *reader);
static ngx_int_t ngx_soporte_ics_end(ngx_soporte_ics_reader_t *reader);
static ngx_int_t ngx_soporte_ics_keep(ngx_soporte_ics_reader_t *reader,
    const ngx_soporte_ics_event_t *event);


static const ngx_soporte_ics_property_t  ngx_soporte_ics_properties[] = {
    { "VERSION",          NGX_SOPORTE_ICS_CAL,   ngx_soporte_ics_version },
    { "CALSCALE",         NGX_SOPORTE_ICS_CAL,   ngx_soporte_ics_calscale },
    { "PRODID",           NGX_SOPORTE_ICS_CAL,   NULL },
    { "METHOD",           NGX_SOPORTE_ICS_CAL,   NULL },
    { "NAME",             NGX_SOPORTE_ICS_CAL,   NULL },
    { "DESCRIPTION",      NGX_SOPORTE_ICS_CAL,   NULL },
    { "UID",              NGX_SOPORTE_ICS_CAL,   NULL },
    { "URL",              NGX_SOPORTE_ICS_CAL,   NULL },
    { "SOURCE",           NGX_SOPORTE_ICS_CAL,   NULL },
    { "COLOR",            NGX_SOPORTE_ICS_CAL,   NULL },
    { "CATEGORIES",       NGX_SOPORTE_ICS_CAL,   NULL },
    { "LAST-MODIFIED",    NGX_SOPORTE_ICS_CAL,   NULL },
    { "REFRESH-INTERVAL", NGX_SOPORTE_ICS_CAL,   NULL },

    { "DTSTART",          NGX_SOPORTE_ICS_EVENT, ngx_soporte_ics_dtstart },
    { "DTEND",            NGX_SOPORTE_ICS_EVENT, ngx_soporte_ics_dtend },
    { "DURATION",         NGX_SOPORTE_ICS_EVENT, ngx_soporte_ics_duration },
    { "RRULE",            NGX_SOPORTE_ICS_EVENT, ngx_soporte_ics_rrule },
    { "EXDATE",           NGX_SOPORTE_ICS_EVENT, ngx_soporte_ics_exdate },
    { "STATUS",           NGX_SOPORTE_ICS_EVENT, ngx_soporte_ics_status },
    { "UID",              NGX_SOPORTE_ICS_EVENT, NULL },
    { "DTSTAMP",          NGX_SOPORTE_ICS_EVENT, NULL },
    { "SUMMARY",          NGX_SOPORTE_ICS_EVENT, NULL },
    { "DESCRIPTION",      NGX_SOPORTE_ICS_EVENT, NULL },
    { "COMMENT",          NGX_SOPORTE_ICS_EVENT, NULL },
    { "LOCATION",         NGX_SOPORTE_ICS_EVENT, NULL },
    { "GEO",              NGX_SOPORTE_ICS_EVENT, NULL },
    { "URL",              NGX_SOPORTE_ICS_EVENT, NULL },
    { "COLOR",            NGX_SOPORTE_ICS_EVENT, NULL },
    { "CATEGORIES",       NGX_SOPORTE_ICS_EVENT, NULL },
    { "CLASS",            NGX_SOPORTE_ICS_EVENT, NULL },
    { "TRANSP",           NGX_SOPORTE_ICS_EVENT, NULL },
    { "PRIORITY",         NGX_SOPORTE_ICS_EVENT, NULL },
    { "SEQUENCE",         NGX_SOPORTE_ICS_EVENT, NULL },
    { "CREATED",          NGX_SOPORTE_ICS_EVENT, NULL },
    { "LAST-MODIFIED",    NGX_SOPORTE_ICS_EVENT, NULL },
    { "ORGANIZER",        NGX_SOPORTE_ICS_EVENT, NULL },
    { "CONTACT",          NGX_SOPORTE_ICS_EVENT, NULL },
    { NULL,               0,                     NULL }
};


ngx_soporte_ics_t *
ngx_soporte_ics_read(ngx_soporte_mem_t *mem, const ngx_str_t *bytes,
    ngx_uint_t dates, ngx_str_t *error)
{
    ngx_soporte_ics_reader_t  reader;

    ngx_str_null(error);

    if (bytes->len > NGX_SOPORTE_ICS_MAX) {
        (void) ngx_soporte_error(mem, error, "line 1: the file has more than "
                                 "%d bytes", NGX_SOPORTE_ICS_MAX);
        return NULL;
    }

    ngx_memzero(&reader, offsetof(ngx_soporte_ics_reader_t, text));

    reader.mem = mem;
    reader.error = error;
    reader.dates = dates;
    reader.p = bytes->data;
    reader.last = bytes->data + bytes->len;
    reader.next_line = 1;
    reader.years = NGX_SOPORTE_ICS_YEARS;

    reader.ics = ngx_soporte_alloc(mem, sizeof(ngx_soporte_ics_t));
    if (reader.ics == NULL) {
        return NULL;
    }

    ngx_memzero(reader.ics, sizeof(ngx_soporte_ics_t));

    if (ngx_soporte_ics_file(&reader) != NGX_OK) {
        return NULL;
    }

    return reader.ics;
}


static ngx_int_t
ngx_soporte_ics_file(ngx_soporte_ics_reader_t *reader)
{
    ngx_int_t  rc;

    for ( ;; ) {
        rc = ngx_soporte_ics_line(reader);

        if (rc == NGX_DONE) {
            break;
        }

        if (rc == NGX_OK) {
            rc = ngx_soporte_ics_property(reader);
        }

        if (rc != NGX_OK) {
            return NGX_ERROR;
        }
    }

    if (reader->where != NGX_SOPORTE_ICS_END) {
        return ngx_soporte_ics_fail(reader, reader->next_line, "%s",
                                    "the file ends before END:VCALENDAR");
    }

    return NGX_OK;
}


/* the next unfolded line, NGX_DONE at the end (RFC 5545 3.1) */

static ngx_int_t
ngx_soporte_ics_line(ngx_soporte_ics_reader_t *reader)
{
    u_char         ch;
    size_t         len;
    const u_char  *p, *last;

    p = reader->p;
    last = reader->last;

    if (p == last) {
        return NGX_DONE;
    }

    reader->line = reader->next_line;
    reader->cut = 0;
    len = 0;

    for ( ;; ) {

        while (p < last && *p != '\n') {
            ch = *p++;

            if (ch == '\r' && p < last && *p == '\n') {
                break;
            }

            if ((ch < 0x20 && ch != '\t') || ch == 0x7f) {
                return ngx_soporte_ics_fail(reader, reader->next_line,
                                            "control character %d", ch);
            }

            if (len == NGX_SOPORTE_ICS_LINE) {
                reader->cut = 1;

            } else {
                reader->text[len++] = ch;
            }
        }

        p += (p < last);
        reader->next_line++;

        if (p == last || (*p != ' ' && *p != '\t')) {
            break;
        }

        p++;
    }

    reader->p = p;
    reader->value.data = reader->text;
    reader->value.len = len;

    return NGX_OK;
}


static ngx_int_t
ngx_soporte_ics_property(ngx_soporte_ics_reader_t *reader)
{
    const ngx_soporte_ics_property_t  *property;

    if (reader->where == NGX_SOPORTE_ICS_END && reader->value.len == 0) {
        return NGX_OK;
    }

    if (ngx_soporte_ics_name(reader) != NGX_OK) {
        return NGX_ERROR;
    }

    if (ngx_soporte_ics_is(&reader->name, "BEGIN")) {
        return ngx_soporte_ics_begin(reader);
    }

    if (ngx_soporte_ics_is(&reader->name, "END")) {
        return ngx_soporte_ics_end(reader);
    }

    if (reader->where == NGX_SOPORTE_ICS_FILE
        || reader->where == NGX_SOPORTE_ICS_END)
    {
        return ngx_soporte_ics_fail(reader, reader->line, "%s",
                                    "expected one VCALENDAR, and nothing "
                                    "beside it");
    }

    if (reader->name.len > 2
        && (reader->name.data[0] | 0x20) == 'x' && reader->name.data[1] == '-')
    {
        return NGX_OK;
    }

    for (property = ngx_soporte_ics_properties; property->name; property++) {

        if (property->where != reader->where
            || !ngx_soporte_ics_is(&reader->name, property->name))
        {
            continue;
        }

        if (property->read == NULL) {
            return NGX_OK;
        }

        if (ngx_soporte_ics_split(reader) != NGX_OK) {
            return NGX_ERROR;
        }

        return property->read(reader);
    }

    return ngx_soporte_ics_fail(reader, reader->line,
                                "property \"%.*s\" is not supported",
                                ngx_soporte_error_value(&reader->name));
}


/* takes the name from the value, up to ";" or ":" */

static ngx_int_t
ngx_soporte_ics_name(ngx_soporte_ics_reader_t *reader)
{
    u_char  ch;
    size_t  i;

    for (i = 0; i < reader->value.len; i++) {
        ch = reader->value.data[i];

        if (ch == ';' || ch == ':') {
            break;
        }

        if (ch != '-' && (ch < '0' || ch > '9')
            && ((ch | 0x20) < 'a' || (ch | 0x20) > 'z'))
        {
            i = reader->value.len;
        }
    }

    if (i == 0 || i >= reader->value.len) {
        return ngx_soporte_ics_fail(reader, reader->line, "%s",
                                    "expected NAME:VALUE");
    }

    reader->name.data = reader->value.data;
    reader->name.len = i;
    reader->value.data += i;
    reader->value.len -= i;

    return NGX_OK;
}


/* takes the parameters from the value, up to a ":" outside of quotes */

static ngx_int_t
ngx_soporte_ics_split(ngx_soporte_ics_reader_t *reader)
{
    size_t      i;
    ngx_uint_t  quoted;

    quoted = 0;

    for (i = 0; i < reader->value.len; i++) {

        if (reader->value.data[i] == '"') {
            quoted = !quoted;

        } else if (reader->value.data[i] == ':' && !quoted) {
            break;
        }
    }

    if (i == reader->value.len || reader->cut) {
        return ngx_soporte_ics_fail(reader, reader->line,
                                    "\"%.*s\" %s",
                                    ngx_soporte_error_value(&reader->name),
                                    reader->cut ? "is too long"
                                                : "has no value");
    }

    reader->params.data = reader->value.data;
    reader->params.len = i;
    reader->value.data += i + 1;
    reader->value.len -= i + 1;

    return NGX_OK;
}


static ngx_int_t
ngx_soporte_ics_begin(ngx_soporte_ics_reader_t *reader)
{
    if (ngx_soporte_ics_split(reader) != NGX_OK) {
        return NGX_ERROR;
    }

    if (reader->where == NGX_SOPORTE_ICS_FILE
        && ngx_soporte_ics_is(&reader->value, "VCALENDAR"))
    {
        reader->where = NGX_SOPORTE_ICS_CAL;
        return NGX_OK;
    }

    if (reader->where == NGX_SOPORTE_ICS_CAL
        && ngx_soporte_ics_is(&reader->value, "VEVENT"))
    {
        if (reader->nevents++ == NGX_SOPORTE_ICS_EVENTS) {
            return ngx_soporte_ics_fail(reader, reader->line,
                                        "more than %d events",
                                        NGX_SOPORTE_ICS_EVENTS);
        }

        reader->where = NGX_SOPORTE_ICS_EVENT;
        ngx_memzero(&reader->draft, sizeof(ngx_soporte_ics_draft_t));
        reader->draft.line = reader->line;

        return NGX_OK;
    }

    return ngx_soporte_ics_fail(reader, reader->line,
                                "component \"%.*s\" is not supported here",
                                ngx_soporte_error_value(&reader->value));
}


static ngx_int_t
ngx_soporte_ics_end(ngx_soporte_ics_reader_t *reader)
{
    ngx_soporte_ics_event_t  event;

    if (ngx_soporte_ics_split(reader) != NGX_OK) {
        return NGX_ERROR;
    }

    if (reader->where == NGX_SOPORTE_ICS_CAL
        && ngx_soporte_ics_is(&reader->value, "VCALENDAR"))
    {
        reader->where = NGX_SOPORTE_ICS_END;
        return NGX_OK;
    }

    if (reader->where == NGX_SOPORTE_ICS_EVENT
        && ngx_soporte_ics_is(&reader->value, "VEVENT"))
    {
        reader->where = NGX_SOPORTE_ICS_CAL;

        if (ngx_soporte_ics_event(reader, &event) != NGX_OK) {
            return NGX_ERROR;
        }

        return reader->draft.canceled ? NGX_OK
                                      : ngx_soporte_ics_keep(reader, &event);
    }

    return ngx_soporte_ics_fail(reader, reader->line,
                                "END:%.*s does not match",
                                ngx_soporte_error_value(&reader->value));
}


static ngx_int_t
ngx_soporte_ics_keep(ngx_soporte_ics_reader_t *reader,
    const ngx_soporte_ics_event_t *event)
{
    ngx_uint_t                n, nalloc, days;
    ngx_soporte_ics_t        *ics;
    ngx_soporte_ics_event_t  *events;

    ics = reader->ics;
    n = ngx_soporte_ics_rule_bound(event, reader->dates);
    days = 1;

    if (event->form == NGX_SOPORTE_ICS_DATE) {
        days = event->wall / NGX_SOPORTE_ICS_DAY;

    } else {
        ics->ntimed += n;
    }

    reader->ninstances += n * days;

    if (reader->ninstances > NGX_SOPORTE_ICS_INSTANCES) {
        return ngx_soporte_ics_fail(reader, event->line,
                                    "the events so far may have more than %d "
                                    "days off", NGX_SOPORTE_ICS_INSTANCES);
    }

    if (ics->nevents == reader->nalloc) {
        nalloc = reader->nalloc ? 2 * reader->nalloc : 16;

        events = ngx_soporte_alloc(reader->mem, nalloc * sizeof(*events));
        if (events == NULL) {
            return NGX_ERROR;
        }

        if (ics->nevents) {
            ngx_memcpy(events, ics->events, ics->nevents * sizeof(*events));
        }

        ics->events = events;
        reader->nalloc = nalloc;
    }

    ics->events[ics->nevents++] = *event;

    return NGX_OK;
}


ngx_uint_t
ngx_soporte_ics_is(const ngx_str_t *value, const char *word)
{
    u_char  ch;
    size_t  i;

    for (i = 0; i < value->len; i++) {
        ch = value->data[i];

        if (ch >= 'a' && ch <= 'z') {
            ch -= 0x20;
        }

        if (word[i] == '\0' || ch != (u_char) word[i]) {
            return 0;
        }
    }

    return word[i] == '\0';
}
