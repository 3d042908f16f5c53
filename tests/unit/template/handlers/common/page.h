/* The part of the real page.h that generated code needs. */
#ifndef DEEPLINK_COMMON_PAGE_H
#define DEEPLINK_COMMON_PAGE_H

struct page {
    int lang;
};

#endif
