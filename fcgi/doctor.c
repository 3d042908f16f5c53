/* `deeplink doctor`: every dependency and setting, what is wrong with it, and how to mend it. */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "fcgi/app.h"
#include "fcgi/base/arena.h"
#include "fcgi/base/buf.h"
#include "fcgi/base/clock.h"
#include "fcgi/base/text.h"
#include "fcgi/cert.h"
#include "fcgi/command.h"
#include "fcgi/config.h"
#include "fcgi/ctx.h"
#include "fcgi/drivers/bus.h"
#include "fcgi/drivers/docs.h"
#include "fcgi/drivers/mail.h"
#include "fcgi/drivers/pg.h"
#include "fcgi/drivers/redis.h"
#include "fcgi/drivers/sandbox.h"
#include "fcgi/drivers/webpush.h"
#include "fcgi/env.h"
#include "fcgi/json.h"
#include "fcgi/migrate.h"
#include "fcgi/rpc_tls.h"
#include "fcgi/serve.h"
#include "gen/queries.h"

#define LAG_MAX_MS 60000
#define CLOCK_MAX_MS 2000
#define BACKLOG_MIN 1024
#define DAYS_MIN 14 /* that certificates should last */

enum verdict { GOOD, WARNING, BROKEN, SKIPPED };

/* The patient. */
struct doctor {
    struct ctx ctx;
    struct config *config; /* NULL until read */
    struct env env;        /* opened piece by piece by the checks */
    struct buf words;      /* what the check at hand has to say */
};

static enum verdict because(struct doctor *d, enum verdict v) {
    const struct error *e = &d->ctx.error;
    const char *words = e->detail != NULL ? e->detail : e->code != OK ? e->text : "";
    for (; *words != '\0'; words++)
        buf_putc(&d->words, *words == '\n' || *words == '\t' ? ' ' : *words);
    fail_clear(&d->ctx);
    return v;
}

/* What cannot be said while a server is down, which another check says already. */
static enum verdict unknown(struct doctor *d) {
    buf_puts(&d->words, "cannot be told: the server that knows is down");
    fail_clear(&d->ctx);
    return SKIPPED;
}

/* Runs fn with a stream whose text, line ends as "; ", becomes the words. */
static int gather(struct doctor *d, int (*fn)(struct doctor *d, FILE *out)) {
    char *text = NULL;
    size_t n = 0;
    FILE *out = open_memstream(&text, &n);
    if (out == NULL)
        return -1;
    int result = fn(d, out);
    fclose(out);
    while (n > 0 && text[n - 1] == '\n')
        n--;
    for (size_t i = 0; i < n; i++) {
        if (text[i] == '\n')
            buf_puts(&d->words, "; ");
        else
            buf_putc(&d->words, text[i]);
    }
    free(text);
    return result;
}

/* ---- the checks ---- */

static int read_config(struct doctor *d, FILE *out) {
    d->config = config_read(command_config_path(), out);
    d->env.config = d->config;
    return d->config != NULL ? 0 : 1;
}

static enum verdict configuration(struct doctor *d) {
    const char *path = command_config_path();
    if (gather(d, read_config) != 0)
        return BROKEN;
    buf_puts(&d->words, path != NULL ? path : "no file: the defaults and the environment");
    return GOOD;
}

static int check_config(struct doctor *d, FILE *out) { return config_check(d->config, out); }

static enum verdict settings(struct doctor *d) { return gather(d, check_config) == 0 ? GOOD : BROKEN; }

static int warn(struct doctor *d, FILE *out) { return config_warn(d->config, out); }

static enum verdict in_the_open(struct doctor *d) { return gather(d, warn) == 0 ? GOOD : WARNING; }

/* The least of what their files say; INT_MAX: there are none. */
static int days_left(const struct config *c, FILE *out) {
    bool grpc = config_needs_certificates(c);
    const struct {
        const char *setting, *file;
        bool is_of_authorities;
    } files[] = {{"grpc_ca", grpc ? c->grpc_ca : "", true},
                 {"grpc_cert", grpc ? c->grpc_cert : "", false},
                 {"bus_ca", c->bus_ca, true},
                 {"bus_cert", c->bus_cert, false},
                 {"fetch_ca", c->fetch_ca, true}};
    int least = INT_MAX;
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        if (files[i].file[0] == '\0')
            continue;
        int days = cert_days_left(files[i].file, files[i].is_of_authorities);
        fprintf(out, "%s: ", files[i].setting);
        if (days < 0)
            fputs("it has ended, or is none\n", out);
        else
            fprintf(out, "good for %d days\n", days);
        least = days < least ? days : least;
    }
    return least;
}

