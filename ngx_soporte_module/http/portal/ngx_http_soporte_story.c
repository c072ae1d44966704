
/*
 * A ticket's story: what PostgreSQL knows, or else the spooled document, and
 * the messages that are still on their way; as one tree for programs, and in
 * words for a page.
 */

#include "ngx_http_soporte_track.h"

#include "ngx_soporte_json.h"
#include "ngx_soporte_text.h"
#include "ngx_soporte_time.h"


#define NGX_HTTP_SOPORTE_STORY_DEPTH  16


static ngx_soporte_value_t *ngx_http_soporte_story_parse(
    ngx_soporte_mem_t *mem, const ngx_str_t *json, ngx_log_t *log);
static void ngx_http_soporte_story_messages(ngx_soporte_mem_t *mem,
    ngx_soporte_value_t *story, const ngx_soporte_value_t *document,
    const ngx_http_soporte_found_t *found, const u_char *id, ngx_log_t *log);
static ngx_uint_t ngx_http_soporte_story_pending(
    const ngx_soporte_value_t *doc, const u_char *id,
    const ngx_soporte_value_t *told);
static void ngx_http_soporte_story_message(ngx_soporte_mem_t *mem,
    ngx_soporte_value_t *list, const ngx_soporte_value_t *at,
    const char *author, const ngx_soporte_value_t *body);
static void ngx_http_soporte_story_sort(const ngx_soporte_value_t **docs,
    ngx_uint_t n);
static void ngx_http_soporte_story_files(ngx_soporte_mem_t *mem,
    ngx_soporte_value_t *story, const ngx_soporte_value_t *document);
static void ngx_http_soporte_story_detail(ngx_http_soporte_view_t *view,
    ngx_soporte_value_t *ticket, const ngx_soporte_value_t *story);
static void ngx_http_soporte_story_tell_files(ngx_http_soporte_view_t *view,
    ngx_soporte_value_t *ticket, const ngx_soporte_value_t *story);
static ngx_str_t ngx_http_soporte_story_size(ngx_pool_t *pool, int64_t size);
static void ngx_http_soporte_story_when(ngx_http_soporte_view_t *view,
    ngx_soporte_value_t *parent, const char *name,
    const ngx_soporte_value_t *instant);
static ngx_uint_t ngx_http_soporte_story_true(
    const ngx_soporte_value_t *object, const char *name);


ngx_soporte_value_t *
ngx_http_soporte_story(ngx_soporte_mem_t *mem,
    const ngx_http_soporte_found_t *found, const u_char *id, ngx_log_t *log)
{
    ngx_uint_t            i;
    ngx_soporte_value_t  *document, *story, *v;

    static const char *const  keys[] = {
        "subject", "description", "category", "filed_at", "reply_due",
        "urgent"
    };

    if (found->rc != NGX_OK) {
        return NULL;
    }

    document = ngx_http_soporte_story_parse(mem, &found->json, log);

    if (document == NULL) {
        return NULL;
    }

    story = ngx_soporte_value_add(mem, NULL, NULL, NGX_SOPORTE_OBJECT);

    v = found->spooled ? NULL : ngx_soporte_value_get(document, "status");

    if (v && v->type == NGX_SOPORTE_STRING) {
        (void) ngx_soporte_value_ref(mem, story, "status", v);

    } else {
        (void) ngx_soporte_value_cstr(mem, story, "status", "received");
    }

    for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        (void) ngx_soporte_value_ref(mem, story, keys[i],
                                     ngx_soporte_value_get(document,
                                                           keys[i]));
    }

    ngx_http_soporte_story_messages(mem, story, document, found, id, log);
    ngx_http_soporte_story_files(mem, story, document);

    return story;
}


static ngx_soporte_value_t *
ngx_http_soporte_story_parse(ngx_soporte_mem_t *mem, const ngx_str_t *json,
    ngx_log_t *log)
{
    ngx_soporte_value_t        *root;
    ngx_soporte_json_error_t    err;
    ngx_soporte_json_limits_t   limits;

    limits.max_depth = NGX_HTTP_SOPORTE_STORY_DEPTH;

    root = ngx_soporte_json_parse(mem, json->data, json->len, &limits, &err);

    if (root == NULL) {
        ngx_log_error(NGX_LOG_ERR, log, 0,
                      "a ticket's document can't be read: %s", err.text);
    }

    return root;
}


