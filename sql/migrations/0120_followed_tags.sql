-- Tags whose public posts come into a member's home timeline.
CREATE TABLE posts.followed_tags (
    user_id bigint NOT NULL,
    tag text NOT NULL,                      -- folded, as in posts.tags
    id bigint NOT NULL,                     -- orders by when it was followed
    PRIMARY KEY (user_id, tag)
);
CREATE INDEX followed_tags_by_tag ON posts.followed_tags (tag, user_id);
