#include "fcgi/drivers/markup.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fcgi/base/clock.h"
#include "fcgi/base/text.h"
#include "fcgi/drivers/markup_parts.h"

#define REPLY_MAX (64 * 1024)
#define WAIT_S 10 /* the CPU time of a busy machine */
#define MEMORY_MAX (INT64_C(256) << 20)
#define TITLE_MAX 200 /* letters */
#define DESCRIPTION_MAX 400
#define NAME_MAX_LETTERS 100

const char *markup_program;

/* ---- What the child has said */

/* A value as it is shown: valid, on one line, not too long; "" where it is neither. */
static const char *shown(struct ctx *ctx, const char *value, size_t letters) {
    const char *text = text_clean_line(ctx->arena, value, strlen(value));
    if (text == NULL) /* cut within a letter */
        for (size_t n = strlen(value), i = 1; i < 4 && i < n && text == NULL; i++)
            text = text_clean_line(ctx->arena, value, n - i);
    return text != NULL ? text_ellipsis(ctx->arena, text, letters) : "";
}

/* A language tag of what may be "de_DE" or "de-DE.utf8". */
static const char *language_of(struct ctx *ctx, const char *value) {
    char *tag = arena_strndup(ctx->arena, value, strcspn(value, ".;, "));
    for (char *p = tag; *p != '\0'; p++)
        *p = *p == '_' ? '-' : *p;
    size_t n = strspn(tag, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-");
    return n <= 35 && n >= 2 && tag[n] == '\0' ? tag : "";
}

static const char *address_of(const char *value) { return strlen(value) <= MARKUP_ADDRESS_MAX ? value : ""; }

static void fill(struct ctx *ctx, const char *const *v, struct markup *ret) {
    ret->title = shown(ctx, v[M_TITLE], TITLE_MAX);
    ret->description = shown(ctx, v[M_DESCRIPTION], DESCRIPTION_MAX);
    ret->site_name = shown(ctx, v[M_SITE], NAME_MAX_LETTERS);
    ret->author = shown(ctx, v[M_AUTHOR], NAME_MAX_LETTERS);
    ret->language = language_of(ctx, v[M_LANGUAGE]);
    ret->image = address_of(v[M_IMAGE]);
    ret->image_words = shown(ctx, v[M_IMAGE_WORDS], DESCRIPTION_MAX);
    ret->base = address_of(v[M_BASE]);
    ret->no_snippet = strcasestr(v[M_ROBOTS], "nosnippet") != NULL || strcasestr(v[M_ROBOTS], "none") != NULL;
    ret->no_image = ret->no_snippet || strcasestr(v[M_ROBOTS], "noimageindex") != NULL;
}

static bool take_reply(struct ctx *ctx, const char *p, size_t n, struct markup *ret) {
    const char *values[M_FIELDS] = {0}, *end = p + n;
    size_t k = 0;
    ret->me = arena_many(ctx->arena, const char *, MARKUP_ME_MAX);
    for (const char *nul; p < end && (nul = memchr(p, '\0', (size_t)(end - p))) != NULL; p = nul + 1, k++)
        if (k < M_FIELDS)
            values[k] = p;
        else if (ret->n_me < MARKUP_ME_MAX && text_utf8_valid(p, (size_t)(nul - p)))
            ret->me[ret->n_me++] = p;
    if (k < M_FIELDS)
        return false;
    fill(ctx, values, ret);
    return true;
}

/* ---- The child */

static const char *program(struct ctx *ctx) {
    return markup_program != NULL ? markup_program : sandbox_program(ctx->arena, "deeplink-markup");
}

/* Once a process: what this machine does not allow. */
static void say_locks(struct ctx *ctx) {
    static bool said;
    if (!said)
        sandbox_say(ctx, program(ctx));
    said = true;
}

/* A file of memory that nobody changes any more; -1: there is no room for it. */
static int sealed(const char *html, size_t n) {
    int fd = memfd_create("page", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0)
        return -1;
    for (size_t done = 0; done < n;) {
        ssize_t k = pwrite(fd, html + done, n - done, (off_t)done);
        if (k <= 0) {
            close(fd);
            return -1;
        }
        done += (size_t)k;
    }
    fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL);
    return fd;
}

enum code markup_begin(struct ctx *ctx, const char *html, size_t n, const char *charset,
                       struct markup_reading *ret) {
    const char *argv[] = {program(ctx), charset, NULL};
    struct sandbox_bounds bounds = {MEMORY_MAX, 0, WAIT_S};
    say_locks(ctx);
    *ret = (struct markup_reading){.reply = arena_alloc(ctx->arena, REPLY_MAX)};
    int in = sealed(html, n < MARKUP_MAX ? n : MARKUP_MAX);
    if (in < 0)
        return fail_detail(ctx, UNAVAILABLE, "Something went wrong on our side.", "markup: %s",
                           strerror(errno));
    enum code c = sandbox_start(ctx, argv, "/", in, &bounds, &ret->child);
    close(in);
    return c;
}

bool markup_is_over(struct markup_reading *r) {
    ssize_t k = 1;
    while (r->n < REPLY_MAX && (k = read(r->child.out, r->reply + r->n, REPLY_MAX - r->n)) > 0)
        r->n += (size_t)k;
    r->said_all = k == 0;
    return k == 0 || r->n == REPLY_MAX || (k < 0 && errno != EAGAIN && errno != EINTR) ||
           clock_mono_us() >= r->child.deadline_us;
}

enum code markup_end(struct ctx *ctx, struct markup_reading *r, struct markup *ret) {
    bool late = !r->said_all && clock_mono_us() >= r->child.deadline_us;
    *ret = (struct markup){0};
    sandbox_kill(&r->child); /* it has nothing more to say */
    if (r->said_all && take_reply(ctx, r->reply, r->n, ret))
        return OK;
    if (late) /* it was not ended by its limits, but by us */
        return fail_detail(ctx, DEADLINE, "This page can't be read.", "markup: it took too long");
    return fail_detail(ctx, INVALID, "This page can't be read.", "markup: the child ended early");
}

enum code markup_read(struct ctx *ctx, const char *html, size_t n, const char *charset, struct markup *ret) {
    struct markup_reading r;
    enum code c = markup_begin(ctx, html, n, charset, &r);
    if (c != OK)
        return c;
    while (!markup_is_over(&r))
        poll(&(struct pollfd){r.child.out, POLLIN, 0}, 1, 100);
    return markup_end(ctx, &r, ret);
}
