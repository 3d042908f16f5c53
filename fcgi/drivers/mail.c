#include "fcgi/drivers/mail.h"

#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <idn2.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "fcgi/base/buf.h"
#include "fcgi/base/text.h"
#include "fcgi/log.h"

#define MESSAGE_MAX ((size_t)4 * 1024 * 1024)
#define LINE_PLAIN 900 /* RFC 5322 allows 998 */
#define LINE_QUOTED 75 /* RFC 2045, section 6.7: 76 with the '=' */
#define WORD_BYTES 45  /* 60 characters of base64; an encoded word has at most 75 (RFC 2047, section 2) … */
#define WORD_FIRST 36  /* … and the first of a header has its name before it */
#define ID_MAX 100

struct mail {
    char *folder;                /* NULL: SMTP */
    char *url, *user, *password; /* of the server; NULL: no log-in */
    bool must_encrypt;
    char *from_name, *from_address;
    int timeout_ms;
    CURL *curl; /* kept, so that messages go over one connection */
    bool down;
};

/* Set-up. */

/* "Name <address>" or an address alone. */
/* A sender may be at a host without a dot ("localhost"), as small set-ups have it. */
static bool is_sender(const char *address) {
    const char *at = strchr(address, '@');
    return at != NULL && at != address && at[1] != '\0' && strpbrk(address, " \t\r\n<>,;\"") == NULL &&
           strchr(at + 1, '@') == NULL && strlen(address) <= 254;
}

static bool parse_from(struct mail *m, const char *from) {
    const char *open = strchr(from, '<');
    const char *address = open == NULL ? from : open + 1;
    size_t n = strcspn(address, ">"), name = open == NULL ? 0 : (size_t)(open - from);
    while (name > 0 && from[name - 1] == ' ')
        name--;
    m->from_name = strndup(from, name);
    m->from_address = strndup(address, n);
    return m->from_name != NULL && m->from_address != NULL && is_sender(m->from_address);
}

static bool is_loopback(const char *host) {
    return strcmp(host, "localhost") == 0 || strncmp(host, "127.", 4) == 0 || strcmp(host, "[::1]") == 0;
}

static char *url_get(CURLU *u, CURLUPart part, unsigned flags) {
    char *value = NULL, *copy = NULL;
    if (curl_url_get(u, part, &value, flags) == CURLUE_OK)
        copy = strdup(value);
    curl_free(value);
    return copy;
}

/* The address without the log-in, and the name we give ourselves as its path. */
static bool parse_smtp(struct mail *m, const char *url) {
    CURLU *u = curl_url();
    bool good = u != NULL && curl_url_set(u, CURLUPART_URL, url, CURLU_NON_SUPPORT_SCHEME) == CURLUE_OK;
    if (good) {
        m->user = url_get(u, CURLUPART_USER, CURLU_URLDECODE);
        m->password = url_get(u, CURLUPART_PASSWORD, CURLU_URLDECODE);
        char *host = url_get(u, CURLUPART_HOST, 0);
        m->must_encrypt = m->password != NULL && host != NULL && !is_loopback(host);
        free(host);
        curl_url_set(u, CURLUPART_USER, NULL, 0);
        curl_url_set(u, CURLUPART_PASSWORD, NULL, 0);
        curl_url_set(u, CURLUPART_PATH, strchr(m->from_address, '@') + 1, 0);
        m->url = url_get(u, CURLUPART_URL, 0);
    }
    curl_url_cleanup(u);
    return good && m->url != NULL;
}

struct mail *mail_open(const char *url, const char *from, int timeout_ms) {
    struct mail *m = calloc(1, sizeof(*m));
    if (m == NULL)
        return NULL;
    m->timeout_ms = timeout_ms > 0 ? timeout_ms : 10000;
    bool good = parse_from(m, from);
    if (good && strncmp(url, "folder:", 7) == 0)
        good = url[7] == '/' && (m->folder = strdup(url + 7)) != NULL;
    else if (good && (strncmp(url, "smtp://", 7) == 0 || strncmp(url, "smtps://", 8) == 0))
        good = parse_smtp(m, url);
    else
        good = false;
    if (!good) {
        mail_close(m);
        return NULL;
    }
    return m;
}

