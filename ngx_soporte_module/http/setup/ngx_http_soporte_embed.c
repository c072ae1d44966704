
/*
 * Embeds files of conf/ as they are, so that an incident needs no disk.
 */

#include "ngx_http_soporte_embed.h"


#define ngx_http_soporte_incbin(symbol, file)                                 \
    __asm__(".pushsection .rodata\n"                                          \
            "ngx_http_soporte_" #symbol "_begin:\n"                           \
            ".incbin \"" file "\"\n"                                          \
            "ngx_http_soporte_" #symbol "_end:\n"                             \
            ".byte 0\n"                                                       \
            ".popsection\n");                                                 \
    extern u_char  ngx_http_soporte_##symbol##_begin[]                        \
        __attribute__((visibility("hidden")));                                \
    extern u_char  ngx_http_soporte_##symbol##_end[]                          \
        __attribute__((visibility("hidden")))


ngx_http_soporte_incbin(policy, "politica.json");
ngx_http_soporte_incbin(messages, "pages/messages.json");
ngx_http_soporte_incbin(maintenance, "pages/maintenance.html");
ngx_http_soporte_incbin(restore, "pages/restore.html");
ngx_http_soporte_incbin(incident, "pages/incident.html");
ngx_http_soporte_incbin(help, "pages/help.html");
ngx_http_soporte_incbin(ticket, "pages/ticket.html");
ngx_http_soporte_incbin(status, "pages/status.html");
ngx_http_soporte_incbin(error, "pages/error.html");
ngx_http_soporte_incbin(desk, "pages/desk.html");
ngx_http_soporte_incbin(privacy, "pages/privacy.html");
ngx_http_soporte_incbin(badge, "pages/badge.html");
ngx_http_soporte_incbin(tickets, "pages/tickets.html");
ngx_http_soporte_incbin(head, "pages/head.html");
ngx_http_soporte_incbin(foot, "pages/foot.html");
ngx_http_soporte_incbin(style, "pages/style.html");
ngx_http_soporte_incbin(contact, "pages/contact.html");
ngx_http_soporte_incbin(widget, "widget.js");
ngx_http_soporte_incbin(form, "form.js");


typedef struct {
    const char    *name;
    u_char        *begin;
    u_char        *end;
    ngx_str_t      text;
} ngx_http_soporte_embedded_t;


#define ngx_http_soporte_embed(name, symbol)                                  \
    { name, ngx_http_soporte_##symbol##_begin,                                \
      ngx_http_soporte_##symbol##_end, ngx_null_string }


static ngx_http_soporte_embedded_t  ngx_http_soporte_files[] = {
    ngx_http_soporte_embed("politica.json", policy),
    ngx_http_soporte_embed("pages/messages.json", messages),
    ngx_http_soporte_embed("pages/maintenance.html", maintenance),
    ngx_http_soporte_embed("pages/restore.html", restore),
    ngx_http_soporte_embed("pages/incident.html", incident),
    ngx_http_soporte_embed("pages/help.html", help),
    ngx_http_soporte_embed("pages/ticket.html", ticket),
    ngx_http_soporte_embed("pages/status.html", status),
    ngx_http_soporte_embed("pages/error.html", error),
    ngx_http_soporte_embed("pages/desk.html", desk),
    ngx_http_soporte_embed("pages/privacy.html", privacy),
    ngx_http_soporte_embed("pages/badge.html", badge),
    ngx_http_soporte_embed("pages/tickets.html", tickets),
    ngx_http_soporte_embed("pages/head.html", head),
    ngx_http_soporte_embed("pages/foot.html", foot),
    ngx_http_soporte_embed("pages/style.html", style),
    ngx_http_soporte_embed("pages/contact.html", contact),
    ngx_http_soporte_embed("widget.js", widget),
    ngx_http_soporte_embed("form.js", form),
    { NULL, NULL, NULL, ngx_null_string }
};


ngx_str_t *
ngx_http_soporte_embedded(const char *name, size_t len)
{
    ngx_http_soporte_embedded_t  *f;

    for (f = ngx_http_soporte_files; f->name; f++) {

        if (ngx_strlen(f->name) == len
            && ngx_memcmp(f->name, name, len) == 0)
        {
            f->text.data = f->begin;
            f->text.len = f->end - f->begin;

            return &f->text;
        }
    }

    return NULL;
}
