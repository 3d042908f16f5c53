/* Markdown: whatever is typed, the HTML has only our own elements and attributes, nests well, and is no
 * larger than its cap. */
#include "fcgi/base/buf.h"
#include "handlers/common/markdown.h"
#include "tests/fuzz/fuzz.h"

/* Every second handle is somebody's. */
static enum code resolve(struct ctx *ctx, const char *const *handles, size_t n, struct text_mention *ret) {
    (void)ctx;
    for (size_t i = 0; i < n; i++) {
        must(text_is_handle(handles[i]));
        if (handles[i][0] % 2 == 0)
            ret[i] = (struct text_mention){(int64_t)i + 1, handles[i]};
    }
    return OK;
}

static const char *const elements[] = {"p",  "em", "strong", "code", "pre", "blockquote",
                                       "ul", "ol", "li",     "a",    "br",  "hr"};

/* Which element a tag names at p; -1: none of ours. */
static int element_at(const char *p) {
    for (size_t i = 0; i < sizeof elements / sizeof *elements; i++) {
        size_t n = strlen(elements[i]);
        if (strncmp(p, elements[i], n) == 0 && (p[n] == '>' || p[n] == ' '))
            return (int)i;
    }
    return -1;
}

/* The attributes of an opening tag, from behind its name to its '>'. */
static void must_be_ours(const char *p, const char *end) {
    static const char *const starts[] = {" href=\"http://",
                                         " href=\"https://",
                                         " href=\"mailto:",
                                         " class=\"mention\" href=\"/@",
                                         " class=\"tag\" href=\"/tags/",
                                         " start=\""};
    size_t n = (size_t)(end - p);

    if (n == 0)
        return;
    for (size_t i = 0; i < sizeof starts / sizeof *starts; i++) {
        size_t k = strlen(starts[i]);
        if (n > k && strncasecmp(p, starts[i], k) == 0) {
            const char *quote = memchr(p + k, '"', n - k);
            bool link = i < 3;

            must(quote != NULL);
            must(link ? strncmp(quote, "\" rel=\"nofollow noopener ugc\">", 30) == 0 : quote + 1 == end);
            return;
        }
    }
    must(!"an attribute of ours");
}

static void must_nest(const char *html) {
    int open[128], depth = 0, links = 0;

    for (const char *p = html; (p = strchr(p, '<')) != NULL; p++) {
        bool closes = p[1] == '/';
        int e = element_at(p + 1 + closes);
        const char *end = strchr(p, '>');

        must(e >= 0 && end != NULL);
        if (e >= 10) {
            must(!closes && end == p + 3);
        } else if (closes) {
            must(depth > 0 && open[--depth] == e);
            links -= e == 9;
        } else {
            must_be_ours(p + 1 + strlen(elements[e]), end);
            must(depth < 128);
            open[depth++] = e;
            links += e == 9;
            must(links <= 1);
        }
    }
    must(depth == 0);
}

static void check(struct ctx *ctx, const char *src) {
    struct text_result r;
    enum code c = text_render_with(ctx, src, resolve, &r);

    if (c != OK) {
        must(c == INVALID && ctx->error.text != NULL);
        return;
    }
    must(r.html.n <= TEXT_HTML_MAX && strlen(r.html.p) == r.html.n);
    must(text_utf8_valid(r.html.p, r.html.n));
    must_nest(r.html.p);
    must(text_graphemes(r.excerpt, strlen(r.excerpt)) <= TEXT_EXCERPT_MAX + 1);
    must(r.n_mentions <= TEXT_MENTIONS_MAX && r.n_tags <= TEXT_TAGS_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct ctx ctx = {.arena = arena_new((size_t)32 << 20), .request_id = "fuzz"};
    char *src = text_clean(ctx.arena, (const char *)data, size);

    if (src != NULL)
        check(&ctx, src);
    arena_free(ctx.arena);
    return 0;
}