static void
ngx_http_soporte_story_messages(ngx_soporte_mem_t *mem,
    ngx_soporte_value_t *story, const ngx_soporte_value_t *document,
    const ngx_http_soporte_found_t *found, const u_char *id, ngx_log_t *log)
{
    ngx_uint_t                  i, n;
    ngx_soporte_value_t        *list, *doc, *author;
    const ngx_soporte_value_t  *told, *m;
    const ngx_soporte_value_t  *docs[NGX_HTTP_SOPORTE_TRACK_MESSAGES];

    list = ngx_soporte_value_add(mem, story, "messages", NGX_SOPORTE_LIST);
    told = ngx_soporte_value_get(document, "messages");

    if (told && told->type != NGX_SOPORTE_LIST) {
        told = NULL;
    }

    for (m = told ? told->first : NULL; m; m = m->next) {
        author = ngx_soporte_value_get(m, "author");

        ngx_http_soporte_story_message(mem, list,
                                 ngx_soporte_value_get(m, "at"),
                                 (author && author->str.len == 5)
                                 ? "agent" : "customer",
                                 ngx_soporte_value_get(m, "body"));
    }

    for (i = 0, n = 0; i < found->ndocs; i++) {
        doc = ngx_http_soporte_story_parse(mem, &found->docs[i].json, log);

        if (ngx_http_soporte_story_pending(doc, id, told)) {
            docs[n++] = doc;
        }
    }

    ngx_http_soporte_story_sort(docs, n);

    for (i = 0; i < n; i++) {
        ngx_http_soporte_story_message(mem, list,
                                 ngx_soporte_value_get(docs[i], "filed_at"),
                                 "customer",
                                 ngx_soporte_value_get(docs[i], "body"));
    }
}


/* a message of this ticket that PostgreSQL has not told of */

static ngx_uint_t
ngx_http_soporte_story_pending(const ngx_soporte_value_t *doc,
    const u_char *id, const ngx_soporte_value_t *told)
{
    u_char                      uuid[NGX_SOPORTE_UUID_LEN];
    ngx_soporte_value_t        *ticket, *kind, *self, *other;
    const ngx_soporte_value_t  *m;

    kind = ngx_soporte_value_get(doc, "kind");
    ticket = ngx_soporte_value_get(doc, "ticket");
    self = ngx_soporte_value_get(doc, "id");

    (void) ngx_soporte_uuid_format(uuid, id);

    if (kind == NULL || ticket == NULL || self == NULL
        || kind->str.len != sizeof("message") - 1
        || ngx_strncmp(kind->str.data, "message", kind->str.len) != 0
        || ticket->str.len != sizeof(uuid)
        || ngx_memcmp(ticket->str.data, uuid, sizeof(uuid)) != 0)
    {
        return 0;
    }

    for (m = told ? told->first : NULL; m; m = m->next) {
        other = ngx_soporte_value_get(m, "id");

        if (other && other->str.len == self->str.len
            && ngx_memcmp(other->str.data, self->str.data, self->str.len)
               == 0)
        {
            return 0;
        }
    }

    return 1;
}


static void
ngx_http_soporte_story_message(ngx_soporte_mem_t *mem,
    ngx_soporte_value_t *list, const ngx_soporte_value_t *at,
    const char *author, const ngx_soporte_value_t *body)
{
    ngx_soporte_value_t  *item;

    item = ngx_soporte_value_add(mem, list, NULL, NGX_SOPORTE_OBJECT);

    (void) ngx_soporte_value_ref(mem, item, "at", at);
    (void) ngx_soporte_value_cstr(mem, item, "author", author);
    (void) ngx_soporte_value_ref(mem, item, "body", body);
}


/* by when they were sent, which is written in one way */

