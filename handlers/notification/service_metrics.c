#include "handlers/notification/service_metrics.h"

#include <inttypes.h>

#include "handlers/notification/store_deliver.h"

static void write_head(struct buf *out, const char *name, const char *kind, const char *help) {
    buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, kind);
}

static void write_waiting(struct buf *out, const struct sendings *s, size_t n) {
    write_head(out, "deeplink_outgoing_waiting", "gauge",
               "Mails' items, pushes and calls of webhooks that have not gone out yet.");
    for (size_t i = 0; i < n; i++)
        buf_printf(out, "deeplink_outgoing_waiting{way=\"%s\"} %" PRId64 "\n", s[i].way, s[i].waiting);
    write_head(out, "deeplink_outgoing_age_seconds", "gauge", "How long the oldest of them has been due.");
    for (size_t i = 0; i < n; i++)
        buf_printf(out, "deeplink_outgoing_age_seconds{way=\"%s\"} %.3f\n", s[i].way,
                   (double)s[i].age_ms / 1000);
}

static void write_total(struct buf *out, const struct sendings *s) {
    const struct {
        const char *outcome;
        int64_t n;
    } totals[] = {{"sent", s->sent}, {"failed", s->failed}, {"dropped", s->dropped}, {"unknown", s->unknown}};

    for (size_t i = 0; i < sizeof totals / sizeof *totals; i++)
        buf_printf(out, "deeplink_outgoing_total{way=\"%s\",outcome=\"%s\"} %" PRId64 "\n", s->way,
                   totals[i].outcome, totals[i].n);
}

void notification_metrics(struct ctx *ctx, struct buf *out) {
    struct sendings *all;
    size_t n;

    if (notification_store_sendings(ctx, &all, &n) != OK)
        return;
    write_waiting(out, all, n);
    write_head(out, "deeplink_outgoing_total", "counter",
               "What came of them: sent, a try that failed, not wanted any more, not known.");
    for (size_t i = 0; i < n; i++)
        write_total(out, &all[i]);
}
