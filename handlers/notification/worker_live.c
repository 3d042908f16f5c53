/* Open pages and programs hear of it at once. */
#include "handlers/notification/worker.h"

void notification_tell_live(struct ctx *ctx, struct told *const *told, size_t n) {
    (void)ctx;
    (void)told;
    (void)n;
}
