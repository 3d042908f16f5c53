#include "handlers/notification/rules_words.h"

#include <string.h>

#include "fcgi/base/arena.h"

static bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool words_minutes(const char *t, int *ret) {
    int h, m;

    if (strlen(t) != 5 || !is_digit(t[0]) || !is_digit(t[1]) || t[2] != ':' || !is_digit(t[3]) ||
        !is_digit(t[4]))
        return false;
    h = (t[0] - '0') * 10 + t[1] - '0';
    m = (t[3] - '0') * 10 + t[4] - '0';
    *ret = h * 60 + m;
    return h < 24 && m < 60;
}

const char *words_clock(struct arena *a, int minutes) {
    return arena_printf(a, "%02d:%02d", minutes / 60 % 24, minutes % 60);
}
