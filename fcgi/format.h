/* Times and counts as readers of a language write them. The forms stand in the catalogues, so a language that
 * lacks one shows the English form. Results live in the arena. */
#ifndef DEEPLINK_FORMAT_H
#define DEEPLINK_FORMAT_H

#include <stdint.h>

struct arena;

/* A moment in UTC: "22 Nov 2026, 06:03"; in German "22. Nov. 2026, 06:03". */
char *format_moment(struct arena *a, int lang, int64_t unix_ms);

/* Its day alone: "22 Nov 2026". */
char *format_day(struct arena *a, int lang, int64_t unix_ms);

/* Short, relative to now: "now", "5m", "3h", "2d", "22 Nov", "22 Nov 2024"; in German "5 Min.", "22. Nov.".
 */
char *format_ago(struct arena *a, int lang, int64_t unix_ms, int64_t now_ms);

/* Short: "7", "1.2k", "12k", "3.4M"; in German "1,2 Tsd.". Cut, not rounded. */
char *format_count(struct arena *a, int lang, int64_t n);

#endif
