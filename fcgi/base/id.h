/* Ids: 63 bits, ordered by time: 41 bits of milliseconds since 2024-01-01T00:00:00Z, 10 bits of node, 12 bits
 * of sequence. One space for posts, comments and reposts; decimal strings in JSON and URLs. */
#ifndef DEEPLINK_BASE_ID_H
#define DEEPLINK_BASE_ID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;

#define ID_EPOCH_MS INT64_C(1704067200000)
#define ID_WEEK_MS INT64_C(604800000) /* weeks are counted from there, a Monday */
#define ID_STR_MAX 20                 /* 19 digits and NUL */

/* Names this process: 0..1023, unlike that of every other running process (drawn from a database sequence).
 */
void id_set_node(unsigned node);

/* The next id: larger than every one this process made before, also when the clock steps back. */
int64_t id_next(void);

/* An id for something made at another time (imports). Its sequence turns after 4,096 of them. */
int64_t id_at(int64_t unix_ms);

/* The smallest id of a millisecond (Unix time). */
int64_t id_floor_at(int64_t unix_ms);

/* When it was made, Unix time in milliseconds. */
int64_t id_time_ms(int64_t id);

/* Reads 1..19 digits and nothing else, > 0 and within 63 bits. */
bool id_parse(const char *s, int64_t *ret_id);

/* Whether it is one of n. */
bool id_among(int64_t id, const int64_t *ids, size_t n);

/* Writes the digits and a NUL; returns how many digits. */
int id_format(int64_t id, char out[ID_STR_MAX]);
char *id_str(struct arena *a, int64_t id);

#endif
