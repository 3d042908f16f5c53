/* Certificates in PEM files, as their operator has to know of them. */
#ifndef DEEPLINK_CERT_H
#define DEEPLINK_CERT_H

#include <stdbool.h>

/* Whole days until the certificates of a file are good no more: until the first of a chain ends, or the last
 * of authorities, of which one is enough. -1: that has been, or there is none in the file. */
int cert_days_left(const char *file, bool is_of_authorities);

#endif
