-- Conversations that a member wants to hear nothing more of; by the thread's first post.
CREATE TABLE posts.muted_threads (
    user_id bigint NOT NULL,
    root_id bigint NOT NULL,
    id bigint NOT NULL,                     -- orders by when it was muted
    PRIMARY KEY (user_id, root_id)
);
