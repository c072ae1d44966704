
/*
 * The policy's tables, and the rules that only a policy needs.
 */

#include "ngx_soporte_policy.h"
#include "ngx_soporte_rule.h"
#include "ngx_soporte_text.h"


static ngx_int_t ngx_soporte_policy_words(ngx_soporte_step_t *step,
    const ngx_soporte_rule_t *rule, const ngx_soporte_value_t *value,
    void *dst);
static ngx_int_t ngx_soporte_policy_color(ngx_soporte_step_t *step,
    const ngx_soporte_rule_t *rule, const ngx_soporte_value_t *value,
    void *dst);
static ngx_int_t ngx_soporte_policy_logo(ngx_soporte_step_t *step,
    const ngx_soporte_rule_t *rule, const ngx_soporte_value_t *value,
    void *dst);
static ngx_uint_t ngx_soporte_policy_safe_svg(const ngx_str_t *svg);
static ngx_uint_t ngx_soporte_policy_count(const ngx_str_t *text,
    const char *s);
static ngx_int_t ngx_soporte_policy_tel(ngx_soporte_step_t *step,
    const ngx_soporte_rule_t *rule, const ngx_soporte_value_t *value,
    void *dst);
static ngx_int_t ngx_soporte_policy_availability(ngx_soporte_step_t *step,
    const ngx_soporte_rule_t *rule, const ngx_soporte_value_t *value,
    void *dst);
static ngx_int_t ngx_soporte_policy_honeypot(ngx_soporte_step_t *step,
    const ngx_soporte_rule_t *rule, const ngx_soporte_value_t *value,
    void *dst);
static ngx_int_t ngx_soporte_policy_category_read(ngx_soporte_step_t *step,
    const ngx_soporte_rule_t *rule, const ngx_soporte_value_t *value,
    void *dst);
static ngx_int_t ngx_soporte_policy_categories(ngx_soporte_step_t *step,
    const ngx_soporte_rule_t *rule, const ngx_soporte_value_t *value,
    void *dst);


#define NGX_SOPORTE_POLICY_LOWER   "abcdefghijklmnopqrstuvwxyz"
#define NGX_SOPORTE_POLICY_DIGITS  "0123456789"


static const char *const  ngx_soporte_policy_planned[] = {
    "counted", "excluded", NULL
};


/* in the order of the bits NGX_SOPORTE_PUBLIC_* */

static const char *const  ngx_soporte_policy_public[] = {
    "state", "month", "latency", "incident", "maintenance", "restore",
    "backup", "hours", NULL
};


static const ngx_soporte_rule_t  ngx_soporte_policy_provider[] = {

    { .name = "name", .read = ngx_soporte_rule_text, .min = 1, .max = 80,
      .flags = NGX_SOPORTE_RULE_REQUIRED,
      ngx_soporte_rule_at(ngx_soporte_provider_t, name) },

    { .name = "color", .read = ngx_soporte_policy_color,
      ngx_soporte_rule_at(ngx_soporte_provider_t, color) },

    { .name = "logo", .read = ngx_soporte_policy_logo, .min = 1, .max = 4000,
      ngx_soporte_rule_at(ngx_soporte_provider_t, logo) },

    { .name = NULL }
};


static const ngx_soporte_rule_t  ngx_soporte_policy_contact[] = {

    { .name = "phone", .read = ngx_soporte_rule_text, .min = 1, .max = 40,
      .flags = NGX_SOPORTE_RULE_REQUIRED,
      ngx_soporte_rule_at(ngx_soporte_contact_t, phone) },

    { .name = "tel", .read = ngx_soporte_policy_tel,
      .flags = NGX_SOPORTE_RULE_REQUIRED,
      ngx_soporte_rule_at(ngx_soporte_contact_t, tel) },

    { .name = "email", .read = ngx_soporte_rule_email,
      .flags = NGX_SOPORTE_RULE_REQUIRED,
      ngx_soporte_rule_at(ngx_soporte_contact_t, email) },

    { .name = NULL }
};


