/* The services' numbers: indexes of deeplink_app.services, env->pg and env->state. */
#ifndef DEEPLINK_HANDLERS_SERVICES_H
#define DEEPLINK_HANDLERS_SERVICES_H

enum { SVC_USER, SVC_POST, SVC_CONNECTION, SVC_NOTIFICATION, SVC_MEDIA, SVC_COUNT };

#endif
