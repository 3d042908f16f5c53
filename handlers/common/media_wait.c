#include "handlers/common/media_wait.h"

#include <unistd.h>

#include "fcgi/base/clock.h"
#include "fcgi/config.h"
#include "fcgi/pool.h"

#define LONGEST_US INT64_C(3000000)
#define LOOK_US 100000
#define ONE_IN 4 /* of the workers: the others answer who does not wait */

bool media_wait(const struct ctx *ctx, int64_t *until_us) {
    if (*until_us == 0) {
        if (!pool_may_wait(config_workers(ctx->env->config) / ONE_IN))
            return false;
        *until_us = clock_mono_us() + LONGEST_US;
    }
    if (clock_mono_us() >= *until_us)
        return false;
    usleep(LOOK_US);
    return true;
}
