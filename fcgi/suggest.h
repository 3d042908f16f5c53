/* "Did you mean …?": the known word nearest to one that is not known. */
#ifndef DEEPLINK_SUGGEST_H
#define DEEPLINK_SUGGEST_H

struct suggest {
    const char *word, *best;
    unsigned distance;
};

/* word must outlive s. */
void suggest_init(struct suggest *s, const char *word);

/* One known word; it must outlive s. */
void suggest_add(struct suggest *s, const char *known);

/* The nearest one by edit distance; NULL when none is near. */
const char *suggest_best(const struct suggest *s);

#endif
