#include "fcgi/base/clock.h"

#include <string.h>
#include <time.h>

#include "fcgi/base/arena.h"

#define DAY_MS INT64_C(86400000)
#define YEAR_0_MS INT64_C(-62167219200000)    /* 0000-01-01T00:00:00.000Z */
#define YEAR_9999_MS INT64_C(253402300799999) /* 9999-12-31T23:59:59.999Z */

static const char months[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                   "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
static const char weekdays[7][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};

int64_t clock_now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int64_t clock_mono_us(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* Own arithmetic in place of gmtime_r(): no locale, no time zone files, a tenth of the time. Years begin in
 * March while counting, so that the leap day is the last one; day 0 is then 0000-03-01. */
struct civil clock_civil(int64_t unix_ms) {
    if (unix_ms < YEAR_0_MS)
        unix_ms = YEAR_0_MS;
    if (unix_ms > YEAR_9999_MS)
        unix_ms = YEAR_9999_MS;
    int64_t in_day = unix_ms % DAY_MS;
    in_day += in_day < 0 ? DAY_MS : 0;
    int64_t days = (unix_ms - in_day) / DAY_MS;
    int64_t shifted = days + 719468; /* days from 0000-03-01 to 1970-01-01 */
    int64_t era = (shifted >= 0 ? shifted : shifted - 146096) / 146097;
    int64_t day_of_era = shifted - era * 146097;
    int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t from_march = (5 * day_of_year + 2) / 153;
    int month = (int)(from_march < 10 ? from_march + 2 : from_march - 10);
    return (struct civil){
        .year = (int)(year_of_era + era * 400 + (month < 2)),
        .month = month,
        .day = (int)(day_of_year - (153 * from_march + 2) / 5 + 1),
        .weekday = (int)(((days + 4) % 7 + 7) % 7),
        .hour = (int)(in_day / 3600000),
        .minute = (int)(in_day / 60000 % 60),
        .second = (int)(in_day / 1000 % 60),
        .ms = (int)(in_day % 1000),
    };
}

static void digits(char *out, int n, int v) {
    while (n-- > 0) {
        out[n] = (char)('0' + v % 10);
        v /= 10;
    }
}

void clock_iso_write(int64_t unix_ms, char out[CLOCK_ISO_MAX]) {
    struct civil c = clock_civil(unix_ms);
    memcpy(out, "0000-00-00T00:00:00.000Z", CLOCK_ISO_MAX);
    digits(out, 4, c.year);
    digits(out + 5, 2, c.month + 1);
    digits(out + 8, 2, c.day);
    digits(out + 11, 2, c.hour);
    digits(out + 14, 2, c.minute);
    digits(out + 17, 2, c.second);
    digits(out + 20, 3, c.ms);
}

char *clock_iso(struct arena *a, int64_t unix_ms) {
    char *out = arena_alloc(a, CLOCK_ISO_MAX);
    clock_iso_write(unix_ms, out);
    return out;
}

char *clock_http(struct arena *a, int64_t unix_ms) {
    struct civil c = clock_civil(unix_ms);
    return arena_printf(a, "%s, %02d %s %04d %02d:%02d:%02d GMT", weekdays[c.weekday], c.day, months[c.month],
                        c.year, c.hour, c.minute, c.second);
}
