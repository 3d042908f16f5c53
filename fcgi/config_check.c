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
#include "fcgi/drivers/address.h"
#include "fcgi/drivers/bus.h"

#define GRPC_SECRET_MIN 16
#define GRPC_SECRET_CHARS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/="
#define GRPC_PLAIN "grpc://"
#define KAFKA_PLAIN "kafka://"

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

/* A file may be named there; if so, it is there. */
static int check_file(FILE *err, const char *name, const char *path) {
    return path[0] == '\0' || access(path, R_OK) == 0 ? 0 : problem(err, name, path, strerror(errno));
}

static int check_pem(FILE *err, const char *name, const char *path) {
    if (path[0] == '\0')
        return problem(err, name, "(empty)", "it is needed, since an address begins with grpcs://");
    return check_file(err, name, path);
}

static int check_key(FILE *err, const char *name, const char *path) {
    struct stat st;
    if (stat(path, &st) == 0 && (st.st_mode & (S_IWGRP | S_IRWXO)) != 0)
        return problem(err, name, path, "others may read it: chmod 600");
    return 0;
}

static int check_certificates(const struct config *c, FILE *err) {
    if (!config_needs_certificates(c))
        return 0;
    return check_pem(err, "grpc_ca", c->grpc_ca) + check_pem(err, "grpc_cert", c->grpc_cert) +
           check_pem(err, "grpc_key", c->grpc_key) + check_key(err, "grpc_key", c->grpc_key);
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
    if (strcmp(c->bus_sasl, "PLAIN") == 0 && text_starts(c->bus, KAFKA_PLAIN) &&
        is_far(c->bus + strlen(KAFKA_PLAIN)))
        n += problem(out, "bus", c->bus,
                     "whoever listens on the network learns bus_password; use kafkas://, or let bus_sasl be "
                     "SCRAM-SHA-512");
    return n;
}

/* ---- the brokers that carry events ---- */

static bool is_bus_tls(const struct config *c) { return text_starts(c->bus, "kafkas://"); }

static int check_bus_tls(const struct config *c, FILE *err) {
    const char *const files[][2] = {
        {"bus_ca", c->bus_ca}, {"bus_cert", c->bus_cert}, {"bus_key", c->bus_key}};
    int n = 0;
    for (size_t i = 0; i < 3; i++)
        n += files[i][1][0] != '\0' && !is_bus_tls(c)
                 ? problem(err, files[i][0], files[i][1], "it is for TLS: let bus begin with kafkas://")
                 : check_file(err, files[i][0], files[i][1]);
    if (c->bus_cert[0] != '\0' && c->bus_key[0] == '\0')
        n += problem(err, "bus_key", "(empty)", "it is needed, since bus_cert is set");
    if (c->bus_key[0] != '\0' && c->bus_cert[0] == '\0')
        n += problem(err, "bus_cert", "(empty)", "it is needed, since bus_key is set");
    return n + check_key(err, "bus_key", c->bus_key);
}

static int check_bus_login(const struct config *c, FILE *err) {
    bool has_user = c->bus_user[0] != '\0', has_password = c->bus_password[0] != '\0';
    if (strcmp(c->bus_sasl, "none") == 0 && (has_user || has_password))
        return problem(
            err, "bus_sasl", c->bus_sasl,
            "it must say how to log in, as SCRAM-SHA-512 does, since bus_user or bus_password is set");
    if (strcmp(c->bus_sasl, "none") == 0)
        return 0;
    return (has_user ? 0 : problem(err, "bus_user", "(empty)", "it is needed, since bus_sasl is set")) +
           (has_password ? 0
                         : problem(err, "bus_password", "(empty)",
                                   "it is needed, since bus_sasl is set: bus_password = @/path"));
}

static int check_bus(const struct config *c, FILE *err) {
    int n = bus_check(c, err);
    return text_starts(c->bus, "kafka") ? n + check_bus_tls(c, err) + check_bus_login(c, err) : n;
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
    n += check_bus(c, err);
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
    if (!address_list_ok(c->fetch_allow))
        n += problem(err, "fetch_allow", c->fetch_allow,
                     "it must be a list of ADDRESS:PORT or [ADDRESS]:PORT with spaces between");
    if (c->fetch_ca[0] != '\0' && access(c->fetch_ca, R_OK) != 0)
        n += problem(err, "fetch_ca", c->fetch_ca, "it can't be read");
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