void mail_close(struct mail *m) {
    if (m == NULL)
        return;
    if (m->curl != NULL)
        curl_easy_cleanup(m->curl);
    free(m->folder);
    free(m->url);
    free(m->user);
    free(m->password);
    free(m->from_name);
    free(m->from_address);
    free(m);
}

/* Headers. */

static bool is_plain(const char *s) {
    for (; *s != '\0'; s++)
        if ((unsigned char)*s < ' ' || (unsigned char)*s > '~')
            return false;
    return true;
}

/* How many bytes of s go into one encoded word: whole characters only (RFC 2047, section 5). */
static size_t word_bytes(const char *s, size_t max) {
    size_t n = strlen(s);
    if (n <= max)
        return n;
    for (n = max; n > max - 4 && ((unsigned char)s[n] & 0xc0) == 0x80; n--)
        ;
    return n;
}

/* Text in a header: as it is where it is ASCII, else as encoded words. Line ends and other control characters
 * become spaces, so that no text can add a header. */
static void add_words(struct ctx *ctx, struct buf *out, const char *text) {
    char *clean = arena_strdup(ctx->arena, text);
    for (char *p = clean; *p != '\0'; p++)
        if ((unsigned char)*p < ' ' || *p == 0x7f)
            *p = ' ';
    if (is_plain(clean) && strlen(clean) < LINE_PLAIN && strstr(clean, "=?") == NULL) {
        buf_puts(out, clean);
        return;
    }
    for (const char *p = clean; *p != '\0';) {
        char word[WORD_BYTES / 3 * 4 + 4];
        size_t n = word_bytes(p, p == clean ? WORD_FIRST : WORD_BYTES);
        sodium_bin2base64(word, sizeof(word), (const unsigned char *)p, n, sodium_base64_VARIANT_ORIGINAL);
        buf_printf(out, "%s=?UTF-8?B?%s?=", p == clean ? "" : "\r\n ", word);
        p += n;
    }
}

/* A name before an address: a quoted string where it is ASCII (RFC 5322, section 3.2.4). */
static void add_name(struct ctx *ctx, struct buf *out, const char *name) {
    if (*name == '\0')
        return;
    if (!is_plain(name)) {
        add_words(ctx, out, name);
    } else {
        buf_putc(out, '"');
        for (; *name != '\0'; name++) {
            if (*name == '"' || *name == '\\')
                buf_putc(out, '\\');
            buf_putc(out, *name);
        }
        buf_putc(out, '"');
    }
    buf_putc(out, ' ');
}

static void add_date(struct buf *out) {
    char text[64];
    time_t now = time(NULL);
    struct tm tm;
    gmtime_r(&now, &tm);
    strftime(text, sizeof(text), "Date: %a, %d %b %Y %H:%M:%S +0000\r\n", &tm); /* the locale is C */
    buf_puts(out, text);
}

/* The id as it may stand in a Message-ID and a file's name. */
static char *clean_id(struct ctx *ctx, const char *id) {
    char *clean = arena_strndup(ctx->arena, id, ID_MAX);
    for (char *p = clean; *p != '\0'; p++)
        if (!((*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9') || *p == '_' ||
              *p == '-' || (*p == '.' && p > clean && p[-1] != '.')))
            *p = '-';
    return *clean != '\0' ? clean : arena_strdup(ctx->arena, "message");
}

/* The address as it goes over the wire: its domain in ASCII (RFC 5891). NULL when it cannot be mailed to. */
static const char *wire_address(struct ctx *ctx, const char *to) {
    char *domain = NULL;
    const char *at = strrchr(to, '@');
    if (at == NULL || idn2_to_ascii_8z(at + 1, &domain, IDN2_NONTRANSITIONAL) != IDN2_OK)
        return NULL;
    const char *address = arena_printf(ctx->arena, "%.*s@%s", (int)(at - to), to, domain);
    idn2_free(domain);
    return text_is_email(address) && is_plain(address) && strpbrk(address, "<>,;:\"()[]\\ ") == NULL ? address
                                                                                                     : NULL;
}

/* Bodies. */

static bool fits_plain(const char *text) {
    size_t line = 0;
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;
        line = c == '\n' ? 0 : line + 1;
        if (c > '~' || (c < ' ' && c != '\n' && c != '\r' && c != '\t') || line > LINE_PLAIN)
            return false;
    }
    return true;
}

