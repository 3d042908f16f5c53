#include "fcgi/format.h"

#include <inttypes.h>
#include <stdbool.h>

#include "fcgi/base/arena.h"
#include "fcgi/base/clock.h"
#include "fcgi/i18n.h"

#define MINUTE_MS INT64_C(60000)
#define HOUR_MS INT64_C(3600000)
#define DAY_MS INT64_C(86400000)

static const char *const months[] = {tr_mark("Jan"), tr_mark("Feb"), tr_mark("Mar"), tr_mark("Apr"),
                                     tr_mark("May"), tr_mark("Jun"), tr_mark("Jul"), tr_mark("Aug"),
                                     tr_mark("Sep"), tr_mark("Oct"), tr_mark("Nov"), tr_mark("Dec")};

static char *number(struct arena *a, int64_t n) { return arena_printf(a, "%" PRId64, n); }

static char *date(struct arena *a, int lang, const struct civil *c, bool year) {
    const char *month = tr(lang, months[c->month]);
    if (!year)
        return tr_fill(a, lang, "{day} {month}", "day", number(a, c->day), "month", month, NULL);
    return tr_fill(a, lang, "{day} {month} {year}", "day", number(a, c->day), "month", month, "year",
                   number(a, c->year), NULL);
}

char *format_day(struct arena *a, int lang, int64_t unix_ms) {
    struct civil c = clock_civil(unix_ms);
    return date(a, lang, &c, true);
}

char *format_moment(struct arena *a, int lang, int64_t unix_ms) {
    struct civil c = clock_civil(unix_ms);
    return tr_fill(a, lang, "{date}, {time}", "date", date(a, lang, &c, true), "time",
                   arena_printf(a, "%02d:%02d", c.hour, c.minute), NULL);
}

static char *counted(struct arena *a, int lang, const char *text, int64_t n) {
    return tr_fill(a, lang, text, "n", number(a, n), NULL);
}

char *format_ago(struct arena *a, int lang, int64_t unix_ms, int64_t now_ms) {
    int64_t ago;
    if (__builtin_sub_overflow(now_ms, unix_ms, &ago) || ago <= -MINUTE_MS || ago >= 7 * DAY_MS) {
        struct civil c = clock_civil(unix_ms);
        return date(a, lang, &c, c.year != clock_civil(now_ms).year);
    }
    if (ago < MINUTE_MS) /* clocks differ a little: a moment ahead is now, too */
        return arena_strdup(a, tr(lang, "now"));
    if (ago < HOUR_MS)
        return counted(a, lang, tr_mark("{n}m"), ago / MINUTE_MS);
    if (ago < DAY_MS)
        return counted(a, lang, tr_mark("{n}h"), ago / HOUR_MS);
    return counted(a, lang, tr_mark("{n}d"), ago / DAY_MS);
}

/* One tenth is worth saying below ten units. */
static char *unit(struct arena *a, int lang, const char *text, int64_t n, int64_t one) {
    char *amount = n >= 10 * one ? number(a, n / one)
                                 : tr_fill(a, lang, "{whole}.{tenths}", "whole", number(a, n / one), "tenths",
                                           number(a, n % one / (one / 10)), NULL);
    return tr_fill(a, lang, text, "n", amount, NULL);
}

char *format_count(struct arena *a, int lang, int64_t n) {
    if (n < 1000)
        return number(a, n);
    return n < 1000000 ? unit(a, lang, tr_mark("{n}k"), n, 1000) : unit(a, lang, tr_mark("{n}M"), n, 1000000);
}
