#include "handlers/notification/routes.h"

const struct route notification_routes[] = {
    {0},
};