/* Lines that end in CR LF, whatever they ended in before. */
static void add_plain(struct buf *out, const char *text) {
    for (; *text != '\0'; text++) {
        if (*text == '\n')
            buf_putc(out, '\r');
        if (*text != '\r')
            buf_putc(out, *text);
    }
    buf_puts(out, "\r\n");
}

/* Quoted-printable (RFC 2045, section 6.7). */
static void add_quoted(struct buf *out, const char *text) {
    static const char hex[] = "0123456789ABCDEF";
    size_t line = 0;
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;
        if (c == '\r')
            continue;
        if (c == '\n') {
            buf_puts(out, "\r\n");
            line = 0;
            continue;
        }
        bool at_end = text[1] == '\n' || text[1] == '\r' || text[1] == '\0';
        bool plain = c > ' ' ? c <= '~' && c != '=' : (c == ' ' || c == '\t') && !at_end;
        size_t n = plain ? 1 : 3;
        if (line + n > LINE_QUOTED) {
            buf_puts(out, "=\r\n");
            line = 0;
        }
        if (plain)
            buf_putc(out, (char)c);
        else
            buf_add(out, (char[]){'=', hex[c >> 4], hex[c & 15]}, 3);
        line += n;
    }
    buf_puts(out, "\r\n");
}

static void add_part(struct buf *out, const char *type, const char *text) {
    bool plain = fits_plain(text);
    buf_printf(out, "Content-Type: text/%s; charset=utf-8\r\nContent-Transfer-Encoding: %s\r\n\r\n", type,
               plain ? "7bit" : "quoted-printable");
    if (plain)
        add_plain(out, text);
    else
        add_quoted(out, text);
}

static void add_bodies(struct buf *out, const char *id, const struct mail_message *msg) {
    if (msg->html == NULL) {
        add_part(out, "plain", msg->text);
        return;
    }
    unsigned char digest[16]; /* a boundary that no body can contain: made of both and the id */
    char boundary[2 * sizeof(digest) + 1];
    crypto_generichash_state state;
    crypto_generichash_init(&state, NULL, 0, sizeof(digest));
    crypto_generichash_update(&state, (const unsigned char *)id, strlen(id) + 1);
    crypto_generichash_update(&state, (const unsigned char *)msg->text, strlen(msg->text) + 1);
    crypto_generichash_update(&state, (const unsigned char *)msg->html, strlen(msg->html));
    crypto_generichash_final(&state, digest, sizeof(digest));
    sodium_bin2hex(boundary, sizeof(boundary), digest, sizeof(digest));
    buf_printf(out, "Content-Type: multipart/alternative;\r\n boundary=\"%s\"\r\n\r\n--%s\r\n", boundary,
               boundary);
    add_part(out, "plain", msg->text);
    buf_printf(out, "--%s\r\n", boundary);
    add_part(out, "html", msg->html);
    buf_printf(out, "--%s--\r\n", boundary);
}

static void compose(struct ctx *ctx, const struct mail *m, const struct mail_message *msg, const char *to,
                    const char *id, struct buf *out) {
    add_date(out);
    buf_puts(out, "From: ");
    add_name(ctx, out, m->from_name);
    buf_printf(out, "<%s>\r\nTo: <%s>\r\nSubject: ", m->from_address, to);
    add_words(ctx, out, msg->subject);
    buf_printf(out, "\r\nMessage-ID: <%s@%s>\r\nMIME-Version: 1.0\r\nAuto-Submitted: auto-generated\r\n", id,
               strchr(m->from_address, '@') + 1);
    if (msg->unsubscribe != NULL)
        buf_printf(out, "List-Unsubscribe: <%s>\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n",
                   msg->unsubscribe);
    add_bodies(out, id, msg);
}

