#include "fcgi/drivers/s3_place.h"

#include <stdlib.h>
#include <string.h>

#include "fcgi/base/text.h"

#define SAFE "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_."

void s3_place_free(struct s3_place *p) {
    free(p->bucket);
    free(p->prefix);
    free(p->scheme);
    free(p->host);
    free(p->path);
    free(p->region);
    *p = (struct s3_place){0};
}

/* The value of `name` in a query, not escaped; NULL when it is not there. The caller frees it. */
static char *word_of(const char *query, const char *name) {
    size_t n = strlen(name);

    for (const char *p = query; *p != '\0'; p += strcspn(p, "&"), p += *p == '&')
        if (strncmp(p, name, n) == 0 && p[n] == '=')
            return strndup(p + n + 1, strcspn(p + n + 1, "&"));
    return NULL;
}

static bool is_private_ip(const char *host) {
    if (text_starts(host, "10.") || text_starts(host, "127.") || text_starts(host, "192.168."))
        return true;
    long second = text_starts(host, "172.") ? strtol(host + 4, NULL, 10) : 0;
    return second >= 16 && second <= 31;
}

bool s3_host_is_near(const char *host) {
    size_t n = strcspn(host, ":");

    if (text_starts(host, "[::1]") || text_starts(host, "[fd"))
        return true;
    if (memchr(host, '.', n) == NULL && host[0] != '[')
        return true;
    return strspn(host, "0123456789.") == n && is_private_ip(host);
}

static const char *read_endpoint(struct s3_place *p, const char *endpoint, bool may_plain) {
    const char *host = strstr(endpoint, "://"), *end;

    if (!text_starts(endpoint, "https://") && !text_starts(endpoint, "http://"))
        return "its endpoint must begin with https:// (or http://)";
    host += 3;
    end = host + strcspn(host, "/");
    p->scheme = strndup(endpoint, (size_t)(host - 3 - endpoint));
    p->host = strndup(host, (size_t)(end - host));
    p->path = strndup(end, strlen(end) - (strlen(end) > 0 && end[strlen(end) - 1] == '/'));
    if (p->scheme == NULL || p->host == NULL || p->path == NULL)
        return "there is no memory for it";
    if (p->host[0] == '\0' || strpbrk(host, "@?# ") != NULL || strspn(p->path, SAFE "/") != strlen(p->path))
        return "its endpoint is no address of a host";
    if (strcmp(p->scheme, "http") == 0 && !may_plain && !s3_host_is_near(p->host))
        return "its endpoint is not near, and http:// would show everything on the way: use https://, or say "
               "plain=yes";
    return NULL;
}

static const char *read_bucket(struct s3_place *p, const char *from, size_t n) {
    size_t bucket = strcspn(from, "/?"), rest;
    const char *prefix = from + bucket + (from[bucket] == '/');

    rest = n > (size_t)(prefix - from) ? n - (size_t)(prefix - from) : 0;
    while (rest > 0 && prefix[rest - 1] == '/')
        rest--;
    p->bucket = strndup(from, bucket);
    p->prefix = calloc(1, rest + 2);
    if (p->bucket == NULL || p->prefix == NULL)
        return "there is no memory for it";
    memcpy(p->prefix, prefix, rest);
    if (rest > 0)
        p->prefix[rest] = '/';
    if (bucket < 3 || bucket > 63 || strspn(p->bucket, SAFE) != bucket)
        return "a bucket's name has 3 to 63 letters, digits, dots and dashes";
    return strspn(p->prefix, SAFE "/") == strlen(p->prefix)
               ? NULL
               : "its prefix may have letters, digits, . - _ and /";
}

bool s3_place_read(struct s3_place *p, const char *setting, const char **ret_problem) {
    const char *from = setting + strlen("s3://"), *mark = strchr(from, '?');
    const char *query = mark != NULL ? mark + 1 : "", *problem;
    char *endpoint = word_of(query, "endpoint"), *plain = word_of(query, "plain");

    *p = (struct s3_place){.region = word_of(query, "region")};
    if (p->region == NULL)
        p->region = strdup("us-east-1");
    problem = read_bucket(p, from, strcspn(from, "?"));
    if (problem == NULL)
        problem = endpoint == NULL ? "it needs ?endpoint=https://host"
                                   : read_endpoint(p, endpoint, text_equal(plain, "yes"));
    if (problem == NULL && (p->region == NULL || strspn(p->region, SAFE) != strlen(p->region)))
        problem = "its region is a word of letters, digits and dashes";
    free(endpoint);
    free(plain);
    if (problem != NULL) {
        s3_place_free(p);
        *ret_problem = problem;
    }
    return problem == NULL;
}
