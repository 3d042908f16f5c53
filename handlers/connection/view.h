/* Views of the connection service's pages; each is filled by pages.c and view.c and written by the template
 * named above it. */
#ifndef DEEPLINK_CONNECTION_VIEW_H
#define DEEPLINK_CONNECTION_VIEW_H

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

#endif
