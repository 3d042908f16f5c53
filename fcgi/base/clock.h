/* Time: wall clock in milliseconds for what is stored, monotonic microseconds for what is measured. */
#ifndef DEEPLINK_BASE_CLOCK_H
#define DEEPLINK_BASE_CLOCK_H

#include <stdint.h>

struct arena;

int64_t clock_now_ms(void);  /* Unix time, ms */
int64_t clock_mono_us(void); /* CLOCK_MONOTONIC, µs */

#define CLOCK_ISO_MAX 25 /* 24 bytes and NUL */

/* "2026-11-22T06:03:23.123Z" (RFC 3339, always three digits). Times before the year 0 or after 9999 show as
 * the nearest that can be written. */
void clock_iso_write(int64_t unix_ms, char out[CLOCK_ISO_MAX]);
char *clock_iso(struct arena *a, int64_t unix_ms);

/* "Sun, 22 Nov 2026 06:03:23 GMT" (RFC 9110 section 5.6.7). */
char *clock_http(struct arena *a, int64_t unix_ms);

/* One moment in UTC, by the proleptic Gregorian calendar. */
struct civil {
    int year;
    int month;   /* 0..11 */
    int day;     /* 1..31 */
    int weekday; /* 0 Sunday */
    int hour, minute, second, ms;
};

/* The same limits as for clock_iso(). */
struct civil clock_civil(int64_t unix_ms);

#endif
