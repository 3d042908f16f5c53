#include "handlers/post/view.h"

/* While the tree is put together: a comment, and where in the reply it and its children's end stand. */
struct branch {
    struct comment comment;
    struct branch *parent;
    struct comment **children;
    size_t room;
};

static void adopt(struct arena *a, struct branch *parent, struct comment *child) {
    if (parent->comment.n_children == parent->room) {
        size_t room = parent->room == 0 ? 4 : parent->room * 2;
        struct comment **more = arena_many(a, struct comment *, room);

        if (parent->room > 0)
            memcpy(more, parent->children, parent->room * sizeof *more);
        parent->children = more;
        parent->room = room;
        parent->comment.children = (struct comment *const *)more;
    }
    parent->children[parent->comment.n_children++] = child;
}

struct comment *const *comments_tree(struct arena *a, int64_t post, struct post_card *cards,
                                     const uint32_t *depths, const char *const *more, size_t n,
                                     size_t *ret_n) {
    struct branch *branches = arena_many(a, struct branch, n + 1), *root = &branches[n];
    struct branch *path[COMMENT_LEVEL_MAX + 2] = {root}; /* the latest of each level, behind the root */
    size_t deep = 0;                                     /* how many levels of it are set */

    for (size_t i = 0; i < n; i++) {
        size_t level = depths[i] < deep ? depths[i] : deep;
        struct branch *b = &branches[i];

        if (level > COMMENT_LEVEL_MAX)
            level = COMMENT_LEVEL_MAX;
        b->comment.card = &cards[i];
        b->comment.level = (unsigned)level;
        b->comment.more = more[i];
        b->parent = path[level];
        if (cards[i].post->in_reply_to_id == (b->parent == root ? post : b->parent->comment.card->post->id))
            cards[i].reply_to = NULL;
        adopt(a, b->parent, &b->comment);
        for (struct branch *up = b->parent; up != root; up = up->parent)
            up->comment.below++;
        path[level + 1] = b;
        deep = level + 1;
    }
    *ret_n = root->comment.n_children;
    return root->comment.children;
}
