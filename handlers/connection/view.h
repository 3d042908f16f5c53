/* Views of the connection service's pages; each is filled by pages.c and view.c and written by the template
 * named above it. */
#ifndef DEEPLINK_CONNECTION_VIEW_H
#define DEEPLINK_CONNECTION_VIEW_H

#include "deeplink/v1/connection.pb-c.h"
#include "handlers/common/models.h"
#include "handlers/common/views.h"

/* connection_edges: followers of a member, or whom it follows. */
struct edges_view {
    const Pb__UserCard *user;
    bool following; /* else followers */
    bool hidden;    /* the member keeps both lists to themselves: no rows, and the page says so */
    bool own;       /* the reader's own: followers can be removed */
    struct network_counts counts;
    struct member_list members;
};

/* connection_network: requests to follow the reader, whom they may know. */
struct network_view {
    struct member_list requests;
    const struct member_row *suggestions;
    size_t n_suggestions;
    struct network_counts counts;
};

/* connection_block: asks. */
struct block_view {
    const Pb__UserCard *user;
    uint32_t edges;
    const char *return_to;
};

/* connection_mute: for how long? */
struct mute_view {
    const Pb__UserCard *user;
    uint32_t edges;
    int64_t until_ms; /* of a mute that is there; 0: no end, or none */
    const char *return_to;
};

/* connection_blocks and connection_mutes: lists in the settings. */
struct severed_view {
    struct member_list members;
};

/* connection_lists: those that the reader keeps. */
struct lists_view {
    Pb__List *const *lists;
    size_t n;
};

/* connection_list_form, connection_list_delete: one of them. */
struct list_view {
    const Pb__List *list;
    const char *policy; /* which replies it shows */
};

/* connection_list_members: who is on it; connection_list_followed: whom the reader follows. */
struct list_members_view {
    const Pb__List *list;
    struct member_list members;
};

/* connection_lists_of: the reader's lists, and whether a member is on each. */
struct lists_of_view {
    const Pb__UserCard *user;
    bool followed;
    Pb__List *const *lists;
    const bool *on;
    size_t n;
};

/* Whether a member is on a list that was asked for with its members. */
static inline bool list_has(const Pb__List *list, int64_t member) {
    for (size_t i = 0; i < list->n_member_ids; i++)
        if (list->member_ids[i] == member)
            return true;
    return false;
}

#endif
