#include "fcgi/cert.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdio.h>

static int days_until(const ASN1_TIME *t) {
    int days = 0, seconds = 0;

    if (ASN1_TIME_diff(&days, &seconds, NULL, t) != 1 || days < 0 || seconds < 0)
        return -1;
    return days;
}

int cert_days_left(const char *file, bool is_of_authorities) {
    FILE *f = fopen(file, "re");
    X509 *x = NULL;
    int days = -1;
    bool is_first = true;

    if (f == NULL)
        return -1;
    while ((x = PEM_read_X509(f, NULL, NULL, NULL)) != NULL) {
        int its = days_until(X509_get0_notAfter(x));

        if (is_first || (is_of_authorities ? its > days : its < days))
            days = its;
        is_first = false;
        X509_free(x);
    }
    ERR_clear_error(); /* that there are no more */
    fclose(f);
    return days;
}