static void
ngx_http_soporte_story_sort(const ngx_soporte_value_t **docs, ngx_uint_t n)
{
    ngx_uint_t                  i, k;
    ngx_soporte_value_t        *a, *b;
    const ngx_soporte_value_t  *doc;

    for (i = 1; i < n; i++) {
        doc = docs[i];
        a = ngx_soporte_value_get(doc, "filed_at");

        for (k = i; k; k--) {
            b = ngx_soporte_value_get(docs[k - 1], "filed_at");

            if (a == NULL || b == NULL || a->str.len != b->str.len
                || ngx_memcmp(b->str.data, a->str.data, a->str.len) <= 0)
            {
                break;
            }

            docs[k] = docs[k - 1];
        }

        docs[k] = doc;
    }
}


static void
ngx_http_soporte_story_files(ngx_soporte_mem_t *mem,
    ngx_soporte_value_t *story, const ngx_soporte_value_t *document)
{
    ngx_uint_t                  i;
    ngx_soporte_value_t        *list, *item;
    const ngx_soporte_value_t  *file;

    static const char *const  keys[] = { "filename", "type", "size" };

    list = ngx_soporte_value_add(mem, story, "attachments",
                                 NGX_SOPORTE_LIST);

    file = ngx_soporte_value_get(document, "attachments");
    file = (file && file->type == NGX_SOPORTE_LIST) ? file->first : NULL;

    for ( /* void */ ; file; file = file->next) {
        item = ngx_soporte_value_add(mem, list, NULL, NGX_SOPORTE_OBJECT);

        for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
            (void) ngx_soporte_value_ref(mem, item, keys[i],
                                         ngx_soporte_value_get(file,
                                                               keys[i]));
        }
    }
}


void
ngx_http_soporte_story_tell(ngx_http_soporte_view_t *view,
    ngx_soporte_value_t *ticket, const ngx_soporte_value_t *story)
{
    int64_t                  due;
    ngx_str_t                s;
    const char              *status;
    ngx_uint_t               urgent, outside;
    ngx_soporte_value_t     *v;
    ngx_soporte_category_t  *category;

    due = 0;
    outside = 0;
    status = "received";
    urgent = ngx_http_soporte_story_true(story, "urgent");

    if (story) {
        status = (char *) ngx_soporte_value_get(story, "status")->str.data;

        v = ngx_soporte_value_get(story, "reply_due");

        if (v && v->type == NGX_SOPORTE_STRING) {
            (void) ngx_soporte_time_parse(v->str.data, v->str.len, &due,
                                          NULL);
        }

        v = ngx_soporte_value_get(story, "category");
        category = v ? ngx_soporte_policy_category(view->policy, &v->str)
                     : NULL;

        if (category) {
            outside = !category->included;
            (void) ngx_soporte_value_str(&view->mem, ticket, "category",
                          ngx_http_soporte_words(view, &category->title));

        } else if (v) {
            (void) ngx_soporte_value_ref(&view->mem, ticket, "category", v);
        }

        ngx_http_soporte_story_detail(view, ticket, story);
    }

    (void) ngx_soporte_value_bool(&view->mem, ticket, status, 1);
    (void) ngx_soporte_value_bool(&view->mem, ticket, "urgent", urgent);
    (void) ngx_soporte_value_bool(&view->mem, ticket, "out_of_scope",
                                  outside);
    (void) ngx_soporte_value_bool(&view->mem, ticket, "can_write",
                                  ngx_strcmp(status, "closed") != 0);

    s = ngx_http_soporte_phrase(&view->voice, "ticket", status);
    (void) ngx_soporte_value_str(&view->mem, ticket, "status", &s);

    s = ngx_http_soporte_reply_words(view, urgent, 0, due);
    (void) ngx_soporte_value_str(&view->mem, ticket, "reply", &s);
}


