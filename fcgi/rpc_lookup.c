#include "fcgi/rpc_lookup.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "fcgi/base/clock.h"

#define FRESH_US INT64_C(30000000)
#define PATIENCE_US INT64_C(1000000)

struct rpc_lookup {
    char host[256], port[8];
    bool is_number; /* an address: nobody is asked */
    struct addrinfo *found;
    int64_t found_us; /* clock_mono_us(); 0: never, or it is to be asked for anew */
    struct question *question;
    int64_t asked_us;
};

/* What the library's thread works on. It may outlive the lookup. */
struct question {
    struct question *next; /* of `left` */
    struct gaicb request;
    struct addrinfo hints;
    char host[256], port[8];
};

/* Questions that nobody waits for any more, until the library has done with them. */
static struct question *left;

static bool split(struct rpc_lookup *l, const char *place) {
    const char *colon = strrchr(place, ':');
    size_t bracket = place[0] == '[';
    if (colon == NULL || colon - place < (int)(2 * bracket + 1) ||
        (size_t)(colon - place) >= sizeof l->host || strlen(colon + 1) >= sizeof l->port)
        return false;
    snprintf(l->host, sizeof l->host, "%.*s", (int)((size_t)(colon - place) - 2 * bracket), place + bracket);
    snprintf(l->port, sizeof l->port, "%s", colon + 1);
    return true;
}

struct rpc_lookup *rpc_lookup_new(const char *place) {
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV | AI_NUMERICHOST};
    struct rpc_lookup *l = calloc(1, sizeof *l);
    if (l == NULL || !split(l, place)) {
        free(l);
        return NULL;
    }
    l->is_number = getaddrinfo(l->host, l->port, &hints, &l->found) == 0;
    return l;
}

static void question_free(struct question *q) {
    if (gai_error(&q->request) == 0 && q->request.ar_result != NULL)
        freeaddrinfo(q->request.ar_result);
    free(q);
}

/* A question that is being asked cannot be taken back: it waits for its end. */
static void question_drop(struct rpc_lookup *l) {
    struct question *q = l->question;
    l->question = NULL;
    if (q == NULL)
        return;
    if (gai_error(&q->request) != EAI_INPROGRESS || gai_cancel(&q->request) != EAI_NOTCANCELED) {
        question_free(q);
        return;
    }
    q->next = left;
    left = q;
}

static void sweep(void) {
    for (struct question **at = &left; *at != NULL;) {
        struct question *q = *at;
        if (gai_error(&q->request) == EAI_INPROGRESS) {
            at = &q->next;
            continue;
        }
        *at = q->next;
        question_free(q);
    }
}

void rpc_lookup_free(struct rpc_lookup *l) {
    if (l == NULL)
        return;
    question_drop(l);
    if (l->found != NULL)
        freeaddrinfo(l->found);
    free(l);
}

const char *rpc_lookup_host(const struct rpc_lookup *l) { return l->host; }

void rpc_lookup_forget(struct rpc_lookup *l) { l->found_us = 0; }

static void ask(struct rpc_lookup *l) {
    sweep();
    struct question *q = calloc(1, sizeof *q);
    if (q == NULL)
        return;
    memcpy(q->host, l->host, sizeof q->host);
    memcpy(q->port, l->port, sizeof q->port);
    q->hints = (struct addrinfo){.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    q->request = (struct gaicb){.ar_name = q->host, .ar_service = q->port, .ar_request = &q->hints};
    if (getaddrinfo_a(GAI_NOWAIT, (struct gaicb *[]){&q->request}, 1, NULL) != 0) {
        free(q);
        return;
    }
    l->question = q;
    l->asked_us = clock_mono_us();
}

/* Whether the answer has come, good or bad. */
static bool wait_for(struct rpc_lookup *l, int64_t until_us) {
    const struct gaicb *list[] = {&l->question->request};
    while (gai_error(&l->question->request) == EAI_INPROGRESS) {
        int64_t rest = until_us - clock_mono_us();
        if (rest <= 0)
            return false;
        struct timespec t = {.tv_sec = rest / 1000000, .tv_nsec = rest % 1000000 * 1000};
        gai_suspend(list, 1, &t);
    }
    return true;
}

static void take(struct rpc_lookup *l) {
    struct gaicb *r = &l->question->request;
    if (gai_error(r) == 0) {
        if (l->found != NULL)
            freeaddrinfo(l->found);
        l->found = r->ar_result;
        r->ar_result = NULL;
    }
    question_drop(l);
}

const struct addrinfo *rpc_lookup_addresses(struct rpc_lookup *l, int64_t deadline_us) {
    int64_t now = clock_mono_us();
    if (l->is_number || (l->found_us != 0 && now - l->found_us < FRESH_US && l->found != NULL))
        return l->found;
    if (l->question == NULL)
        ask(l);
    if (l->question != NULL) {
        int64_t until = l->asked_us + PATIENCE_US;
        if (wait_for(l, until < deadline_us ? until : deadline_us))
            take(l);
    }
    l->found_us = now; /* old ones are good for as long again when there are no others */
    if (l->found == NULL)
        errno = l->question != NULL ? ETIMEDOUT : EADDRNOTAVAIL;
    return l->found;
}
