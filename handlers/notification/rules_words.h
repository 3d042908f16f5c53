/* Preferences as forms and programs write them. */
#ifndef DEEPLINK_NOTIFICATION_RULES_WORDS_H
#define DEEPLINK_NOTIFICATION_RULES_WORDS_H

#include <stdbool.h>

struct arena;

/* "22:00" as minutes of the day; false when it is no time. And back. */
bool words_minutes(const char *text, int *ret);
const char *words_clock(struct arena *a, int minutes);

#endif