static int look_at_certificates(struct doctor *d, FILE *out) {
    const struct config *c = d->config;
    bool good = !config_needs_certificates(c) || rpc_tls_look(c->grpc_ca, c->grpc_cert, c->grpc_key, out);
    int days = days_left(c, out);
    return good ? days : -1;
}

static enum verdict certificates(struct doctor *d) {
    int days = gather(d, look_at_certificates);
    if (days == INT_MAX)
        buf_puts(&d->words, "none is set");
    return days == INT_MAX ? SKIPPED : days < 0 ? BROKEN : days < DAYS_MIN ? WARNING : GOOD;
}

static enum verdict address(struct doctor *d) {
    const char *url = d->config->base_url;
    bool local = strstr(url, "://127.") != NULL || strstr(url, "://localhost") != NULL ||
                 strstr(url, "://[::1]") != NULL;
    buf_puts(&d->words, url);
    return text_starts(url, "https://") || local ? GOOD : WARNING;
}

static int pending(struct doctor *d, FILE *out) { return migrate_pending(&d->ctx, d->config, out); }

static enum verdict migrations_applied(struct doctor *d) {
    int n = gather(d, pending);
    fail_clear(&d->ctx);
    if (n > 0)
        buf_printf(&d->words, "%d migrations are missing", n);
    return n == 0 ? GOOD : n > 0 ? BROKEN : WARNING;
}

/* Logs in as every service, which prepares every query. */
static enum verdict logins(struct doctor *d) {
    const struct config *c = d->config;
    const struct service *const *s = deeplink_app.services;
    for (size_t i = 0; s[i] != NULL; i++) {
        const char *role = arena_printf(d->ctx.arena, "deeplink_%s", s[i]->name);
        char *password = pg_secret(c->postgresql_secrets, role);
        d->env.pg[i] = pg_open(c->postgresql, role, password, s[i]->queries, c->server_timeout_ms);
        pg_add_query(d->env.pg[i], &Q_RUNTIME_SETUP);
        free(password);
        if (pg_connect(&d->ctx, d->env.pg[i]) != OK) {
            buf_printf(&d->words, "%s: ", role);
            return because(d, BROKEN);
        }
        buf_printf(&d->words, "%s%s", i > 0 ? ", " : "", role);
    }
    return GOOD;
}

static bool setup(struct doctor *d, PGresult **ret_row) {
    return d->env.pg[0] != NULL && pg_run(&d->ctx, d->env.pg[0], &Q_RUNTIME_SETUP, ret_row) == OK;
}

/* One connection a service and worker, those of the processes of `work` and of documents, and some for
 * people.
 */
static enum verdict connections(struct doctor *d) {
    PGresult *row;
    int64_t services = 0, workers = config_workers(d->config);
    if (!setup(d, &row))
        return unknown(d);
    while (deeplink_app.services[services] != NULL)
        services++;
    int64_t needed = (workers + 3 + d->config->media_workers) * (services + 1) + 5,
            has = pg_get_int(row, 0, 0);
    buf_printf(&d->words, "max_connections is %" PRId64 ", %" PRId64 " workers may need %" PRId64, has,
               workers, needed);
    return has >= needed ? GOOD : BROKEN;
}

static enum verdict encoding(struct doctor *d) {
    PGresult *row;
    if (!setup(d, &row))
        return unknown(d);
    buf_printf(&d->words, "PostgreSQL %s, %s", pg_get_str(row, 0, 3), pg_get_str(row, 0, 1));
    return strcmp(pg_get_str(row, 0, 1), "UTF8") == 0 ? GOOD : BROKEN;
}

static enum verdict clocks(struct doctor *d) {
    PGresult *row;
    if (!setup(d, &row))
        return unknown(d);
    int64_t off = pg_get_time(row, 0, 2) - clock_now_ms();
    buf_printf(&d->words, "the database's clock is off by %" PRId64 " ms", off);
    return off < CLOCK_MAX_MS && off > -CLOCK_MAX_MS ? GOOD : WARNING;
}

