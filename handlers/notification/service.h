/* The notification service: members are told what others did that concerns them. */
#ifndef DEEPLINK_NOTIFICATION_SERVICE_H
#define DEEPLINK_NOTIFICATION_SERVICE_H

#include "fcgi/app.h"

extern const struct service notification_service;

#endif
