/* The connection service: who follows, asks to follow, blocks and mutes whom. */
#ifndef DEEPLINK_CONNECTION_SERVICE_H
#define DEEPLINK_CONNECTION_SERVICE_H

#include "fcgi/app.h"

extern const struct service connection_service;

#endif
