/* What is wrong with a configuration whose values can each be read: what they say together, and what they
 * name outside of it. */
#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fcgi/base/text.h"
#include "fcgi/config.h"
#include "fcgi/drivers/bus.h"

#define GRPC_SECRET_MIN 16
#define GRPC_SECRET_CHARS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/="
#define GRPC_PLAIN "grpc://"

bool config_grpc_is_safe(const struct config *c) {
    size_t n = strlen(c->grpc_secret);
    if (n == 0)
        return text_starts(c->grpc_listen, "unix:/") || config_grpc_is_tls(c);
    return n >= GRPC_SECRET_MIN && strspn(c->grpc_secret, GRPC_SECRET_CHARS) == n;
}

static int problem(FILE *err, const char *name, const char *value, const char *words) {
    fprintf(err, "%s: %s: %s\n", name, value, words);
    return 1;
}

static int check_folder(FILE *err, const char *name, const char *path, int mode) {
    struct stat st;
    if (stat(path, &st) != 0)
        return problem(err, name, path, "there is no such folder");
    if (!S_ISDIR(st.st_mode))
        return problem(err, name, path, "it is not a folder");
    if (access(path, mode) != 0)
        return problem(err, name, path,
                       (mode & W_OK) != 0 ? "this user may not write there" : "this user may not read it");
    return 0;
}

static int check_parent(FILE *err, const char *name, const char *path) {
    char folder[PATH_MAX];
    const char *slash = strrchr(path, '/');
    if (slash == NULL)
        return 0;
    if (slash == path)
        slash++;
    snprintf(folder, sizeof folder, "%.*s", (int)(slash - path), path);
    return check_folder(err, name, folder, W_OK | X_OK);
}

static int check_listen(FILE *err, const char *name, const char *address) {
    const char *colon = strrchr(address, ':');
    int64_t port;
    if (text_starts(address, "unix:/")) {
        if (strlen(address + 5) > 100)
            return problem(err, name, address, "the path of a socket has at most 100 characters");
        return check_parent(err, name, address + 5);
    }
    if (colon == NULL || colon == address || !text_parse_int(colon + 1, 1, 65535, &port))
        return problem(err, name, address, "it must be unix:/path or host:port");
    return 0;
}

static int check_secret(FILE *err, const char *name, const char *secret) {
    size_t n = strlen(secret);
    if (n > 0 && (n < GRPC_SECRET_MIN || n > 200 || strspn(secret, GRPC_SECRET_CHARS) != n))
        return problem(err, name, "(hidden)",
                       "it must have 16 to 200 letters, digits, or signs of - . _ ~ + / =");
    return 0;
}

static int check_pem(FILE *err, const char *name, const char *path) {
    if (path[0] == '\0')
        return problem(err, name, "(empty)", "it is needed, since an address begins with grpcs://");
    return access(path, R_OK) == 0 ? 0 : problem(err, name, path, strerror(errno));
}

static int check_certificates(const struct config *c, FILE *err) {
    struct stat st;
    if (!config_needs_certificates(c))
        return 0;
    int n = check_pem(err, "grpc_ca", c->grpc_ca) + check_pem(err, "grpc_cert", c->grpc_cert) +
            check_pem(err, "grpc_key", c->grpc_key);
    if (stat(c->grpc_key, &st) == 0 && (st.st_mode & (S_IWGRP | S_IRWXO)) != 0)
        n += problem(err, "grpc_key", c->grpc_key, "others may read it: chmod 600");
    return n;
}

static int check_grpc(const struct config *c, FILE *err) {
    int n = check_secret(err, "grpc_secret", c->grpc_secret) +
            check_secret(err, "grpc_outside_secret", c->grpc_outside_secret) + check_certificates(c, err);
    if (c->grpc_listen[0] == '\0')
        return n;
    n += check_listen(err, "grpc_listen", config_grpc_place(c));
    if (!config_grpc_is_safe(c))
        n += problem(
            err, "grpc_listen", c->grpc_listen,
            "without grpc_secret only a unix socket or grpcs:// is opened, since whoever reaches it may "
            "do all");
    return n;
}