static const ngx_soporte_rule_t  ngx_soporte_policy_promise[] = {

    { .name = "availability", .read = ngx_soporte_policy_availability,
      .flags = NGX_SOPORTE_RULE_REQUIRED },

    { .name = "backup_hours", .read = ngx_soporte_rule_integer,
      .flags = NGX_SOPORTE_RULE_REQUIRED, .min = 1, .max = 720,
      ngx_soporte_rule_at(ngx_soporte_promise_t, backup) },

    { .name = "restore_minutes", .read = ngx_soporte_rule_integer,
      .flags = NGX_SOPORTE_RULE_REQUIRED, .min = 1, .max = 10080,
      ngx_soporte_rule_at(ngx_soporte_promise_t, restore) },

    { .name = "planned_maintenance", .read = ngx_soporte_rule_word,
      .words = ngx_soporte_policy_planned,
      ngx_soporte_rule_at(ngx_soporte_promise_t, excluded) },

    { .name = "announce_hours", .read = ngx_soporte_rule_integer,
      .min = 0, .max = 720,
      ngx_soporte_rule_at(ngx_soporte_promise_t, announce) },

    { .name = "maintenance_cap_minutes", .read = ngx_soporte_rule_integer,
      .flags = NGX_SOPORTE_RULE_NULL, .min = 0, .max = 44640,
      ngx_soporte_rule_at(ngx_soporte_promise_t, cap) },

    { .name = NULL }
};


static const ngx_soporte_rule_t  ngx_soporte_policy_link[] = {

    { .name = "title", .read = ngx_soporte_policy_words, .min = 1, .max = 120,
      .flags = NGX_SOPORTE_RULE_REQUIRED,
      ngx_soporte_rule_at(ngx_soporte_link_t, title) },

    { .name = "url", .read = ngx_soporte_rule_url,
      .flags = NGX_SOPORTE_RULE_REQUIRED,
      ngx_soporte_rule_at(ngx_soporte_link_t, url) },

    { .name = NULL }
};


static const ngx_soporte_rule_t  ngx_soporte_policy_a_link = {
    .read = ngx_soporte_rule_object, .rules = ngx_soporte_policy_link
};


static const ngx_soporte_rule_t  ngx_soporte_policy_category_keys[] = {

    { .name = "id", .read = ngx_soporte_rule_id, .min = 1, .max = 40,
      .flags = NGX_SOPORTE_RULE_REQUIRED,
      .chars = NGX_SOPORTE_POLICY_LOWER NGX_SOPORTE_POLICY_DIGITS "-",
      ngx_soporte_rule_at(ngx_soporte_category_t, id) },

    { .name = "included", .read = ngx_soporte_rule_boolean,
      .flags = NGX_SOPORTE_RULE_REQUIRED,
      ngx_soporte_rule_at(ngx_soporte_category_t, included) },

    { .name = "title", .read = ngx_soporte_policy_words, .min = 1, .max = 80,
      .flags = NGX_SOPORTE_RULE_REQUIRED,
      ngx_soporte_rule_at(ngx_soporte_category_t, title) },

    { .name = "question", .read = ngx_soporte_policy_words,
      .min = 1, .max = 200,
      ngx_soporte_rule_at(ngx_soporte_category_t, question) },

    { .name = "answer", .read = ngx_soporte_policy_words,
      .flags = NGX_SOPORTE_RULE_REQUIRED, .min = 1, .max = 4000,
      ngx_soporte_rule_at(ngx_soporte_category_t, answer) },

    { .name = "links", .read = ngx_soporte_rule_list, .min = 0, .max = 8,
      .rules = &ngx_soporte_policy_a_link, .size = sizeof(ngx_soporte_link_t),
      .count = offsetof(ngx_soporte_category_t, nlinks)
               - offsetof(ngx_soporte_category_t, links),
      ngx_soporte_rule_at(ngx_soporte_category_t, links) },

    { .name = "queue", .read = ngx_soporte_rule_id, .min = 1, .max = 64,
      .flags = NGX_SOPORTE_RULE_REQUIRED,
      .chars = NGX_SOPORTE_POLICY_LOWER NGX_SOPORTE_POLICY_DIGITS "._-",
      ngx_soporte_rule_at(ngx_soporte_category_t, queue) },

    { .name = "response_minutes", .read = ngx_soporte_rule_integer,
      .flags = NGX_SOPORTE_RULE_NULL, .min = 1, .max = 525600,
      ngx_soporte_rule_at(ngx_soporte_category_t, response) },

    { .name = "urgent", .read = ngx_soporte_rule_boolean,
      ngx_soporte_rule_at(ngx_soporte_category_t, urgent) },

    { .name = NULL }
};