/* A folder. */

static bool write_all(int fd, const char *p, size_t n) {
    while (n > 0) {
        ssize_t done = write(fd, p, n);
        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            return false;
        p += done;
        n -= (size_t)done;
    }
    return true;
}

/* Mails hold links that log people in: they are for our eyes only. */
static enum code to_folder(struct ctx *ctx, const struct mail *m, const struct mail_message *msg,
                           const char *id, const struct buf *message) {
    const char *path = arena_printf(ctx->arena, "%s/%s.eml", m->folder, id);
    const char *fresh = arena_printf(ctx->arena, "%s/.%s.%ld", m->folder, id, (long)getpid());
    if (mkdir(m->folder, 0700) != 0 && errno != EEXIST)
        return fail_detail(ctx, UNAVAILABLE, "Mail cannot be sent just now.", "%s: %s", m->folder,
                           strerror(errno));
    int fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    bool good = fd >= 0 && write_all(fd, message->p, message->n);
    if (fd >= 0)
        good = close(fd) == 0 && good;
    if (good && msg->before != NULL && !msg->before(msg->arg)) {
        unlink(fresh);
        return fail(ctx, CANCELLED, "This mail was not sent.");
    }
    if (good && rename(fresh, path) == 0)
        return OK;
    enum code code =
        fail_detail(ctx, UNAVAILABLE, "Mail cannot be sent just now.", "%s: %s", path, strerror(errno));
    unlink(fresh);
    return code;
}

/* SMTP. */

struct upload {
    const struct mail_message *msg;
    const char *p;
    size_t n;
    bool ended, stopped;
};

static size_t give(char *to, size_t size, size_t count, void *arg) {
    struct upload *u = arg;
    size_t n = size * count < u->n ? size * count : u->n;
    if (n == 0 && !u->ended && u->msg->before != NULL && !u->msg->before(u->msg->arg)) {
        u->stopped = true;
        return CURL_READFUNC_ABORT;
    }
    u->ended = u->ended || n == 0;
    memcpy(to, u->p, n);
    u->p += n;
    u->n -= n;
    return n;
}

static CURL *curl_of(struct mail *m) {
    if (m->curl == NULL) {
        curl_global_init(CURL_GLOBAL_DEFAULT);
        m->curl = curl_easy_init();
    }
    if (m->curl != NULL)
        curl_easy_reset(m->curl); /* the connection stays */
    return m->curl;
}

static void set_server(CURL *curl, const struct mail *m) {
    curl_easy_setopt(curl, CURLOPT_URL, m->url);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)m->timeout_ms);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)m->timeout_ms * 2);
    curl_easy_setopt(curl, CURLOPT_USE_SSL, (long)(m->must_encrypt ? CURLUSESSL_ALL : CURLUSESSL_TRY));
    curl_easy_setopt(curl, CURLOPT_SASL_IR, 1L);
    if (m->user != NULL)
        curl_easy_setopt(curl, CURLOPT_USERNAME, m->user);
    if (m->password != NULL)
        curl_easy_setopt(curl, CURLOPT_PASSWORD, m->password);
}

/* What the server refuses for good (5xx to the recipient or the message) will not get better by trying again.
 */
