/* Inside `deeplink-markup`: libxml2's HTML parser, and what is gathered of a page, by malloc: the process
 * reads one page and ends. No entities, no scripts, no network. */
#ifndef DEEPLINK_DRIVERS_MARKUP_READER_H
#define DEEPLINK_DRIVERS_MARKUP_READER_H

#include <stdbool.h>
#include <stddef.h>

struct markup_page {
    char *html;
    size_t n;
    const char *header;  /* the charset as the header says it; "" when it does not */
    const char *charset; /* what it is read as */
    void *letters;       /* libxml2's handler of that */
};

/* Finds out which charset the page is in and loads what that takes, so that no file is needed any more. Looks
 * at the page by our own code alone. */
void markup_page_begin(struct markup_page *page);

/* Parses it and writes what it says: values of enum markup_field, then addresses linked with rel=me, each
 * ended by a NUL. False: that could not be written. */
bool markup_page_say(const struct markup_page *page, int fd);

#endif
