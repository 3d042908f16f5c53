#include "fcgi/suggest.h"

#include <stddef.h>
#include <string.h>

#define WORD_MAX 63

void suggest_init(struct suggest *s, const char *word) { *s = (struct suggest){word, NULL, ~0u}; }

static unsigned least(unsigned a, unsigned b, unsigned c) {
    unsigned m = a < b ? a : b;
    return m < c ? m : c;
}

/* Damerau's restricted edit distance: letters put in, left out, changed, or two neighbours swapped. */
static unsigned distance(const char *a, const char *b) {
    unsigned rows[3][WORD_MAX + 1];
    size_t n = strlen(a), m = strlen(b);
    if (n > WORD_MAX || m > WORD_MAX)
        return ~0u;
    for (size_t k = 0; k <= m; k++)
        rows[0][k] = (unsigned)k;
    for (size_t i = 1; i <= n; i++) {
        unsigned *now = rows[i % 3], *last = rows[(i + 2) % 3], *before = rows[(i + 1) % 3];
        now[0] = (unsigned)i;
        for (size_t k = 1; k <= m; k++) {
            now[k] = least(last[k] + 1, now[k - 1] + 1, last[k - 1] + (a[i - 1] != b[k - 1]));
            if (i > 1 && k > 1 && a[i - 1] == b[k - 2] && a[i - 2] == b[k - 1] && before[k - 2] + 1 < now[k])
                now[k] = before[k - 2] + 1;
        }
    }
    return rows[n % 3][m];
}

void suggest_add(struct suggest *s, const char *known) {
    unsigned d = distance(s->word, known);
    if (d < s->distance) {
        s->distance = d;
        s->best = known;
    }
}

const char *suggest_best(const struct suggest *s) {
    return s->best != NULL && s->distance <= 1 + strlen(s->word) / 3 ? s->best : NULL;
}