static const ngx_soporte_rule_t  ngx_soporte_policy_pack[] = {

    { .name = "title", .read = ngx_soporte_policy_words, .min = 1, .max = 80,
      .flags = NGX_SOPORTE_RULE_REQUIRED,
      ngx_soporte_rule_at(ngx_soporte_pack_t, title) },

    { .name = "text", .read = ngx_soporte_policy_words, .min = 1, .max = 4000,
      .flags = NGX_SOPORTE_RULE_REQUIRED,
      ngx_soporte_rule_at(ngx_soporte_pack_t, text) },

    { .name = "url", .read = ngx_soporte_rule_url,
      ngx_soporte_rule_at(ngx_soporte_pack_t, url) },

    { .name = NULL }
};


static const ngx_soporte_rule_t  ngx_soporte_policy_purpose = {
    .read = ngx_soporte_policy_words, .min = 1, .max = 400
};


static const ngx_soporte_rule_t  ngx_soporte_policy_purposes[] = {

    { .name = "necessary", .read = ngx_soporte_rule_list, .min = 1, .max = 16,
      .flags = NGX_SOPORTE_RULE_REQUIRED,
      .rules = &ngx_soporte_policy_purpose,
      .size = sizeof(ngx_soporte_words_t),
      .count = offsetof(ngx_soporte_privacy_t, nnecessary)
               - offsetof(ngx_soporte_privacy_t, necessary),
      ngx_soporte_rule_at(ngx_soporte_privacy_t, necessary) },

    { .name = "voluntary", .read = ngx_soporte_rule_list, .min = 0, .max = 16,
      .rules = &ngx_soporte_policy_purpose,
      .size = sizeof(ngx_soporte_words_t),
      .count = offsetof(ngx_soporte_privacy_t, nvoluntary)
               - offsetof(ngx_soporte_privacy_t, voluntary),
      ngx_soporte_rule_at(ngx_soporte_privacy_t, voluntary) },

    { .name = NULL }
};


static const ngx_soporte_rule_t  ngx_soporte_policy_privacy[] = {

    { .name = "responsible", .read = ngx_soporte_rule_text,
      .flags = NGX_SOPORTE_RULE_REQUIRED, .min = 1, .max = 200,
      ngx_soporte_rule_at(ngx_soporte_privacy_t, responsible) },

    { .name = "address", .read = ngx_soporte_rule_text,
      .flags = NGX_SOPORTE_RULE_REQUIRED, .min = 1, .max = 400,
      ngx_soporte_rule_at(ngx_soporte_privacy_t, address) },

    { .name = "purposes", .read = ngx_soporte_rule_object,
      .flags = NGX_SOPORTE_RULE_REQUIRED,
      .rules = ngx_soporte_policy_purposes },

    { .name = "refuse", .read = ngx_soporte_policy_words,
      .flags = NGX_SOPORTE_RULE_REQUIRED, .min = 1, .max = 1000,
      ngx_soporte_rule_at(ngx_soporte_privacy_t, refuse) },

    { .name = "arco", .read = ngx_soporte_policy_words,
      .flags = NGX_SOPORTE_RULE_REQUIRED, .min = 1, .max = 1000,
      ngx_soporte_rule_at(ngx_soporte_privacy_t, arco) },

    { .name = "url", .read = ngx_soporte_rule_url,
      .flags = NGX_SOPORTE_RULE_REQUIRED,
      ngx_soporte_rule_at(ngx_soporte_privacy_t, url) },

    { .name = "retention_days", .read = ngx_soporte_rule_integer,
      .flags = NGX_SOPORTE_RULE_REQUIRED, .min = 1, .max = 36500,
      ngx_soporte_rule_at(ngx_soporte_privacy_t, retention) },

    { .name = NULL }
};


