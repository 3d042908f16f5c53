/* What replies a list shows, by the names that clients and forms have for it: "list", "followed", "none". */
#ifndef DEEPLINK_CONNECTION_POLICY_H
#define DEEPLINK_CONNECTION_POLICY_H

#include "deeplink/v1/connection.pb-c.h"

#define POLICY_NAMES "list|followed|none"

const char *policy_name(Pb__RepliesPolicy policy);
Pb__RepliesPolicy policy_named(const char *name); /* REPLIES_UNSAID: none of these */

#endif