static enum verdict redis_up(struct doctor *d) {
    d->env.redis = redis_open(d->config->redis, d->config->server_timeout_ms);
    if (redis_do(&d->ctx, d->env.redis, "PING") == NULL)
        return because(d, BROKEN);
    redisReply *info = redis_do(&d->ctx, d->env.redis, "INFO server");
    const char *version =
        info != NULL && info->type == REDIS_REPLY_STRING ? strstr(info->str, "redis_version:") : NULL;
    if (version != NULL)
        buf_printf(&d->words, "Redis %.*s", (int)strcspn(version + 14, "\r\n"), version + 14);
    fail_clear(&d->ctx);
    return GOOD;
}

/* Sessions live there: they may not be thrown out to make room for something else. */
static enum verdict redis_keeps(struct doctor *d) {
    if (!redis_is_up(d->env.redis))
        return SKIPPED;
    redisReply *r = redis_do(&d->ctx, d->env.redis, "CONFIG GET maxmemory-policy");
    const char *policy =
        r != NULL && r->type == REDIS_REPLY_ARRAY && r->elements == 2 ? r->element[1]->str : NULL;
    fail_clear(&d->ctx);
    if (policy == NULL)
        return SKIPPED;
    buf_printf(&d->words, "maxmemory-policy is %s", policy);
    return text_starts(policy, "allkeys") ? WARNING : GOOD;
}

static enum verdict documents(struct doctor *d) {
    const struct config *c = d->config;
    char *password = pg_secret(c->postgresql_secrets, "deeplink_docs");
    d->env.docs = docs_open(c->docs, c->postgresql, password, c->server_timeout_ms);
    free(password);
    if (docs_ping(&d->ctx, d->env.docs) != OK)
        return because(d, BROKEN);
    buf_puts(&d->words, text_starts(c->docs, "mongodb") ? "MongoDB" : "in PostgreSQL");
    return GOOD;
}

static enum verdict bus_up(struct doctor *d) {
    return bus_ping(&d->ctx, &d->words) == OK ? GOOD : because(d, BROKEN);
}

/* What the relay has not published, consumers cannot have handled. */
static enum verdict relay_lag(struct doctor *d) {
    int64_t n, age_ms;
    bool has_relay;
    if (bus_lag_relay(&d->ctx, &has_relay, &n, &age_ms) != OK)
        return unknown(d);
    if (!has_relay)
        return SKIPPED;
    buf_printf(&d->words, "%" PRId64 " events are not published, the oldest for %" PRId64 " s", n,
               age_ms / 1000);
    return age_ms > LAG_MAX_MS ? BROKEN : GOOD;
}

/* Logs in to the mail server; nothing is sent. */
static enum verdict mail_up(struct doctor *d) {
    const struct config *c = d->config;
    struct mail *m = mail_open(c->mail, c->mail_from, c->server_timeout_ms);
    if (m == NULL) {
        buf_puts(&d->words, "mail or mail_from can not be read");
        return BROKEN;
    }
    enum verdict v = mail_check(&d->ctx, m) == OK ? GOOD : because(d, BROKEN);
    if (v == GOOD && text_starts(c->mail, "folder:"))
        buf_printf(&d->words, "into %s: nobody gets it", c->mail + strlen("folder:"));
    else if (v == GOOD)
        buf_puts(&d->words, "the server lets us in");
    mail_close(m);
    return v;
}

/* The key that Web Push is signed by is made of the site's secret: it signs, and its public half knows that.
 */
static enum verdict push_key(struct doctor *d) {
    static const char there[] = "https://push.example.org/";
    struct webpush_key key;
    const char *token;
    if (webpush_key_of(&d->ctx, config_secret(d->config), &key) != OK ||
        webpush_token(&d->ctx, &key, there, d->config->base_url, clock_now_ms() / 1000 + 60, &token) != OK)
        return because(d, BROKEN);
    buf_printf(&d->words, "VAPID key %s", key.public_key);
    return webpush_token_verify(&d->ctx, token, key.point) ? GOOD : BROKEN;
}

static enum verdict consumers(struct doctor *d) {
    enum verdict v = GOOD;
    for (const struct service *const *s = deeplink_app.services; *s != NULL; s++)
        for (const struct consumer *c = (*s)->consumers; c != NULL && c->name != NULL; c++) {
            int64_t n, age_ms;
            if (bus_lag(&d->ctx, c->name, &n, &age_ms) != OK)
                return unknown(d);
            if (age_ms > LAG_MAX_MS) {
                buf_printf(&d->words, "%s%s: %" PRId64 " events wait, the oldest for %" PRId64 " s",
                           v != GOOD ? "; " : "", c->name, n, age_ms / 1000);
                v = BROKEN;
            }
        }
    return v;
}

