/* Configuration: one table (config.c) says name, type, default, bounds, whether a reload takes it, and its
 * words; `deeplink config print`, the example file and the manual are made from it. Format: `name = value`
 * lines, `#` comments; secrets may come from files: `name = @/path`. */
#ifndef DEEPLINK_CONFIG_H
#define DEEPLINK_CONFIG_H

#include <stdbool.h>
#include <stdio.h>

struct config {
    /* the site */
    const char *site_name; /* "DeepLink" */
    const char *site_description;
    const char *base_url;     /* "https://social.example.org", no trailing slash */
    const char *accent;       /* reserved for the look */
    const char *registration; /* open | approval | invite | closed */
    const char *contact_email;
    bool intranet;      /* nothing is shown to anybody who is not signed in */
    int post_max_chars; /* 5,000 */
    /* the process */
    const char *listen;     /* "unix:/run/deeplink/fcgi.sock" or host:port */
    int workers;            /* 0: twice the cores */
    int request_timeout_ms; /* a worker that takes longer is killed and replaced */
    int max_body_bytes;
    const char *log_file;
    const char *log_level;
    const char *pid_file;
    /* streams */
    const char *stream_listen; /* unix:/path or host:port */
    int stream_workers, stream_max, stream_member_max, stream_address_max;
    /* servers */
    const char *postgresql;         /* libpq conninfo without user */
    const char *postgresql_admin;   /* conninfo of the owner, for migrate */
    const char *postgresql_secrets; /* file of role=password lines; written by migrate when absent */
    const char *redis;
    const char *docs;                        /* postgresql | mongodb://… */
    const char *bus;                         /* builtin | kafka://host:port,…/prefix | kafkas://… */
    const char *bus_ca, *bus_cert, *bus_key; /* PEM files, for kafkas:// */
    const char *bus_sasl;                    /* none | PLAIN | SCRAM-SHA-256 | SCRAM-SHA-512 */
    const char *bus_user, *bus_password, *bus_options; /* options: name=value words for the brokers' client */
    int bus_partitions, bus_replicas, bus_retention_days;
    const char *mail; /* folder:/path | smtp://… */
    const char *mail_from;
    int mail_delay_s, mail_window_s; /* notifications by mail: before the first of a burst; between two */
    bool outbound_private;           /* push and webhooks may go into private networks */
    int server_timeout_ms;
    /* what is fetched of other sites */
    bool link_cards;              /* posts show what the first page that they link to is about */
    const char *link_cards_never; /* hosts that are not asked */
    const char *fetch_allow;      /* ADDRESS:PORT … that may be fetched from though they are not public */
    const char *fetch_ca;         /* PEM file of authorities besides the system's; empty: none */
    /* media */
    const char *media; /* folder:/path | s3://bucket/prefix?endpoint=…&region=… */
    const char *media_s3_key, *media_s3_secret;
    const char *media_cdn;   /* https://host/path in front of what is public in the bucket; empty: none */
    const char *media_spool; /* where uploads wait for a worker; nginx writes there, too */
    int media_image_mb, media_video_mb, media_audio_mb, media_document_mb; /* largest uploads */
    int media_quota_mb;                                                    /* of a member; 0: none */
    int media_workers;                    /* processes that make files of uploads */
    int media_timeout_s, media_memory_mb; /* of what one of them may use for one upload */
    int media_loose_hours;                /* what is attached to nothing goes after so long */
    /* services that live apart */
    const char *service_user, *service_post, *service_connection, *service_notification,
        *service_media;      /* local | grpc://… | grpcs://… | grpc+unix:/path */
    const char *grpc_listen; /* unix:/path, host:port or grpcs://host:port; empty: nowhere */
    int grpc_workers;        /* 0: as many as FastCGI workers, at least 2 */
    const char *grpc_ca, *grpc_cert, *grpc_key; /* PEM files, for TLS */
    const char *grpc_secret;                    /* what services show each other */
    const char *grpc_outside_secret;            /* what programs from outside show */
    bool grpc_tokens;                           /* whether members' tokens open what is theirs */
    int grpc_timeout_ms;                        /* of one call */
    /* files */
    const char *static_dir;  /* hashed static files, for their URLs */
    const char *pages_dir;   /* where pages for anonymous readers are kept for nginx; empty: off */
    const char *secret_file; /* 32 random bytes in base64url for tokens; made when absent */
    /* safety */
    bool rate_limits;      /* off only for benches */
    int session_days;      /* 30 */
    int password_min;      /* 10 */
    int delete_grace_days; /* 14 */
    int notification_days; /* 90 */
    int argon2_memory_kib;
    int argon2_ops;
    const char *trusted_proxies; /* reserved: nginx passes REMOTE_ADDR */
};

/* Reads path (NULL: defaults and environment only), then DEEPLINK_<NAME> variables. On error prints
 * file:line: words to err and returns NULL. The caller frees it. */
struct config *config_read(const char *path, FILE *err);
void config_free(struct config *c);

/* Checks what a single value cannot tell (folders exist, URLs parse …); prints each problem; returns how
 * many. */
int config_check(const struct config *c, FILE *err);

/* Prints every setting with its words as a configuration file; secrets as "@…" or "(hidden)". */
void config_print(const struct config *c, FILE *out);

/* Takes from `fresh` what a running process may change; returns how many differ but need a restart. */
int config_reload(struct config *c, struct config *fresh);

/* Reads secret_file, or makes it (mode 0600) when it is not there. Says why not on err. */
bool config_secret_load(const struct config *c, FILE *err);

/* The file that was read; NULL when none was. */
const char *config_path(const struct config *c);

/* workers, or twice the cores when that is 0. */
int config_workers(const struct config *c);

/* grpc_workers, or its default; 0 when grpc_listen is empty. */
int config_grpc_workers(const struct config *c);

/* Whether grpc_listen may be opened: behind a secret that is one, behind certificates, or only as a unix
 * socket. */
bool config_grpc_is_safe(const struct config *c);

/* Whether grpc_listen says TLS; and where to listen, without that word. */
bool config_grpc_is_tls(const struct config *c);
const char *config_grpc_place(const struct config *c);

/* Whether this process needs certificates: to be called by TLS, or to call so. */
bool config_needs_certificates(const struct config *c);

/* Prints what works and is not wise, a line each; returns how many. */
int config_warn(const struct config *c, FILE *out);

/* The value of each setting service_<name>, one after the other, and the setting's name; NULL behind the
 * last. *at begins at 0. */
const char *config_next_service(const struct config *c, size_t *at, const char **ret_name);

/* Where the service of that name lives: the setting service_<name>, "local" where there is none. */
const char *config_service(const struct config *c, const char *name);

/* The key made of secret_file, 32 bytes, valid after config_check/serve start. */
const unsigned char *config_secret(const struct config *c);

#endif
