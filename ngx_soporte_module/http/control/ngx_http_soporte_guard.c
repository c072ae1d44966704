
/*
 * Who can reach the operators' API: warns of one open to others, and takes
 * from its socket the rights that nginx gives to everybody.
 *
 * nginx binds a unix socket and makes it 0666.  Afterwards it becomes 0660 and
 * is given to the group of its directory, so that the directory's owner says
 * in one place who may command.
 */

#include "ngx_http_soporte_conf.h"

#include <sys/stat.h>
#include <sys/un.h>


#define NGX_HTTP_SOPORTE_GUARD_PATH  128     /* over sun_path's 108 */


static void ngx_http_soporte_guard_address(ngx_conf_t *cf,
    ngx_http_soporte_main_conf_t *smcf, ngx_http_conf_addr_t *addr);
static void ngx_http_soporte_guard_tcp(ngx_conf_t *cf,
    ngx_http_soporte_control_t *control, ngx_str_t *addr);
static ngx_uint_t ngx_http_soporte_guard_ruled(ngx_conf_t *cf,
    ngx_http_soporte_control_t *control, const char *name, ngx_uint_t n);
static void ngx_http_soporte_guard_directory(ngx_conf_t *cf,
    ngx_http_soporte_control_t *control, struct sockaddr *sockaddr);
static ngx_int_t ngx_http_soporte_guard_stat(struct sockaddr *sockaddr,
    char path[], struct stat *st);


char *
ngx_http_soporte_set_control(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    char                          *rv;
    ngx_http_soporte_control_t    *control;
    ngx_http_soporte_main_conf_t  *smcf;

    rv = ngx_http_soporte_set_handler(cf, cmd, conf);

    if (rv != NGX_CONF_OK) {
        return rv;
    }

    smcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_soporte_module);

    control = ngx_array_push(&smcf->controls);

    if (control == NULL) {
        return NGX_CONF_ERROR;
    }

    control->server = ngx_http_conf_get_module_srv_conf(cf,
                                                       ngx_http_core_module);
    control->ctx = cf->ctx;
    control->said = 0;
    ngx_http_soporte_conf_place(cf, &control->place);

    return NGX_CONF_OK;
}


void
ngx_http_soporte_guard_check(ngx_conf_t *cf,
    ngx_http_soporte_main_conf_t *smcf)
{
    ngx_uint_t                  i, j;
    ngx_http_conf_port_t       *port;
    ngx_http_conf_addr_t       *addr;
    ngx_http_core_main_conf_t  *cmcf;

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    if (cmcf->ports == NULL) {
        return;
    }

    port = cmcf->ports->elts;

    for (i = 0; i < cmcf->ports->nelts; i++) {
        addr = port[i].addrs.elts;

        for (j = 0; j < port[i].addrs.nelts; j++) {
            ngx_http_soporte_guard_address(cf, smcf, &addr[j]);
        }
    }
}


static void
ngx_http_soporte_guard_address(ngx_conf_t *cf,
    ngx_http_soporte_main_conf_t *smcf, ngx_http_conf_addr_t *addr)
{
    ngx_uint_t                    i, k;
    ngx_http_core_srv_conf_t    **server;
    ngx_http_soporte_control_t   *control;

    server = addr->servers.elts;
    control = smcf->controls.elts;

    for (k = 0; k < addr->servers.nelts; k++) {
        for (i = 0; i < smcf->controls.nelts; i++) {

            if (server[k] != control[i].server) {
                continue;
            }

            if (addr->opt.sockaddr->sa_family == AF_UNIX) {
                ngx_http_soporte_guard_directory(cf, &control[i],
                                                 addr->opt.sockaddr);
            } else {
                ngx_http_soporte_guard_tcp(cf, &control[i],
                                           &addr->opt.addr_text);
            }
        }
    }
}


static void
ngx_http_soporte_guard_tcp(ngx_conf_t *cf,
    ngx_http_soporte_control_t *control, ngx_str_t *addr)
{
    if (control->said
        || ngx_http_soporte_guard_ruled(cf, control,
                                        "ngx_http_access_module", 3)
        || ngx_http_soporte_guard_ruled(cf, control,
                                        "ngx_http_auth_basic_module", 1))
    {
        return;
    }

    control->said = 1;

    ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                  "whoever reaches %V may command by \"soporte_control\" in "
                  "%s:%ui: use a unix socket, or \"allow\" and \"deny\"",
                  addr, control->place.file, control->place.line);
}