/* Whether what goes there leaves the machine. place is host:port. */
static bool is_far(const char *place) {
    return !text_starts(place, "127.") && !text_starts(place, "localhost:") && !text_starts(place, "[::1]:");
}

int config_warn(const struct config *c, FILE *out) {
    const char *name, *address;
    int n = 0;
    for (size_t at = 0; (address = config_next_service(c, &at, &name)) != NULL;)
        if (text_starts(address, GRPC_PLAIN) && is_far(address + strlen(GRPC_PLAIN)))
            n +=
                problem(out, name, address,
                        "members' data and the secret travel in the open; on a network that others share use "
                        "grpcs://");
    if (c->grpc_listen[0] != '\0' && !text_starts(c->grpc_listen, "unix:") && !config_grpc_is_tls(c) &&
        is_far(c->grpc_listen))
        n += problem(out, "grpc_listen", c->grpc_listen,
                     "whoever listens on the network learns the secret; use grpcs://");
    return n;
}

static int check_site(const struct config *c, FILE *err) {
    int n = 0;
    if (!text_is_http_url(c->base_url))
        n += problem(err, "base_url", c->base_url, "it must be http://host or https://host");
    else if (c->base_url[strlen(c->base_url) - 1] == '/' ||
             strchr(strstr(c->base_url, "://") + 3, '/') != NULL)
        n += problem(err, "base_url", c->base_url, "it must end with the host: no path, no slash");
    if (text_is_empty(c->site_name))
        n += problem(err, "site_name", c->site_name, "the site needs a name");
    if (c->contact_email[0] != '\0' && !text_is_email(c->contact_email))
        n += problem(err, "contact_email", c->contact_email, "it is no e-mail address");
    return n;
}

static int check_servers(const struct config *c, FILE *err) {
    int n = 0;
    struct stat st;
    if (!text_starts(c->redis, "redis://") && !text_starts(c->redis, "unix:///"))
        n += problem(err, "redis", "(hidden)", "it must begin with redis:// or unix:///");
    if (strcmp(c->docs, "postgresql") != 0 && !text_starts(c->docs, "mongodb://") &&
        !text_starts(c->docs, "mongodb+srv://"))
        n += problem(err, "docs", "(hidden)", "it must be postgresql or begin with mongodb://");
    if (text_starts(c->mail, "folder:/"))
        n += check_folder(err, "mail", c->mail + 7, W_OK | X_OK);
    else if (!text_starts(c->mail, "smtp://") && !text_starts(c->mail, "smtps://"))
        n += problem(err, "mail", "(hidden)", "it must begin with folder:/, smtp:// or smtps://");
    n += bus_check(c, err);
    if (stat(c->postgresql_secrets, &st) != 0)
        n += problem(err, "postgresql_secrets", c->postgresql_secrets,
                     "there is no such file: run `deeplink migrate`");
    else if ((st.st_mode & (S_IROTH | S_IWOTH)) != 0)
        n += problem(err, "postgresql_secrets", c->postgresql_secrets, "everybody may read it: chmod o-rwx");
    return n;
}

int config_check(const struct config *c, FILE *err) {
    int n = check_site(c, err) + check_listen(err, "listen", c->listen) + check_grpc(c, err) +
            check_servers(c, err);
    n += check_folder(err, "static_dir", c->static_dir, R_OK | X_OK);
    if (c->pages_dir[0] != '\0')
        n += check_folder(err, "pages_dir", c->pages_dir, W_OK | X_OK);
    if (c->log_file[0] != '\0')
        n += check_parent(err, "log_file", c->log_file);
    if (c->pid_file[0] != '\0')
        n += check_parent(err, "pid_file", c->pid_file);
    struct stat st;
    if (!config_secret_load(c, err))
        n++;
    else if (stat(c->secret_file, &st) == 0 && (st.st_mode & (S_IRWXG | S_IRWXO)) != 0)
        n += problem(err, "secret_file", c->secret_file, "others may read it: chmod 600");
    return n;
}