static void
ngx_http_soporte_story_detail(ngx_http_soporte_view_t *view,
    ngx_soporte_value_t *ticket, const ngx_soporte_value_t *story)
{
    ngx_soporte_value_t        *list, *item, *author;
    const ngx_soporte_value_t  *m;

    (void) ngx_soporte_value_ref(&view->mem, ticket, "subject",
                                 ngx_soporte_value_get(story, "subject"));
    (void) ngx_soporte_value_ref(&view->mem, ticket, "description",
                                 ngx_soporte_value_get(story,
                                                       "description"));
    ngx_http_soporte_story_when(view, ticket, "filed_at",
                                ngx_soporte_value_get(story, "filed_at"));

    list = ngx_soporte_value_add(&view->mem, ticket, "messages",
                                 NGX_SOPORTE_LIST);

    for (m = ngx_soporte_value_get(story, "messages")->first; m; m = m->next) {
        item = ngx_soporte_value_add(&view->mem, list, NULL,
                                     NGX_SOPORTE_OBJECT);
        author = ngx_soporte_value_get(m, "author");

        (void) ngx_soporte_value_bool(&view->mem, item,
                                      (char *) author->str.data, 1);
        (void) ngx_soporte_value_ref(&view->mem, item, "body",
                                     ngx_soporte_value_get(m, "body"));

        ngx_http_soporte_story_when(view, item, "at",
                                    ngx_soporte_value_get(m, "at"));
    }

    ngx_http_soporte_story_tell_files(view, ticket, story);
}


static void
ngx_http_soporte_story_tell_files(ngx_http_soporte_view_t *view,
    ngx_soporte_value_t *ticket, const ngx_soporte_value_t *story)
{
    ngx_str_t                   s;
    ngx_soporte_value_t        *list, *item, *size;
    const ngx_soporte_value_t  *file;

    file = ngx_soporte_value_get(story, "attachments")->first;

    if (file == NULL) {
        return;
    }

    (void) ngx_soporte_value_bool(&view->mem, ticket, "has_attachments", 1);
    list = ngx_soporte_value_add(&view->mem, ticket, "attachments",
                                 NGX_SOPORTE_LIST);

    for ( /* void */ ; file; file = file->next) {
        item = ngx_soporte_value_add(&view->mem, list, NULL,
                                     NGX_SOPORTE_OBJECT);
        size = ngx_soporte_value_get(file, "size");
        s = ngx_http_soporte_story_size(view->voice.pool,
                                        size ? size->num : 0);

        (void) ngx_soporte_value_ref(&view->mem, item, "filename",
                                     ngx_soporte_value_get(file,
                                                           "filename"));
        (void) ngx_soporte_value_str(&view->mem, item, "size", &s);
    }
}


/* "12 KB", "1.5 MB" */

static ngx_str_t
ngx_http_soporte_story_size(ngx_pool_t *pool, int64_t size)
{
    u_char     *p;
    int64_t     tenths;
    ngx_str_t   s;

    ngx_str_null(&s);

    p = ngx_pnalloc(pool, NGX_INT64_LEN + sizeof(".0 MB"));

    if (p == NULL || size < 0) {
        return s;
    }

    s.data = p;

    if (size < 1000 * 1024) {
        p = ngx_sprintf(p, "%L KB", (size + 1023) / 1024);

    } else {
        tenths = (size * 10 + 524288) / 1048576;
        p = ngx_sprintf(p, "%L.%L MB", tenths / 10, tenths % 10);
    }

    s.len = p - s.data;

    return s;
}


static void
ngx_http_soporte_story_when(ngx_http_soporte_view_t *view,
    ngx_soporte_value_t *parent, const char *name,
    const ngx_soporte_value_t *instant)
{
    int64_t    t;
    ngx_str_t  s;

    if (instant == NULL || instant->type != NGX_SOPORTE_STRING
        || ngx_soporte_time_parse(instant->str.data, instant->str.len, &t,
                                  NULL)
           != NGX_OK)
    {
        return;
    }

    s = ngx_http_soporte_moment(&view->voice, "at", t);
    (void) ngx_soporte_value_str(&view->mem, parent, name, &s);
}


static ngx_uint_t
ngx_http_soporte_story_true(const ngx_soporte_value_t *object,
    const char *name)
{
    ngx_soporte_value_t  *v;

    v = ngx_soporte_value_get(object, name);

    return v && v->type == NGX_SOPORTE_TRUE;
}