/*
 * Whether a module that refuses was told anything here.  Its configuration
 * begins with n pointers to what it was told, in every version of nginx.
 */

static ngx_uint_t
ngx_http_soporte_guard_ruled(ngx_conf_t *cf,
    ngx_http_soporte_control_t *control, const char *name, ngx_uint_t n)
{
    void         **told;
    ngx_uint_t     i;
    ngx_module_t  *module;

    for (i = 0; cf->cycle->modules[i]; i++) {
        module = cf->cycle->modules[i];

        if (ngx_strcmp(module->name, name) != 0) {
            continue;
        }

        told = control->ctx->loc_conf[module->ctx_index];

        while (n--) {
            if (told[n]) {
                return 1;
            }
        }
    }

    return 0;
}


static void
ngx_http_soporte_guard_directory(ngx_conf_t *cf,
    ngx_http_soporte_control_t *control, struct sockaddr *sockaddr)
{
    char         path[NGX_HTTP_SOPORTE_GUARD_PATH];
    struct stat  st;

    if (ngx_http_soporte_guard_stat(sockaddr, path, &st) != NGX_OK
        || !(st.st_mode & S_IXOTH) || control->said)
    {
        return;
    }

    control->said = 1;

    ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                  "the directory of \"%s\" is open to everybody, who may then "
                  "command by \"soporte_control\" in %s:%ui: make it 0750",
                  ((struct sockaddr_un *) sockaddr)->sun_path,
                  control->place.file, control->place.line);
}


/* the socket's directory */

static ngx_int_t
ngx_http_soporte_guard_stat(struct sockaddr *sockaddr, char path[],
    struct stat *st)
{
    char  *slash;

    ngx_cpystrn((u_char *) path,
                (u_char *) ((struct sockaddr_un *) sockaddr)->sun_path,
                NGX_HTTP_SOPORTE_GUARD_PATH);

    slash = strrchr(path, '/');

    if (slash == NULL || slash == path) {
        return NGX_DECLINED;
    }

    *slash = '\0';

    return (stat(path, st) == 0) ? NGX_OK : NGX_DECLINED;
}


void
ngx_http_soporte_guard_commit(ngx_cycle_t *cycle,
    ngx_http_soporte_main_conf_t *smcf)
{
    char                         path[NGX_HTTP_SOPORTE_GUARD_PATH], *name;
    ngx_uint_t                   i, k;
    struct stat                  st;
    ngx_listening_t             *ls;
    ngx_http_port_t             *port;
    ngx_http_in_addr_t          *addr;
    ngx_http_soporte_control_t  *control;

    ls = cycle->listening.elts;
    control = smcf->controls.elts;

    for (i = 0; i < cycle->listening.nelts; i++) {

        if (ls[i].sockaddr->sa_family != AF_UNIX
            || ls[i].handler != ngx_http_init_connection)
        {
            continue;
        }

        port = ls[i].servers;
        addr = port->addrs;
        name = ((struct sockaddr_un *) ls[i].sockaddr)->sun_path;

        for (k = 0; k < smcf->controls.nelts; k++) {

            if (addr[0].conf.default_server != control[k].server
                || ngx_http_soporte_guard_stat(ls[i].sockaddr, path, &st)
                   != NGX_OK)
            {
                continue;
            }

            /* the workers' own calls go by root or by the group as well */

            if (lchown(name, (uid_t) -1, st.st_gid) == -1
                || chmod(name, 0660) == -1)
            {
                ngx_log_error(NGX_LOG_WARN, cycle->log, ngx_errno,
                              "the rights of \"%s\" can't be set", name);
            }
        }
    }
}


u_char *
ngx_http_soporte_guard_peer(ngx_http_request_t *r, u_char *p)
{
    socklen_t          len;
    struct ucred       peer;
    ngx_connection_t  *c;

    c = r->connection;
    len = sizeof(peer);

    if (c->sockaddr->sa_family == AF_UNIX
        && getsockopt(c->fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0)
    {
        return ngx_sprintf(p, " by uid %uD", (uint32_t) peer.uid);
    }

    return p;
}