static enum verdict dead_letters(struct doctor *d) {
    struct dead_letter *dead;
    size_t n;
    if (bus_dead_list(&d->ctx, 100, &dead, &n) != OK)
        return unknown(d);
    if (n > 0)
        buf_printf(&d->words, "%s%zu events kept failing", n == 100 ? "at least " : "", n);
    return n == 0 ? GOOD : WARNING;
}

/* Whether somebody listens there. */
static enum verdict answers_at(struct doctor *d, const char *listen) {
    struct sockaddr_un sa = {.sun_family = AF_UNIX};
    if (!text_starts(listen, "unix:") || strlen(listen + 5) >= sizeof sa.sun_path) {
        buf_printf(&d->words, "%s is not tried", listen);
        return SKIPPED;
    }
    memcpy(sa.sun_path, listen + 5, strlen(listen + 5) + 1);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool up = fd >= 0 && connect(fd, (struct sockaddr *)&sa, sizeof sa) == 0;
    buf_printf(&d->words, "%s%s%s", listen, up ? "" : ": ", up ? "" : strerror(errno));
    if (fd >= 0)
        close(fd);
    return up ? GOOD : WARNING;
}

static enum verdict serving(struct doctor *d) { return answers_at(d, d->config->listen); }

static enum verdict streaming(struct doctor *d) { return answers_at(d, d->config->stream_listen); }

static enum verdict backlog(struct doctor *d) {
    FILE *f = fopen("/proc/sys/net/core/somaxconn", "re");
    int n = 0;
    bool ok = f != NULL && fscanf(f, "%d", &n) == 1;
    if (f != NULL)
        fclose(f);
    if (!ok)
        return SKIPPED;
    buf_printf(&d->words, "net.core.somaxconn is %d", n);
    return n >= BACKLOG_MIN ? GOOD : WARNING;
}

static enum verdict open_files(struct doctor *d) {
    struct rlimit l;
    if (getrlimit(RLIMIT_NOFILE, &l) != 0)
        return SKIPPED;
    buf_printf(&d->words, "a process may have %llu files open", (unsigned long long)l.rlim_cur);
    return l.rlim_cur >= 256 ? GOOD : BROKEN;
}

static void name_lock(struct doctor *d, unsigned holds, unsigned lock, const char *name) {
    buf_printf(&d->words, "%s%s: %s", d->words.n > 0 ? ", " : "", name, holds & lock ? "yes" : "no");
}

/* Has the programs that make files of uploads and read linked pages lock themselves in. */
static enum verdict locks(struct doctor *d) {
    unsigned holds, of_pages;
    if (sandbox_ask(&d->ctx, sandbox_program(d->ctx.arena, "deeplink-derive"), &holds) != OK ||
        sandbox_ask(&d->ctx, sandbox_program(d->ctx.arena, "deeplink-markup"), &of_pages) != OK)
        return because(d, BROKEN);
    holds &= of_pages;
    name_lock(d, holds, SANDBOX_NAMESPACES, "namespaces");
    name_lock(d, holds, SANDBOX_LANDLOCK, "Landlock");
    name_lock(d, holds, SANDBOX_SECCOMP, "seccomp");
    return holds & SANDBOX_LANDLOCK && holds & SANDBOX_SECCOMP ? GOOD : WARNING;
}

static enum verdict limits_on(struct doctor *d) { return d->config->rate_limits ? GOOD : WARNING; }

