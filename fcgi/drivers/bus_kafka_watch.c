/* The members of a group divide the partitions that one of them sees. When a broker that does not know a new
 * topic yet is asked, its partitions are left out, and nobody looks again: their events would wait for ever.
 * So the groups are looked at from outside, and one that leaves partitions out is joined anew. */
#include <stdlib.h>
#include <string.h>

#include "fcgi/base/clock.h"
#include "fcgi/drivers/bus_kafka.h"
#include "fcgi/log.h"

#define LOOK_US INT64_C(30000000)     /* between two looks */
#define LOOK_SOON_US INT64_C(5000000) /* while something is missing, or not to be seen */
#define ASK_MS 5000                   /* for an answer about groups */

struct kafka_watch {
    struct kafka *k;
    rd_kafka_t *rk; /* of any group: who asks */
    rd_kafka_queue_t *answers;
    bool asked;
    int64_t look_us;
};

/* ---- What there is */

/* Partitions of the topics that the group's consumer reads. */
static int count_wanted(const struct kafka_group *g, struct arena *a, const struct rd_kafka_metadata *all) {
    int n = 0;
    for (const char *const *t = g->due.def->topics; *t != NULL; t++)
        n += kafka_partitions(all, kafka_topic_there(&g->k->at, a, *t));
    return n;
}

/* ---- What is read */

/* Partitions of these topics that the group's members have got. */
static int count_read(const struct kafka_group *g, const rd_kafka_ConsumerGroupDescription_t *group) {
    int n = 0;
    for (size_t m = 0; m < rd_kafka_ConsumerGroupDescription_member_count(group); m++) {
        const rd_kafka_topic_partition_list_t *list = rd_kafka_MemberAssignment_partitions(
            rd_kafka_MemberDescription_assignment(rd_kafka_ConsumerGroupDescription_member(group, m)));
        for (int i = 0; list != NULL && i < list->cnt; i++)
            n += bus_wants(&g->due, kafka_topic_here(&g->k->at, list->elems[i].topic));
    }
    return n;
}

/* ---- Looking */

/* One look may fall between a topic's making and the group's own next step; the second in a row, the fourth,
 * the eighth… is acted on, by the one process that has the group's lock. */
static void judge(struct kafka_group *g, struct ctx *ctx, int wanted, int is_read) {
    g->n_short = is_read < wanted ? g->n_short + 1 : 0;
    if (g->n_short < 2 || (g->n_short & (g->n_short - 1)) != 0 || !g->due.locked)
        return;
    log_warn(ctx, "partitions are read by nobody: joining anew", "consumer=%s read=%d of=%d", g->due.name,
             is_read, wanted);
    kafka_subscribe(g, ctx);
}

static struct kafka_group *group_of(struct kafka *k, const char *id) {
    for (size_t i = 0; i < k->n_groups; i++)
        if (strcmp(k->groups[i].id, id) == 0)
            return &k->groups[i];
    return NULL;
}

/* Whether all groups are whole. One whose members are coming and going is looked at another time. */
static bool judge_all(struct kafka *k, struct ctx *ctx,
                      const rd_kafka_DescribeConsumerGroups_result_t *result,
                      const struct rd_kafka_metadata *all) {
    size_t n, n_whole = 0;
    const rd_kafka_ConsumerGroupDescription_t **groups =
        rd_kafka_DescribeConsumerGroups_result_groups(result, &n);
    for (size_t i = 0; i < n; i++) {
        struct kafka_group *g = group_of(k, rd_kafka_ConsumerGroupDescription_group_id(groups[i]));
        if (g == NULL || rd_kafka_ConsumerGroupDescription_error(groups[i]) != NULL ||
            rd_kafka_ConsumerGroupDescription_state(groups[i]) != RD_KAFKA_CONSUMER_GROUP_STATE_STABLE)
            continue;
        judge(g, ctx, count_wanted(g, ctx->arena, all), count_read(g, groups[i]));
        n_whole += g->n_short == 0;
    }
    return n_whole == k->n_groups;
}

static void take_answer(struct kafka_watch *w, struct ctx *ctx, rd_kafka_event_t *answer) {
    struct kafka *k = w->k;
    const rd_kafka_DescribeConsumerGroups_result_t *result =
        rd_kafka_event_DescribeConsumerGroups_result(answer);
    const struct rd_kafka_metadata *all;
    bool whole = false;
    if (result != NULL && rd_kafka_event_error(answer) == RD_KAFKA_RESP_ERR_NO_ERROR &&
        rd_kafka_metadata(w->rk, 1, NULL, &all, kafka_timeout_ms(k)) == RD_KAFKA_RESP_ERR_NO_ERROR) {
        whole = judge_all(k, ctx, result, all);
        rd_kafka_metadata_destroy(all);
    }
    w->look_us = clock_mono_us() + (whole ? LOOK_US : LOOK_SOON_US);
}

static void ask(struct kafka_watch *w, struct ctx *ctx) {
    struct kafka *k = w->k;
    const char **ids = arena_many(ctx->arena, const char *, k->n_groups);
    for (size_t i = 0; i < k->n_groups; i++)
        ids[i] = k->groups[i].id;
    rd_kafka_AdminOptions_t *options =
        rd_kafka_AdminOptions_new(w->rk, RD_KAFKA_ADMIN_OP_DESCRIBECONSUMERGROUPS);
    rd_kafka_AdminOptions_set_request_timeout(options, ASK_MS, NULL, 0);
    rd_kafka_DescribeConsumerGroups(w->rk, ids, k->n_groups, options, w->answers);
    rd_kafka_AdminOptions_destroy(options);
    w->asked = true;
}

void kafka_watch_round(struct kafka_watch *w, struct ctx *ctx) {
    rd_kafka_event_t *answer = w->asked ? rd_kafka_queue_poll(w->answers, 0) : NULL;
    if (answer != NULL) {
        w->asked = false;
        take_answer(w, ctx, answer);
        rd_kafka_event_destroy(answer);
    } else if (!w->asked && w->k->subscribed && w->k->n_groups > 0 && !w->k->down &&
               clock_mono_us() >= w->look_us) {
        ask(w, ctx);
    }
}

struct kafka_watch *kafka_watch_open(struct kafka *k) {
    struct kafka_watch *w = calloc(1, sizeof(*w));
    if (w == NULL)
        return NULL;
    w->k = k;
    if (k->n_groups == 0)
        return w;
    w->rk = k->groups[0].rk;
    w->answers = rd_kafka_queue_new(w->rk);
    return w;
}

void kafka_watch_close(struct kafka_watch *w) {
    if (w != NULL && w->answers != NULL)
        rd_kafka_queue_destroy(w->answers);
    free(w);
}
