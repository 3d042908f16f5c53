#include "handlers/media/rules.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "fcgi/base/text.h"
#include "fcgi/i18n.h"

#define NAME_MAX_LETTERS 100
#define FOCUS_WORDS tr_mark("The focus is two numbers from -1 to 1, as in 0.5,-0.2.")

const char *media_purpose(struct ctx *ctx, const char *purpose) {
    static const char *const purposes[] = {"post", "avatar", "banner", "card"};

    if (text_is_empty(purpose))
        return purposes[0];
    for (size_t i = 0; i < sizeof purposes / sizeof *purposes; i++)
        if (strcmp(purpose, purposes[i]) == 0)
            return purposes[i];
    fail_field(ctx, "purpose", tr_mark("A file is for a post, an avatar or a banner."));
    return NULL;
}

enum code media_check_owner(struct ctx *ctx, int64_t owner, const char *purpose) {
    bool is_card = strcmp(purpose, "card") == 0;

    if (owner != 0 && is_card)
        return fail_field(ctx, "purpose", tr_mark("A file is for a post, an avatar or a banner."));
    if (owner == 0 && (!is_card || ctx->viewer_id != 0))
        return fail(ctx, UNAUTHENTICATED, tr_mark("Log in to go on."));
    return OK;
}

enum code media_words(struct ctx *ctx, const char *text, const char **ret) {
    const char *clean = text_clean(ctx->arena, text, strlen(text));

    if (clean == NULL)
        return fail_field(ctx, "description", tr_mark("The description is not valid text."));
    if (text_utf8_count(clean, strlen(clean)) > MEDIA_WORDS_MAX)
        return fail_field_as(ctx, "description", FIELD_TOO_LONG,
                             tr_mark("The description is too long: at most 1,500 characters."));
    *ret = clean;
    return OK;
}

enum code media_focus(struct ctx *ctx, double x, double y) {
    return isfinite(x) && isfinite(y) && fabs(x) <= 1 && fabs(y) <= 1 ? OK
                                                                      : fail_field(ctx, "focus", FOCUS_WORDS);
}

/* A number that a text begins with, and what stands behind it; false: none, or more than plain digits. */
static bool number(const char **at, double *ret) {
    size_t n = strspn(*at, "0123456789.+-");
    char *end;

    if (n == 0 || n > 24)
        return false;
    *ret = strtod(*at, &end);
    *at += n;
    return end == *at;
}

enum code media_focus_read(struct ctx *ctx, const char *text, double *ret_x, double *ret_y) {
    bool ok = number(&text, ret_x) && *text == ',';

    text += ok;
    text += ok ? strspn(text, " ") : 0;
    if (!ok || !number(&text, ret_y) || *text != '\0')
        return fail_field(ctx, "focus", FOCUS_WORDS);
    return media_focus(ctx, *ret_x, *ret_y);
}

const char *media_file_name(struct ctx *ctx, const char *name) {
    char *clean = text_clean_line(ctx->arena, name, strlen(name));
    size_t from = 0, k = 0;

    if (clean == NULL)
        return "";
    for (size_t i = 0; clean[i] != '\0'; i++)
        if (clean[i] == '/' || clean[i] == '\\')
            from = i + 1;
    from += strspn(clean + from, ". ");
    for (const char *s = clean + from; *s != '\0'; s++)
        if (strchr("<>:\"|?*", *s) == NULL)
            clean[k++] = *s;
    clean[k] = '\0';
    return text_ellipsis(ctx->arena, clean, NAME_MAX_LETTERS);
}