static const ngx_soporte_rule_t  ngx_soporte_policy_form[] = {

    { .name = "min_seconds", .read = ngx_soporte_rule_integer,
      .min = 0, .max = 60,
      ngx_soporte_rule_at(ngx_soporte_policy_t, min_seconds) },

    { .name = "honeypot", .read = ngx_soporte_policy_honeypot,
      .min = 1, .max = 32,
      .chars = NGX_SOPORTE_POLICY_LOWER NGX_SOPORTE_POLICY_DIGITS "_",
      ngx_soporte_rule_at(ngx_soporte_policy_t, honeypot) },

    { .name = NULL }
};


static const ngx_soporte_rule_t  ngx_soporte_policy_a_category = {
    .read = ngx_soporte_policy_category_read,
    .rules = ngx_soporte_policy_category_keys
};


static const ngx_soporte_rule_t  ngx_soporte_policy_keys[] = {

    { .name = "$schema", .read = ngx_soporte_rule_ignore },

    { .name = "version", .read = ngx_soporte_rule_integer, .min = 1, .max = 1,
      .flags = NGX_SOPORTE_RULE_REQUIRED,
      ngx_soporte_rule_at(ngx_soporte_policy_t, version) },

    { .name = "provider", .read = ngx_soporte_rule_object,
      .flags = NGX_SOPORTE_RULE_REQUIRED,
      .rules = ngx_soporte_policy_provider,
      ngx_soporte_rule_at(ngx_soporte_policy_t, provider) },

    { .name = "contact", .read = ngx_soporte_rule_object,
      .flags = NGX_SOPORTE_RULE_REQUIRED,
      .rules = ngx_soporte_policy_contact,
      ngx_soporte_rule_at(ngx_soporte_policy_t, contact) },

    { .name = "promise", .read = ngx_soporte_rule_object,
      .flags = NGX_SOPORTE_RULE_REQUIRED,
      .rules = ngx_soporte_policy_promise,
      ngx_soporte_rule_at(ngx_soporte_policy_t, promise) },

    { .name = "categories", .read = ngx_soporte_policy_categories,
      .flags = NGX_SOPORTE_RULE_REQUIRED, .min = 1, .max = 64,
      .rules = &ngx_soporte_policy_a_category,
      .size = sizeof(ngx_soporte_category_t),
      .count = offsetof(ngx_soporte_policy_t, ncategories)
               - offsetof(ngx_soporte_policy_t, categories),
      ngx_soporte_rule_at(ngx_soporte_policy_t, categories) },

    { .name = "success_pack", .read = ngx_soporte_rule_object,
      .flags = NGX_SOPORTE_RULE_REQUIRED, .rules = ngx_soporte_policy_pack,
      ngx_soporte_rule_at(ngx_soporte_policy_t, pack) },

    { .name = "privacy", .read = ngx_soporte_rule_object,
      .flags = NGX_SOPORTE_RULE_REQUIRED, .rules = ngx_soporte_policy_privacy,
      ngx_soporte_rule_at(ngx_soporte_policy_t, privacy) },

    { .name = "form", .read = ngx_soporte_rule_object,
      .rules = ngx_soporte_policy_form },

    { .name = "public", .read = ngx_soporte_rule_bits,
      .words = ngx_soporte_policy_public,
      ngx_soporte_rule_at(ngx_soporte_policy_t, visible) },

    { .name = NULL }
};


