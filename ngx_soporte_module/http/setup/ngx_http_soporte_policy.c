
/*
 * The policy as pages see it: the file's tree, in which what is said in two
 * languages always has both, however the file wrote it.
 */

#include "ngx_http_soporte_conf.h"


static void ngx_http_soporte_policy_words(ngx_soporte_mem_t *mem,
    ngx_soporte_value_t *parent, const char *name,
    const ngx_soporte_words_t *words);
static void ngx_http_soporte_policy_pack(ngx_soporte_mem_t *mem,
    ngx_soporte_value_t *root, const ngx_soporte_pack_t *pack);
static void ngx_http_soporte_policy_privacy(ngx_soporte_mem_t *mem,
    ngx_soporte_value_t *root, const ngx_soporte_privacy_t *privacy);


ngx_soporte_value_t *
ngx_http_soporte_policy_view(ngx_soporte_mem_t *mem,
    const ngx_soporte_value_t *tree, const ngx_soporte_policy_t *policy)
{
    ngx_soporte_value_t        *root, *form, *v;
    const ngx_soporte_value_t  *member;

    static ngx_str_t  pack = ngx_string("success_pack");
    static ngx_str_t  privacy = ngx_string("privacy");
    static ngx_str_t  fields = ngx_string("form");

    root = ngx_soporte_value_add(mem, NULL, NULL, NGX_SOPORTE_OBJECT);

    for (member = tree->first; member; member = member->next) {

        if ((member->name.len == pack.len
             && ngx_memcmp(member->name.data, pack.data, pack.len) == 0)
            || (member->name.len == privacy.len
                && ngx_memcmp(member->name.data, privacy.data, privacy.len)
                   == 0)
            || (member->name.len == fields.len
                && ngx_memcmp(member->name.data, fields.data, fields.len)
                   == 0))
        {
            continue;
        }

        v = ngx_soporte_value_ref(mem, root, "", member);

        if (v) {
            v->name = member->name;
        }
    }

    ngx_http_soporte_policy_pack(mem, root, &policy->pack);
    ngx_http_soporte_policy_privacy(mem, root, &policy->privacy);

    form = ngx_soporte_value_add(mem, root, "form", NGX_SOPORTE_OBJECT);
    (void) ngx_soporte_value_str(mem, form, "honeypot", &policy->honeypot);
    (void) ngx_soporte_value_int(mem, form, "min_seconds",
                                 policy->min_seconds);

    return mem->failed ? NULL : root;
}


static void
ngx_http_soporte_policy_words(ngx_soporte_mem_t *mem,
    ngx_soporte_value_t *parent, const char *name,
    const ngx_soporte_words_t *words)
{
    ngx_soporte_value_t  *object;

    object = ngx_soporte_value_add(mem, parent, name, NGX_SOPORTE_OBJECT);

    (void) ngx_soporte_value_str(mem, object, "es", &words->es);
    (void) ngx_soporte_value_str(mem, object, "en", &words->en);
}


static void
ngx_http_soporte_policy_pack(ngx_soporte_mem_t *mem,
    ngx_soporte_value_t *root, const ngx_soporte_pack_t *pack)
{
    ngx_soporte_value_t  *object;

    object = ngx_soporte_value_add(mem, root, "success_pack",
                                   NGX_SOPORTE_OBJECT);

    ngx_http_soporte_policy_words(mem, object, "title", &pack->title);
    ngx_http_soporte_policy_words(mem, object, "text", &pack->text);

    if (pack->url.len) {
        (void) ngx_soporte_value_str(mem, object, "url", &pack->url);
    }
}


static void
ngx_http_soporte_policy_privacy(ngx_soporte_mem_t *mem,
    ngx_soporte_value_t *root, const ngx_soporte_privacy_t *privacy)
{
    ngx_uint_t            i;
    ngx_soporte_value_t  *object, *purposes, *list;

    object = ngx_soporte_value_add(mem, root, "privacy", NGX_SOPORTE_OBJECT);

    (void) ngx_soporte_value_str(mem, object, "responsible",
                                 &privacy->responsible);
    (void) ngx_soporte_value_str(mem, object, "address", &privacy->address);
    (void) ngx_soporte_value_str(mem, object, "url", &privacy->url);
    (void) ngx_soporte_value_int(mem, object, "retention_days",
                                 privacy->retention);

    ngx_http_soporte_policy_words(mem, object, "refuse", &privacy->refuse);
    ngx_http_soporte_policy_words(mem, object, "arco", &privacy->arco);

    purposes = ngx_soporte_value_add(mem, object, "purposes",
                                     NGX_SOPORTE_OBJECT);
    list = ngx_soporte_value_add(mem, purposes, "necessary",
                                 NGX_SOPORTE_LIST);

    for (i = 0; i < privacy->nnecessary; i++) {
        ngx_http_soporte_policy_words(mem, list, NULL,
                                      &privacy->necessary[i]);
    }

    list = ngx_soporte_value_add(mem, purposes, "voluntary",
                                 NGX_SOPORTE_LIST);

    for (i = 0; i < privacy->nvoluntary; i++) {
        ngx_http_soporte_policy_words(mem, list, NULL,
                                      &privacy->voluntary[i]);
    }
}