static const struct check {
    const char *name;
    enum verdict (*run)(struct doctor *d);
    const char *fix;
} checks[] = {
    {"configuration", configuration, "Correct the lines named, or start from `deeplink config print`."},
    {"settings", settings,
     "Correct the settings named; make the folders, owned by the user that deeplink runs as."},
    {"grpc", in_the_open,
     "Let services on other machines be called by grpcs://, brokers by kafkas://, see docs/security.md."},
    {"certificates", certificates,
     "Correct the files named, or have new certificates signed, for gRPC for serving and calling; then SIGHUP."},
    {"address", address,
     "Set base_url to https://… and let nginx end TLS: without it, passwords and cookies travel in the open."},
    {"rate limits", limits_on, "Set rate_limits = yes: without them passwords can be tried without end."},
    {"migrations", migrations_applied,
     "Start PostgreSQL, correct postgresql_admin, then run `deeplink migrate`."},
    {"logins", logins,
     "Start PostgreSQL, correct postgresql, run `deeplink migrate` (it makes roles, passwords and tables)."},
    {"connections", connections, "Raise max_connections in postgresql.conf, or lower workers."},
    {"encoding", encoding, "Make the database anew: createdb --encoding UTF8 --template template0."},
    {"clocks", clocks, "Let both machines take their time from NTP."},
    {"redis", redis_up, "Start Redis, correct redis."},
    {"redis memory", redis_keeps,
     "Set maxmemory-policy to noeviction or volatile-ttl in redis.conf: else members are logged out when it is full."},
    {"documents", documents,
     "Start the server that docs names, or set docs = postgresql and run `deeplink migrate`."},
    {"bus", bus_up,
     "Start the brokers that bus names, correct the settings of bus; until then events wait in the outbox."},
    {"relay", relay_lag, "Start `deeplink work`; its log says why events are not published."},
    {"mail", mail_up, "Start the mail server that mail names; correct its address, user and password."},
    {"push", push_key, "Correct secret_file: without its key nothing is pushed, and nobody stays logged in."},
    {"events", consumers, "Start `deeplink work`; its log says what holds it up."},
    {"dead letters", dead_letters,
     "See `deeplink events list`; mend the cause, then `deeplink events replay --all`."},
    {"serving", serving,
     "Start `deeplink serve`; it must run as a user who may write the socket's folder, and nginx must be in its group."},
    {"streams", streaming,
     "Start `deeplink stream`: without it pages and apps hear of what happens only when they ask."},
    {"sandbox", locks,
     "Put deeplink-derive and deeplink-markup beside deeplink; use a kernel with Landlock (5.13 or later) and seccomp, and containers that "
     "allow them."},
    {"backlog", backlog,
     "sysctl net.core.somaxconn=4096: bursts of readers wait instead of being turned away."},
    {"open files", open_files, "Raise LimitNOFILE in the unit, or `ulimit -n`."},
};

#define N_CHECKS (sizeof checks / sizeof checks[0])

/* ---- saying it ---- */

static const char *const verdict_names[] = {"ok", "warning", "broken", "skipped"};

static void say_text(const struct check *c, enum verdict v, const char *words) {
    static const char *const marks[] = {"ok     ", "warning", "BROKEN ", "-      "};
    printf("%s  %-14s %s\n", marks[v], c->name, words);
    if (v == WARNING || v == BROKEN)
        printf("         %-14s -> %s\n", "", c->fix);
}

static void say_json(struct json *j, const struct check *c, enum verdict v, const char *words) {
    json_open_object(j);
    json_put_str(j, "name", c->name);
    json_put_str(j, "verdict", verdict_names[v]);
    json_put_str(j, "words", words);
    if (v == WARNING || v == BROKEN)
        json_put_str(j, "fix", c->fix);
    json_close_object(j);
}

/* One after the other; without a configuration there is nothing more to examine. */
static int examine(struct doctor *d, struct json *j) {
    int counts[4] = {0};
    for (size_t i = 0; i < N_CHECKS; i++) {
        buf_init(&d->words, d->ctx.arena, 65536);
        enum verdict v = i > 0 && d->config == NULL ? SKIPPED : checks[i].run(d);
        counts[v]++;
        if (j != NULL)
            say_json(j, &checks[i], v, buf_str(&d->words));
        else
            say_text(&checks[i], v, buf_str(&d->words));
    }
    if (j == NULL)
        printf("\n%d in order, %d warnings, %d broken, %d skipped.\n", counts[GOOD], counts[WARNING],
               counts[BROKEN], counts[SKIPPED]);
    return counts[BROKEN] == 0 ? COMMAND_OK : COMMAND_FAILED;
}

int doctor_command(struct ctx *ctx, int argc, char **argv) {
    struct doctor d = {.ctx = *ctx, .env = {.app = &deeplink_app}};
    struct buf out;
    struct json j;
    bool json = command_flag(argc, argv, "json");
    d.ctx.env = &d.env;
    buf_init(&out, ctx->arena, (size_t)1 << 20);
    json_init(&j, &out);
    if (json)
        json_open_array(&j);
    int status = examine(&d, json ? &j : NULL);
    if (json) {
        json_close_array(&j);
        puts(buf_str(&out));
    }
    arena_reset(ctx->arena); /* results go before the connections they came from */
    env_hang_up(&d.env);
    config_free(d.config);
    return status;
}
