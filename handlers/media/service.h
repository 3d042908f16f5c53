/* The media service: what members upload, what is made of it, and where it is kept. */
#ifndef DEEPLINK_MEDIA_SERVICE_H
#define DEEPLINK_MEDIA_SERVICE_H

#include "fcgi/app.h"

extern const struct service media_service;

#endif
