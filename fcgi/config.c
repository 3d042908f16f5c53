#include "fcgi/config.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fcgi/base/arena.h"
#include "fcgi/base/crypto.h"
#include "fcgi/base/text.h"
#include "fcgi/i18n.h"
#include "fcgi/suggest.h"

#define FILE_MAX_BYTES ((size_t)256 * 1024)
#define VALUE_MAX_BYTES ((size_t)8 * 1024)
#define GRPC_TLS "grpcs://"

enum type { STRING, INT, BOOL, CHOICE, HEADING };

struct setting {
    const char *name;
    enum type type;
    size_t at;             /* offset in struct config */
    const char *otherwise; /* default, as it would stand in the file */
    long min, max;         /* INT */
    const char *choices;   /* CHOICE: separated by '|' */
    bool reloadable;       /* a SIGHUP takes it; else it needs a restart */
    bool secret;           /* never printed */
    const char *words;     /* what it is for */
};

#define AT(field) offsetof(struct config, field)
#define TEXT(field, otherwise, reload, words) \
    { #field, STRING, AT(field), otherwise, 0, 0, NULL, reload, false, words }
#define SECRET(field, otherwise, words) \
    { #field, STRING, AT(field), otherwise, 0, 0, NULL, true, true, words }
#define NUMBER(field, otherwise, min, max, reload, words) \
    { #field, INT, AT(field), otherwise, min, max, NULL, reload, false, words }
#define YESNO(field, otherwise, words) \
    { #field, BOOL, AT(field), otherwise, 0, 0, NULL, true, false, words }
#define ONEOF(field, otherwise, choices, words) \
    { #field, CHOICE, AT(field), otherwise, 0, 0, choices, true, false, words }
#define TITLE(words) \
    { NULL, HEADING, 0, NULL, 0, 0, NULL, false, false, words }

/* Workers are replaced by a reload, so what only they use is reloadable; what the master holds is not. */
static const struct setting settings[] = {
    TITLE("The site"),
    TEXT(site_name, "DeepLink", true, "What the site is called."),
    TEXT(site_description, tr_mark("A social and professional network of our own."), true,
         "One sentence for the landing page, search engines and previews."),
    TEXT(
        base_url, "http://127.0.0.1:8080", true,
        "Where readers find the site: scheme and host, no slash at the end. With https, cookies are bound to it."),
    TEXT(accent, "", true, "Accent colour of the look, as #rrggbb; empty: the site's own."),
    ONEOF(registration, "open", "open|approval|invite|closed",
          "Who may sign up: anybody, anybody whom an admin approves, those with an invite, nobody."),
    TEXT(contact_email, "", true, "Shown where readers look for somebody in charge; may be empty."),
    YESNO(intranet, "no", "Shows nothing to anybody who is not signed in."),
    NUMBER(post_max_chars, "5000", 100, 100000, true, "Characters of a post, as a reader counts them."),

    TITLE("The process"),
    TEXT(listen, "unix:/run/deeplink/fcgi.sock", false,
         "Where nginx reaches the workers: unix:/path or host:port."),
    NUMBER(workers, "0", 0, 200, false, "Worker processes; 0: twice the number of cores."),
    NUMBER(request_timeout_ms, "30000", 100, 600000, false,
           "A worker that needs longer for one request is killed and replaced."),
    NUMBER(max_body_bytes, "1048576", 4096, 1073741824, true,
           "Largest request body; nginx's client_max_body_size should say the same."),
    TEXT(log_file, "", true, "Where log lines go; empty: standard error. SIGHUP opens it anew."),
    ONEOF(log_level, "info", "error|warn|info|debug",
          "From which weight on lines are written; requests are info."),
    TEXT(pid_file, "", false, "The master's process number is written there; empty: nowhere."),

    TITLE("Streams"),
    TEXT(stream_listen, "unix:/run/deeplink/stream.sock", false,
         "Where nginx reaches `deeplink stream`: unix:/path or host:port."),
    NUMBER(stream_workers, "1", 1, 16, false, "Hub processes side by side; one holds thousands of streams."),
    NUMBER(stream_max, "10000", 16, 500000, false, "Streams that one hub holds at most."),
    NUMBER(stream_member_max, "16", 1, 1000, true, "Streams that one member may have open on this machine."),
    NUMBER(stream_address_max, "200", 1, 100000, true,
           "Streams that one address may have open on this machine."),

    TITLE("Servers"),
    TEXT(postgresql, "host=/var/run/postgresql dbname=deeplink", true,
         "libpq connection words, without user: each service logs in with a role of its own."),
    SECRET(postgresql_admin, "host=/var/run/postgresql dbname=deeplink",
           "libpq connection words of the database's owner, for `deeplink migrate` alone."),
    TEXT(postgresql_secrets, "/var/lib/deeplink/postgresql.secrets", true,
         "File of role=password lines; `deeplink migrate` writes it when it is not there."),
    SECRET(redis, "redis://127.0.0.1:6379/0", "redis://[:password@]host:port[/db] or unix:///path[?db=N]."),
    SECRET(docs, "postgresql", "Where documents live: postgresql, or mongodb://host:port/database."),
    TEXT(
        bus, "builtin", true,
        "What carries events: builtin, or kafka://host:port,host:port, with TLS kafkas://, with /prefix before the names "
        "of topics and groups where sites share brokers."),
    TEXT(
        bus_ca, "", true,
        "PEM file of the authority that signs the brokers' certificates; empty: those that this machine trusts. "
        "For kafkas://, as are the next two."),
    TEXT(bus_cert, "", true,
         "PEM file of the certificate that brokers are shown, where they ask for one; empty: none."),
    TEXT(bus_key, "", true, "PEM file of its key, without a passphrase, readable by this user alone."),
    ONEOF(bus_sasl, "none", "none|PLAIN|SCRAM-SHA-256|SCRAM-SHA-512",
          "How brokers are logged in to (SASL). PLAIN shows them the password: only with kafkas://."),
    TEXT(bus_user, "", true, "Who we are to the brokers."),
    SECRET(bus_password, "", "The password there, best in a file of its own."),
    SECRET(bus_options, "",
           "Further words for the brokers' client, name=value, as librdkafka has them: client.rack=a "
           "compression.type=lz4"),
    NUMBER(bus_partitions, "12", 1, 200, true, "Partitions of a topic that is made."),
    NUMBER(bus_replicas, "0", 0, 100, true,
           "Copies of a topic that is made; 0: three, or one on each broker where there are fewer."),
    NUMBER(bus_retention_days, "7", 1, 3650, true, "Days that a topic that is made keeps events."),
    SECRET(
        mail, "folder:/var/lib/deeplink/mail",
        "folder:/path writes each message as a file; smtp://user:password@host:port or smtps://… sends it."),
    TEXT(mail_from, "DeepLink <noreply@localhost>", true, "Sender of all mail."),
    NUMBER(
        mail_delay_s, "60", 0, 86400, true,
        "Seconds between something that happens and the mail that tells a member of it: time to read it on the site."),
    NUMBER(mail_window_s, "1800", 0, 86400, true,
           "Seconds between two such mails to one member; what happens meanwhile goes into the second one."),
    YESNO(
        outbound_private, "no",
        "Lets webhooks and Web Push call http:// and addresses of private networks. Else members could reach what "
        "stands beside the site."),
    NUMBER(server_timeout_ms, "3000", 50, 60000, true,
           "How long to wait for a server before it counts as down."),

    TITLE("Links"),
    YESNO(
        link_cards, "yes",
        "Shows under a post what the first page that it links to is about. This server asks that page for it."),
    TEXT(link_cards_never, "", true,
         "Hosts that are not asked, with all below them: example.com example.org."),
    TEXT(
        fetch_allow, "", true,
        "Servers of your own network that pages and their pictures may be fetched from: 10.0.0.5:8080 [fd00::5]:443. "
        "Everything else that is not of the public internet is refused."),
    TEXT(
        fetch_ca, "", true,
        "A PEM file of authorities of your own: sites may show certificates of theirs besides those that the system "
        "knows."),

    TITLE("Media"),
    TEXT(media, "folder:/var/lib/deeplink/media", false,
         "Where files are kept: folder:/path, or s3://bucket/prefix?endpoint=https://host&region=name."),
    SECRET(media_s3_key, "", "The access key of the bucket."),
    SECRET(media_s3_secret, "", "Its secret."),
    TEXT(
        media_cdn, "", true,
        "With a bucket: where files that everybody may have are had from, https://host/path; empty: by signed addresses."),
    TEXT(media_spool, "/var/lib/deeplink/spool", false,
         "Where uploads wait until a worker has made files of them. nginx writes them there."),
    NUMBER(media_image_mb, "16", 1, 1024, true, "The largest picture that may be uploaded, in MB."),
    NUMBER(media_video_mb, "200", 1, 100000, true, "The largest video."),
    NUMBER(media_audio_mb, "100", 1, 100000, true, "The largest sound."),
    NUMBER(media_document_mb, "50", 1, 100000, true, "The largest document."),
    NUMBER(media_quota_mb, "2000", 0, 100000000, true, "What all uploads of a member may take; 0: no limit."),
    NUMBER(media_workers, "1", 1, 64, false, "Processes that make files of uploads."),
    NUMBER(media_timeout_s, "900", 10, 86400, true, "The longest that one of them may work on one upload."),
    NUMBER(media_memory_mb, "1024", 128, 1000000, true, "The most memory that it may take for that."),
    NUMBER(media_loose_hours, "24", 1, 8760, true,
           "Hours after which uploads that were used for nothing are removed."),

    TITLE("Services that live apart"),
    TEXT(
        service_user, "local", false,
        "Where the user service lives: local, grpc+unix:/path, grpcs://host:port (TLS) or grpc://host:port (in "
        "the open). `deeplink serve user` has it in its own pool, whatever stands here."),
    TEXT(service_post, "local", false, "The same for the post service."),
    TEXT(service_connection, "local", false, "The same for the connection service."),
    TEXT(service_notification, "local", false, "The same for the notification service."),
    TEXT(service_media, "local", false, "The same for the media service."),
    TEXT(grpc_listen, "", false,
         "Where this pool's services can be called by gRPC: unix:/path, grpcs://host:port (TLS) or host:port "
         "(in the open); empty: nowhere."),
    NUMBER(grpc_workers, "0", 0, 200, false,
           "Worker processes for that, at least 2; 0: as many as there are for pages."),
    TEXT(grpc_ca, "", true,
         "PEM file of the authority that signs the certificates of services, of this site alone: whoever "
         "shows one of them is a service. Needed for grpcs://, as are the next two."),
    TEXT(grpc_cert, "", true,
         "PEM file of this pool's certificate, for serving and for calling, with the host's name, and what "
         "leads to the authority."),
    TEXT(grpc_key, "", true, "PEM file of its key, without a passphrase, readable by this user alone."),
    SECRET(
        grpc_secret, "",
        "What services show each other, at least 16 characters, the same in all pools: @/path of a file. "
        "Without it only a unix socket is opened, for processes of the same user, and TLS, for whoever has "
        "a certificate."),
    SECRET(
        grpc_outside_secret, "",
        "What programs of yours show from outside (nginx/snippets/grpc.conf): they may call what strangers "
        "may read, in nobody's name. Empty: nobody may."),
    YESNO(
        grpc_tokens, "no",
        "Lets programs from outside act for their member: who shows a personal or an app's token may call what "
        "its scopes allow (docs/grpc.md)."),
    NUMBER(grpc_timeout_ms, "3000", 50, 60000, true, "How long one service waits for an answer of another."),

    TITLE("Files"),
    TEXT(static_dir, "/usr/share/deeplink/static", true,
         "Folder of style sheets, scripts and icons, served by nginx."),
    TEXT(pages_dir, "", true,
         "Folder where pages for readers without an account are kept for nginx; empty: they are not kept."),
    TEXT(secret_file, "/var/lib/deeplink/secret", false,
         "The key that signs tokens; made when it is not there. Whoever has it can forge them."),

    TITLE("Safety"),
    YESNO(rate_limits, "yes",
          "Limits on how often one account or address may do a thing. Off only for measuring."),
    NUMBER(session_days, "30", 1, 365, true, "Days without a visit after which somebody must log in again."),
    NUMBER(password_min, "10", 8, 128, true, "Characters of a password, at least."),
    NUMBER(delete_grace_days, "14", 0, 365, true,
           "Days in which a deleted account can be restored; then everything of it is erased."),
    NUMBER(notification_days, "90", 1, 3650, true, "Days after which notifications are removed."),
    NUMBER(argon2_memory_kib, "19456", 8192, 4194304, true, "Memory for hashing a password, in KiB."),
    NUMBER(argon2_ops, "2", 1, 16, true, "Passes over that memory."),
    TEXT(trusted_proxies, "", true, "Reserved: nginx says who the client is."),
};

#define N_SETTINGS (sizeof settings / sizeof settings[0])

/* What stands behind a struct config: its memory and where values came from. */
struct box {
    struct config config; /* first, so that a pointer to it is a pointer to this */
    struct arena *arena;
    const char *path;
    const char *files[N_SETTINGS]; /* "@/path" where the value was read from a file */
    unsigned char *secret;         /* 32 bytes, all zero until loaded */
};

struct reader {
    struct box *box;
    FILE *err;
    const char *source; /* file name, or "environment" */
    int line;           /* 0: none */
    int errors;
};

static const struct box *box_of(const struct config *c) { return (const struct box *)(const void *)c; }

static void complain(struct reader *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void complain(struct reader *r, const char *fmt, ...) {
    va_list ap;
    if (r->line > 0)
        fprintf(r->err, "%s:%d: ", r->source, r->line);
    else
        fprintf(r->err, "%s: ", r->source);
    va_start(ap, fmt);
    vfprintf(r->err, fmt, ap);
    va_end(ap);
    fputc('\n', r->err);
    r->errors++;
}

/* The whole file in the arena, ending in NUL; NULL and errno when it cannot be read, is too large or holds
 * NUL. */
static char *read_whole(struct arena *a, const char *path, size_t max) {
    FILE *f = fopen(path, "re");
    if (f == NULL)
        return NULL;
    char *p = arena_alloc(a, max + 2);
    size_t n = fread(p, 1, max + 1, f);
    bool bad = ferror(f) != 0;
    fclose(f);
    if (bad || n > max || memchr(p, '\0', n) != NULL) {
        errno = bad ? EIO : n > max ? EFBIG : EILSEQ;
        return NULL;
    }
    p[n] = '\0';
    return p;
}

static const struct setting *setting_named(const char *name) {
    for (size_t i = 0; i < N_SETTINGS; i++)
        if (settings[i].name != NULL && strcmp(settings[i].name, name) == 0)
            return &settings[i];
    return NULL;
}

static const char *nearest_name(const char *name) {
    struct suggest s;
    suggest_init(&s, name);
    for (size_t i = 0; i < N_SETTINGS; i++)
        if (settings[i].name != NULL)
            suggest_add(&s, settings[i].name);
    return suggest_best(&s);
}

static bool is_choice(const char *choices, const char *value) {
    size_t n = strlen(value);
    for (const char *p = choices; p != NULL; p = strchr(p, '|') != NULL ? strchr(p, '|') + 1 : NULL)
        if (strcspn(p, "|") == n && strncmp(p, value, n) == 0)
            return true;
    return false;
}

static void set_int(struct reader *r, const struct setting *s, const char *value) {
    int64_t v;
    if (!text_parse_int(value, s->min, s->max, &v))
        complain(r, "%s is \"%s\": it must be a whole number from %ld to %ld", s->name, value, s->min,
                 s->max);
    else
        *(int *)((char *)r->box + s->at) = (int)v;
}

static void set_bool(struct reader *r, const struct setting *s, const char *value) {
    bool yes = is_choice("yes|true|on|1", value);
    if (!yes && !is_choice("no|false|off|0", value))
        complain(r, "%s is \"%s\": it must be yes or no", s->name, value);
    else
        *(bool *)((char *)r->box + s->at) = yes;
}

/* A value that begins with '@' names the file where it stands. */
static const char *follow_file(struct reader *r, const struct setting *s, const char *value) {
    size_t i = (size_t)(s - settings);
    r->box->files[i] = NULL;
    if (value[0] != '@')
        return value;
    char *text = read_whole(r->box->arena, value + 1, VALUE_MAX_BYTES);
    if (text == NULL) {
        complain(r, "%s: cannot read %s: %s", s->name, value + 1, strerror(errno));
        return NULL;
    }
    text[strcspn(text, "\r\n")] = '\0';
    r->box->files[i] = value;
    return text;
}

/* value lives as long as the box. */
static void set(struct reader *r, const struct setting *s, const char *value) {
    value = follow_file(r, s, value);
    if (value == NULL)
        return;
    if (!text_utf8_valid(value, strlen(value))) {
        complain(r, "%s is not valid UTF-8", s->name);
        return;
    }
    switch (s->type) {
    case INT:
        set_int(r, s, value);
        break;
    case BOOL:
        set_bool(r, s, value);
        break;
    case CHOICE:
        if (!is_choice(s->choices, value)) {
            complain(r, "%s is \"%s\": it must be one of %s", s->name, value, s->choices);
            break;
        }
        __attribute__((fallthrough));
    case STRING:
        *(const char **)((char *)r->box + s->at) = value;
        break;
    case HEADING:
        break;
    }
}

static char *trim(char *s) {
    while (isspace((unsigned char)*s))
        s++;
    size_t n = strlen(s);
    while (n > 0 && isspace((unsigned char)s[n - 1]))
        s[--n] = '\0';
    return s;
}

/* A comment begins with '#' at the beginning of a line, or after a blank: "#rrggbb" right after '=' is none.
 */
static void cut_comment(char *value) {
    for (char *p = value; *p != '\0'; p++)
        if (*p == '#' && p > value && isspace((unsigned char)p[-1]) && isspace((unsigned char)p[1])) {
            *p = '\0';
            return;
        }
}

static void read_line(struct reader *r, char *line, bool *seen) {
    line = trim(line);
    if (*line == '\0' || *line == '#')
        return;
    char *equals = strchr(line, '=');
    if (equals == NULL) {
        complain(r, "\"%.40s\" is not `name = value`", line);
        return;
    }
    *equals = '\0';
    const char *name = trim(line);
    const struct setting *s = setting_named(name);
    if (s == NULL) {
        const char *nearest = nearest_name(name);
        complain(r, "there is no setting \"%.40s\"%s%s%s", name, nearest != NULL ? "; did you mean " : "",
                 nearest != NULL ? nearest : "", nearest != NULL ? "?" : "");
        return;
    }
    if (seen[s - settings])
        complain(r, "%s is set twice", s->name);
    seen[s - settings] = true;
    cut_comment(equals + 1);
    set(r, s, trim(equals + 1));
}

static void read_file(struct reader *r, const char *path) {
    bool seen[N_SETTINGS] = {false};
    char *text = read_whole(r->box->arena, path, FILE_MAX_BYTES);
    r->source = path;
    r->line = 0;
    if (text == NULL) {
        complain(r, "cannot read the configuration: %s", strerror(errno));
        return;
    }
    while (text != NULL) {
        char *line = strsep(&text, "\n");
        r->line++;
        read_line(r, line, seen);
    }
    r->line = 0;
}

static void read_environment(struct reader *r) {
    r->source = "environment";
    for (size_t i = 0; i < N_SETTINGS; i++) {
        if (settings[i].name == NULL)
            continue;
        char name[64] = "DEEPLINK_";
        size_t n = strlen(name);
        for (const char *p = settings[i].name; *p != '\0' && n < sizeof name - 1; p++)
            name[n++] = (char)toupper((unsigned char)*p);
        name[n] = '\0';
        const char *value = getenv(name);
        if (value != NULL)
            set(r, &settings[i], arena_strdup(r->box->arena, value));
    }
}

struct config *config_read(const char *path, FILE *err) {
    struct box *b = calloc(1, sizeof *b);
    if (b == NULL)
        return NULL;
    b->arena = arena_new((size_t)4 << 20);
    b->secret = arena_zalloc(b->arena, CRYPTO_KEY_BYTES);
    b->path = arena_strdup(b->arena, path);
    struct reader r = {.box = b, .err = err, .source = "default"};
    for (size_t i = 0; i < N_SETTINGS; i++)
        if (settings[i].name != NULL)
            set(&r, &settings[i], settings[i].otherwise);
    if (path != NULL)
        read_file(&r, path);
    read_environment(&r);
    if (r.errors > 0) {
        config_free(&b->config);
        return NULL;
    }
    return &b->config;
}

void config_free(struct config *c) {
    if (c == NULL)
        return;
    struct box *b = (struct box *)(void *)c;
    crypto_wipe(b->secret, CRYPTO_KEY_BYTES);
    arena_free(b->arena);
    free(b);
}

const char *config_path(const struct config *c) { return box_of(c)->path; }

int config_workers(const struct config *c) {
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    return c->workers > 0 ? c->workers : cores > 0 ? (int)(2 * cores) : 2;
}

int config_grpc_workers(const struct config *c) {
    int n = c->grpc_workers > 0 ? c->grpc_workers : config_workers(c);
    return c->grpc_listen[0] == '\0' ? 0 : n < 2 ? 2 : n;
}

bool config_grpc_is_tls(const struct config *c) { return text_starts(c->grpc_listen, GRPC_TLS); }

const char *config_grpc_place(const struct config *c) {
    return c->grpc_listen + (config_grpc_is_tls(c) ? strlen(GRPC_TLS) : 0);
}

const char *config_next_service(const struct config *c, size_t *at, const char **ret_name) {
    while (*at < N_SETTINGS) {
        const struct setting *s = &settings[(*at)++];
        if (s->name == NULL || !text_starts(s->name, "service_"))
            continue;
        *ret_name = s->name;
        return *(const char *const *)((const char *)c + s->at);
    }
    return NULL;
}

bool config_needs_certificates(const struct config *c) {
    const char *name, *address;
    bool needs = config_grpc_is_tls(c);
    for (size_t at = 0; (address = config_next_service(c, &at, &name)) != NULL;)
        needs = needs || text_starts(address, GRPC_TLS);
    return needs;
}

const char *config_service(const struct config *c, const char *name) {
    char setting[64];
    snprintf(setting, sizeof setting, "service_%s", name);
    const struct setting *s = setting_named(setting);
    return s != NULL ? *(const char *const *)((const char *)c + s->at) : "local";
}

/* ---- the secret ---- */

const unsigned char *config_secret(const struct config *c) { return box_of(c)->secret; }

/* Written whole beside its place and then linked there, so that another process that starts at the same
 * moment sees either nothing or all of it; whoever links first has made it. */
static bool secret_make(const struct config *c, FILE *err) {
    const struct box *b = box_of(c);
    char *token = crypto_token(b->arena, CRYPTO_KEY_BYTES);
    const char *fresh = arena_printf(b->arena, "%s.%ld", c->secret_file, (long)getpid());
    size_t n = strlen(token);
    int fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    token[n] = '\n';
    bool ok = fd >= 0 && write(fd, token, n + 1) == (ssize_t)n + 1 && fsync(fd) == 0 &&
              (link(fresh, c->secret_file) == 0 || errno == EEXIST);
    if (!ok)
        fprintf(err, "secret_file: cannot make %s: %s\n", c->secret_file, strerror(errno));
    if (fd >= 0) {
        close(fd);
        unlink(fresh);
    }
    return ok;
}

bool config_secret_load(const struct config *c, FILE *err) {
    const struct box *b = box_of(c);
    unsigned char *key;
    size_t n;
    if (access(c->secret_file, F_OK) != 0 && !secret_make(c, err))
        return false;
    char *text = read_whole(b->arena, c->secret_file, 1024);
    if (text == NULL) {
        fprintf(err, "secret_file: cannot read %s: %s\n", c->secret_file, strerror(errno));
        return false;
    }
    text[strcspn(text, "\r\n")] = '\0';
    if (!text_base64url_decode(b->arena, text, &key, &n) || n != CRYPTO_KEY_BYTES) {
        fprintf(err, "secret_file: %s must hold 32 bytes in base64url; remove it to have a new one made\n",
                c->secret_file);
        return false;
    }
    memcpy(b->secret, key, CRYPTO_KEY_BYTES);
    return true;
}

/* ---- printing ---- */

static void print_value(const struct box *b, size_t i, FILE *out) {
    const struct setting *s = &settings[i];
    const char *p = (const char *)b + s->at;
    if (b->files[i] != NULL)
        fputs(b->files[i], out);
    else if (s->type == INT)
        fprintf(out, "%d", *(const int *)p);
    else if (s->type == BOOL)
        fputs(*(const bool *)p ? "yes" : "no", out);
    else if (s->secret && strcmp(*(const char *const *)p, s->otherwise) != 0)
        fputs("(hidden)", out);
    else
        fputs(*(const char *const *)p, out);
}

static void print_words(const struct setting *s, FILE *out) {
    fprintf(out, "\n# %s\n", s->words);
    if (s->type == CHOICE)
        fprintf(out, "# One of: %s.\n", s->choices);
    if (s->type == INT)
        fprintf(out, "# From %ld to %ld.\n", s->min, s->max);
    if (!s->reloadable)
        fputs("# A change needs a restart.\n", out);
    fprintf(out, "# Default: %s\n", s->otherwise[0] != '\0' ? s->otherwise : "(empty)");
}

void config_print(const struct config *c, FILE *out) {
    const struct box *b = box_of(c);
    fputs(
        "# Configuration of DeepLink: `name = value` lines. A value may stand in a file of its own: `name = @/path`.\n"
        "# The environment variable DEEPLINK_<NAME> goes before what stands here.\n",
        out);
    for (size_t i = 0; i < N_SETTINGS; i++) {
        if (settings[i].type == HEADING) {
            fprintf(out, "\n\n# ---- %s ----\n", settings[i].words);
            continue;
        }
        print_words(&settings[i], out);
        fprintf(out, "%s = ", settings[i].name);
        print_value(b, i, out);
        fputc('\n', out);
    }
}

/* ---- reloading ---- */

static bool same(const struct setting *s, const struct box *a, const struct box *b) {
    const char *p = (const char *)a + s->at, *q = (const char *)b + s->at;
    if (s->type == INT)
        return *(const int *)p == *(const int *)q;
    if (s->type == BOOL)
        return *(const bool *)p == *(const bool *)q;
    return strcmp(*(const char *const *)p, *(const char *const *)q) == 0;
}

static void take(const struct setting *s, struct box *to, const struct box *from) {
    size_t i = (size_t)(s - settings);
    char *p = (char *)to + s->at;
    const char *q = (const char *)from + s->at;
    to->files[i] = arena_strdup(to->arena, from->files[i]);
    if (s->type == INT)
        *(int *)p = *(const int *)q;
    else if (s->type == BOOL)
        *(bool *)p = *(const bool *)q;
    else
        *(const char **)p = arena_strdup(to->arena, *(const char *const *)q);
}

int config_reload(struct config *c, struct config *fresh) {
    struct box *to = (struct box *)(void *)c;
    int restart = 0;
    for (size_t i = 0; i < N_SETTINGS; i++) {
        const struct setting *s = &settings[i];
        if (s->name == NULL || same(s, to, box_of(fresh)))
            continue;
        if (s->reloadable)
            take(s, to, box_of(fresh));
        else
            restart++;
    }
    return restart;
}