static enum code smtp_failed(struct ctx *ctx, struct mail *m, const struct upload *u, CURLcode why,
                             const char *words) {
    long status = 0;
    curl_easy_getinfo(m->curl, CURLINFO_RESPONSE_CODE, &status);
    if (u->stopped)
        return fail(ctx, CANCELLED, "This mail was not sent.");
    if (u->ended && u->msg->before != NULL && status < 400)
        return fail_detail(ctx, UNKNOWN, "It is not known whether this mail was sent.", "smtp %ld: %s",
                           status, words[0] != '\0' ? words : curl_easy_strerror(why));
    bool refused = (why == CURLE_SEND_ERROR || why == CURLE_RECV_ERROR || why == CURLE_WEIRD_SERVER_REPLY) &&
                   status >= 500 && status < 600;
    if (refused)
        return fail_detail(ctx, INVALID, "The mail server does not take mail for this address.",
                           "smtp %ld: %s", status, words[0] != '\0' ? words : curl_easy_strerror(why));
    if (!m->down)
        log_warn(ctx, "the mail server is unavailable", "error=%s",
                 words[0] != '\0' ? words : curl_easy_strerror(why));
    m->down = true;
    return fail_detail(ctx, UNAVAILABLE, "Mail cannot be sent just now.", "smtp %ld: %s", status,
                       words[0] != '\0' ? words : curl_easy_strerror(why));
}

static enum code to_server(struct ctx *ctx, struct mail *m, const struct mail_message *msg, const char *to,
                           const struct buf *message) {
    CURL *curl = curl_of(m);
    struct curl_slist *rcpt = curl_slist_append(NULL, to);
    struct upload upload = {msg, message->p, message->n, false, false};
    char words[CURL_ERROR_SIZE] = "";
    if (curl == NULL || rcpt == NULL) {
        curl_slist_free_all(rcpt);
        return fail_detail(ctx, INTERNAL, "Something went wrong on our side.", "mail: no memory");
    }
    set_server(curl, m);
    curl_easy_setopt(curl, CURLOPT_MAIL_FROM, m->from_address);
    curl_easy_setopt(curl, CURLOPT_MAIL_RCPT, rcpt);
    curl_easy_setopt(curl, CURLOPT_READFUNCTION, give);
    curl_easy_setopt(curl, CURLOPT_READDATA, &upload);
    curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, words);
    CURLcode done = curl_easy_perform(curl);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, NULL);
    curl_slist_free_all(rcpt);
    if (done != CURLE_OK)
        return smtp_failed(ctx, m, &upload, done, words);
    m->down = false;
    return OK;
}

enum code mail_send(struct ctx *ctx, struct mail *m, const struct mail_message *msg) {
    struct buf message;
    const char *to = wire_address(ctx, msg->to);
    const char *id = clean_id(ctx, msg->id);
    if (to == NULL)
        return fail_detail(ctx, INVALID, "This is no address that mail can be sent to.", "mail: %s", msg->to);
    buf_init(&message, ctx->arena, MESSAGE_MAX);
    compose(ctx, m, msg, to, id, &message);
    if (buf_overflowed(&message))
        return fail_detail(ctx, INVALID, "This mail is too large.", "mail: %s", id);
    return m->folder != NULL ? to_folder(ctx, m, msg, id, &message) : to_server(ctx, m, msg, to, &message);
}

/* Greets and logs in; NOOP is what libcurl asks when there is nothing to send (RFC 5321, section 4.1.1.9). */
static enum code check_server(struct ctx *ctx, struct mail *m) {
    CURL *curl = curl_of(m);
    char words[CURL_ERROR_SIZE] = "";
    if (curl == NULL)
        return fail_detail(ctx, INTERNAL, "Something went wrong on our side.", "mail: no memory");
    set_server(curl, m);
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, "NOOP");
    curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, words);
    CURLcode done = curl_easy_perform(curl);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, NULL);
    if (done == CURLE_OK)
        return OK;
    return fail_detail(ctx, UNAVAILABLE, "Mail cannot be sent just now.", "%s",
                       words[0] != '\0' ? words : curl_easy_strerror(done));
}

enum code mail_check(struct ctx *ctx, struct mail *m) {
    if (m->folder == NULL)
        return check_server(ctx, m);
    if (access(m->folder, W_OK | X_OK) == 0)
        return OK;
    return fail_detail(ctx, UNAVAILABLE, "Mail cannot be sent just now.", "%s: %s", m->folder,
                       strerror(errno));
}
