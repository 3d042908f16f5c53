#include "fcgi/drivers/fetch_names.h"

#include <netdb.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* Whoever comes last frees it. */
struct fetch_names {
    struct addrinfo *found;
    atomic_int state; /* RUNNING; then who was first: the thread, or whoever waits no longer */
    int rc;
    char port[8];
    char host[];
};
enum { RUNNING, FOUND, LEFT };

static int look_up(const char *host, const char *port, struct addrinfo **ret) {
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG | AI_NUMERICSERV};
    return getaddrinfo(host, port, &hints, ret);
}

int (*fetch_look_up)(const char *host, const char *port, struct addrinfo **ret) = look_up;

static void *run(void *arg) {
    struct fetch_names *l = arg;
    l->rc = fetch_look_up(l->host, l->port, &l->found);
    if (atomic_exchange(&l->state, FOUND) == RUNNING)
        return NULL;
    if (l->rc == 0)
        freeaddrinfo(l->found);
    free(l); /* lint: memory-of-the-arena: the thread has outlived the request */
    return NULL;
}

struct fetch_names *fetch_names_begin(const char *host, const char *port) {
    size_t n = strlen(host) + 1;
    struct fetch_names *l = calloc(1, sizeof *l + n); /* lint: memory-of-the-arena: a thread may outlive it */
    pthread_attr_t detached;
    pthread_t thread;
    if (l == NULL)
        return NULL;
    memcpy(l->host, host, n);
    snprintf(l->port, sizeof l->port, "%s", port);
    pthread_attr_init(&detached);
    pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
    int rc = pthread_create(&thread, &detached, run, l);
    pthread_attr_destroy(&detached);
    if (rc == 0)
        return l;
    free(l); /* lint: memory-of-the-arena: the same */
    return NULL;
}

bool fetch_names_known(const struct fetch_names *names) { return atomic_load(&names->state) == FOUND; }

int fetch_names_end(struct fetch_names *l, struct addrinfo **ret) {
    *ret = NULL;
    if (atomic_exchange(&l->state, LEFT) == RUNNING)
        return EAI_AGAIN;
    int rc = l->rc;
    *ret = rc == 0 ? l->found : NULL;
    free(l); /* lint: memory-of-the-arena: the same */
    return rc;
}
