
/*
 * Answers of a Frappe.  A probe keeps all bytes, so this starts anew each time
 * and knows no split of buffers.
 */

#include "ngx_soporte_answer.h"

#include <string.h>


static const u_char *ngx_soporte_answer_line(ngx_soporte_answer_t *answer,
    const u_char *p, const u_char *last);
static const u_char *ngx_soporte_answer_header(const u_char *p,
    const u_char *last);


ngx_int_t
ngx_soporte_answer(ngx_soporte_answer_t *answer, const u_char *p, size_t len,
    ngx_uint_t closed)
{
    const u_char  *last;

    last = p + len;

    answer->status = 0;
    answer->said = NGX_SOPORTE_SAID_NOTHING;

    do {
        if (last - p < (ptrdiff_t) sizeof("HTTP/1.1 200") - 1) {
            answer->status = 0;

            return (closed || memcmp(p, "HTTP/1.",
                                     ngx_min(last - p, 7)) != 0)
                   ? NGX_ERROR : NGX_AGAIN;
        }

        p = ngx_soporte_answer_line(answer, p, last);

        if (p == NULL) {
            answer->status = 0;
            return NGX_ERROR;
        }

        p = ngx_soporte_answer_header(p, last);

        if (p == NULL) {
            answer->status = 0;

            return (closed || len >= NGX_SOPORTE_ANSWER_MAX) ? NGX_ERROR
                                                             : NGX_AGAIN;
        }

        /* "100 Continue" and the like go before the answer */

    } while (answer->status < 200);

    if (answer->status != 503) {
        return NGX_OK;
    }

    answer->said = ngx_soporte_answer_said(p, last - p);

    return (closed || answer->said || len >= NGX_SOPORTE_ANSWER_MAX)
           ? NGX_OK : NGX_AGAIN;
}


/* "HTTP/1.1 200", at least that is there; returns what follows it */

static const u_char *
ngx_soporte_answer_line(ngx_soporte_answer_t *answer, const u_char *p,
    const u_char *last)
{
    ngx_uint_t  i;

    if (memcmp(p, "HTTP/1.", 7) != 0 || p[7] < '0' || p[7] > '9'
        || p[8] != ' ' || p[9] < '1' || p[9] > '5')
    {
        return NULL;
    }

    p += 9;
    answer->status = 0;

    for (i = 0; i < 3; i++, p++) {
        if (*p < '0' || *p > '9') {
            return NULL;
        }

        answer->status = answer->status * 10 + (*p - '0');
    }

    return (p == last || *p == ' ' || *p == '\r' || *p == '\n') ? p : NULL;
}


/* the first byte after the empty line, or NULL: it did not come yet */

static const u_char *
ngx_soporte_answer_header(const u_char *p, const u_char *last)
{
    for ( ;; ) {
        p = memchr(p, '\n', last - p);

        if (p == NULL || ++p == last) {
            return NULL;
        }

        if (*p == '\n') {
            return p + 1;
        }

        if (*p == '\r' && last - p > 1 && p[1] == '\n') {
            return p + 2;
        }
    }
}


/*
 * frappe/utils/response.py, report_error() puts the name of the exception into
 * JSON; frappe/app.py, handle_session_stopped() makes a page with this title,
 * in the language of the site.
 */

ngx_soporte_said_e
ngx_soporte_answer_said(const u_char *p, size_t len)
{
    ngx_uint_t  i;

    static const struct {
        const char          *word;
        ngx_soporte_said_e   said;
    } words[] = {
        { "InReadOnlyMode", NGX_SOPORTE_SAID_READ_ONLY },
        { "SessionStopped", NGX_SOPORTE_SAID_STOPPED },
        { "Updating", NGX_SOPORTE_SAID_STOPPED },
        { "Actualizando", NGX_SOPORTE_SAID_STOPPED }
    };

    for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (memmem(p, len, words[i].word, strlen(words[i].word))) {
            return words[i].said;
        }
    }

    return NGX_SOPORTE_SAID_NOTHING;
}