ngx_int_t
ngx_soporte_policy_read(ngx_soporte_mem_t *mem,
    const ngx_soporte_value_t *root, ngx_soporte_policy_t *policy,
    ngx_str_t *error)
{
    ngx_memzero(policy, sizeof(ngx_soporte_policy_t));

    ngx_str_set(&policy->provider.color, "#1f5f8b");
    ngx_str_set(&policy->honeypot, "sitio_web");

    policy->promise.announce = 24;
    policy->promise.cap = -1;
    policy->min_seconds = 3;
    policy->visible = NGX_SOPORTE_PUBLIC_ALL;

    return ngx_soporte_rule_read(mem, ngx_soporte_policy_keys, root, policy,
                                 error);
}


ngx_soporte_category_t *
ngx_soporte_policy_category(const ngx_soporte_policy_t *policy,
    const ngx_str_t *id)
{
    ngx_uint_t               i;
    ngx_soporte_category_t  *category;

    for (i = 0; i < policy->ncategories; i++) {
        category = &policy->categories[i];

        if (category->id.len == id->len
            && ngx_memcmp(category->id.data, id->data, id->len) == 0)
        {
            return category;
        }
    }

    return NULL;
}


/* a string is both languages, an object has "es" and may have "en" */

static ngx_int_t
ngx_soporte_policy_words(ngx_soporte_step_t *step,
    const ngx_soporte_rule_t *rule, const ngx_soporte_value_t *value,
    void *dst)
{
    ngx_soporte_rule_t    object, keys[3];
    ngx_soporte_words_t  *words = dst;

    if (value->type == NGX_SOPORTE_STRING) {

        if (ngx_soporte_rule_text(step, rule, value, &words->es) != NGX_OK) {
            return NGX_ERROR;
        }

        words->en = words->es;

        return NGX_OK;
    }

    if (value->type != NGX_SOPORTE_OBJECT) {
        return ngx_soporte_rule_error(step, NULL, "a string, or an object "
                                      "with \"es\" and \"en\", is needed");
    }

    ngx_memzero(&object, sizeof(ngx_soporte_rule_t));
    ngx_memzero(keys, sizeof(keys));

    object.rules = keys;

    keys[0].name = "es";
    keys[0].read = ngx_soporte_rule_text;
    keys[0].offset = offsetof(ngx_soporte_words_t, es);
    keys[0].flags = NGX_SOPORTE_RULE_REQUIRED;
    keys[0].min = rule->min;
    keys[0].max = rule->max;

    keys[1] = keys[0];
    keys[1].name = "en";
    keys[1].offset = offsetof(ngx_soporte_words_t, en);
    keys[1].flags = 0;

    if (ngx_soporte_rule_object(step, &object, value, words) != NGX_OK) {
        return NGX_ERROR;
    }

    if (words->en.len == 0) {
        words->en = words->es;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_soporte_policy_color(ngx_soporte_step_t *step,
    const ngx_soporte_rule_t *rule, const ngx_soporte_value_t *value,
    void *dst)
{
    u_char  bytes[3];

    if (value->type != NGX_SOPORTE_STRING
        || value->str.len != sizeof("#rrggbb") - 1
        || value->str.data[0] != '#'
        || ngx_soporte_text_unhex(bytes, value->str.data + 1, 6) != NGX_OK)
    {
        return ngx_soporte_rule_error(step, NULL, "a color like \"#1f5f8b\" "
                                      "is needed");
    }

    *(ngx_str_t *) dst = value->str;

    return NGX_OK;
}


static ngx_int_t
ngx_soporte_policy_logo(ngx_soporte_step_t *step,
    const ngx_soporte_rule_t *rule, const ngx_soporte_value_t *value,
    void *dst)
{
    if (ngx_soporte_rule_text(step, rule, value, dst) != NGX_OK) {
        return NGX_ERROR;
    }

    if (!ngx_soporte_policy_safe_svg(&value->str)) {
        return ngx_soporte_rule_error(step, NULL, "one <svg> element without "
                                      "script, style, reference, handler or "
                                      "foreign object is needed");
    }

    return NGX_OK;
}


/*
 * The logo goes into pages as it is.  The operator is trusted, but a logo
 * comes from elsewhere, and what the pages' content security policy stops
 * would be a broken page in an outage: better refused when it is configured.
 */

static ngx_uint_t
ngx_soporte_policy_safe_svg(const ngx_str_t *svg)
{
    size_t              i, k;
    ngx_uint_t          n;
    static const char  *never[] = {
        "<script", "<style", "style=", "href", "javascript:", "<foreignobject",
        "<!", "<?", "<iframe", "<object", "<embed", "<image", NULL
    };

    if (svg->len < sizeof("<svg></svg>") - 1
        || ngx_strncmp(svg->data, "<svg", 4) != 0
        || (svg->data[4] != ' ' && svg->data[4] != '>')
        || ngx_strncmp(svg->data + svg->len - 6, "</svg>", 6) != 0
        || ngx_soporte_policy_count(svg, "<svg") != 1
        || ngx_soporte_policy_count(svg, "</svg") != 1)
    {
        return 0;
    }

    for (n = 0; never[n]; n++) {
        if (ngx_soporte_policy_count(svg, never[n])) {
            return 0;
        }
    }

    /* onload= and the like, in whatever way it is set apart */

    for (i = 1; i + 2 < svg->len; i++) {

        if ((svg->data[i] | 0x20) == 'o' && (svg->data[i + 1] | 0x20) == 'n'
            && (svg->data[i - 1] <= ' ' || svg->data[i - 1] == '/'
                || svg->data[i - 1] == '"' || svg->data[i - 1] == '\''))
        {
            for (k = i + 2; k < svg->len; k++) {
                if (!((svg->data[k] | 0x20) >= 'a'
                      && (svg->data[k] | 0x20) <= 'z')
                    && svg->data[k] > ' ')
                {
                    break;
                }
            }

            if (k < svg->len && svg->data[k] == '=') {
                return 0;
            }
        }
    }

    return 1;
}


/* occurrences without regard to case; s is in lower case */

static ngx_uint_t
ngx_soporte_policy_count(const ngx_str_t *text, const char *s)
{
    u_char      ch;
    size_t      i, k, len;
    ngx_uint_t  n;

    n = 0;
    len = ngx_strlen(s);

    for (i = 0; i + len <= text->len; i++) {

        for (k = 0; k < len; k++) {
            ch = text->data[i + k];

            if (ngx_tolower(ch) != (u_char) s[k]) {
                break;
            }
        }

        if (k == len) {
            n++;
        }
    }

    return n;
}


static ngx_int_t
ngx_soporte_policy_tel(ngx_soporte_step_t *step,
    const ngx_soporte_rule_t *rule, const ngx_soporte_value_t *value,
    void *dst)
{
    u_char     *p, *last;
    ngx_uint_t  digits;

    digits = 0;

    if (value->type == NGX_SOPORTE_STRING && value->str.len) {
        p = value->str.data;
        last = p + value->str.len;

        if (*p == '+') {
            p++;
        }

        while (p < last && *p >= '0' && *p <= '9') {
            digits++;
            p++;
        }

        if (p == last && digits >= 3 && digits <= 15) {
            *(ngx_str_t *) dst = value->str;
            return NGX_OK;
        }
    }

    return ngx_soporte_rule_error(step, NULL, "3 to 15 digits as they are "
                                  "dialed, \"+\" before them, are needed");
}


/* "99.99": kept as written and as millionths of the whole, never rounded */

static ngx_int_t
ngx_soporte_policy_availability(ngx_soporte_step_t *step,
    const ngx_soporte_rule_t *rule, const ngx_soporte_value_t *value,
    void *dst)
{
    u_char                 *p, *last, *point;
    ngx_uint_t              n, decimals;
    ngx_soporte_promise_t  *promise = dst;

    n = 0;
    decimals = 0;

    if (value->type != NGX_SOPORTE_STRING || value->str.len == 0
        || value->str.len > sizeof("99.9999") - 1)
    {
        goto bad;
    }

    point = NULL;
    last = value->str.data + value->str.len;

    for (p = value->str.data; p < last; p++) {

        if (*p == '.' && point == NULL && p > value->str.data) {
            point = p;
            continue;
        }

        if (*p < '0' || *p > '9') {
            goto bad;
        }

        n = n * 10 + (*p - '0');
        decimals += (point != NULL);
    }

    if ((point && decimals == 0) || decimals > 4
        || (value->str.data[0] == '0' && value->str.len > 1
            && value->str.data[1] != '.'))
    {
        goto bad;
    }

    for ( /* void */ ; decimals < 4; decimals++) {
        n *= 10;
    }

    if (n == 0 || n > 1000000) {
        goto bad;
    }

    promise->availability = value->str;
    promise->millionths = n;

    return NGX_OK;

bad:

    return ngx_soporte_rule_error(step, NULL, "a string like \"99.99\", at "
                                  "most \"100\", 4 decimals, is needed");
}


/* a robot's field: one that a ticket has would catch customers */

static ngx_int_t
ngx_soporte_policy_honeypot(ngx_soporte_step_t *step,
    const ngx_soporte_rule_t *rule, const ngx_soporte_value_t *value,
    void *dst)
{
    ngx_uint_t          i;
    static const char  *taken[] = {
        "subject", "description", "category", "email", "name", "phone",
        "context", "attachment", NULL
    };

    if (ngx_soporte_rule_id(step, rule, value, dst) != NGX_OK) {
        return NGX_ERROR;
    }

    for (i = 0; taken[i]; i++) {

        if (value->str.len == ngx_strlen(taken[i])
            && ngx_strncmp(value->str.data, taken[i], value->str.len) == 0)
        {
            return ngx_soporte_rule_error(step, NULL,
                                          "is a field of the ticket");
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_soporte_policy_category_read(ngx_soporte_step_t *step,
    const ngx_soporte_rule_t *rule, const ngx_soporte_value_t *value,
    void *dst)
{
    ngx_soporte_category_t  *category = dst;

    category->response = -1;

    return ngx_soporte_rule_object(step, rule, value, dst);
}


static ngx_int_t
ngx_soporte_policy_categories(ngx_soporte_step_t *step,
    const ngx_soporte_rule_t *rule, const ngx_soporte_value_t *value,
    void *dst)
{
    ngx_uint_t               i, n;
    ngx_soporte_step_t       below;
    ngx_soporte_category_t  *list;

    if (ngx_soporte_rule_list(step, rule, value, dst) != NGX_OK) {
        return NGX_ERROR;
    }

    list = *(ngx_soporte_category_t **) dst;
    n = *(ngx_uint_t *) ((u_char *) dst + rule->count);

    below = *step;
    below.up = step;
    below.name = NULL;

    for (below.index = 1; below.index < n; below.index++) {

        for (i = 0; i < below.index; i++) {

            if (list[i].id.len == list[below.index].id.len
                && ngx_memcmp(list[i].id.data, list[below.index].id.data,
                              list[i].id.len) == 0)
            {
                return ngx_soporte_rule_error(&below, "id", "another category "
                                              "has the same");
            }
        }
    }

    return NGX_OK;
}
