-- The post service: posts, comments, reposts; likes and bookmarks; tags; what the timelines are read from.

-- Posts, comments (in_reply_to_id) and reposts (repost_of_id; then only ids count). A deleted one stays as a tombstone
-- without its words, so that what was said below it keeps its place.
CREATE TABLE posts.posts (
    id bigint PRIMARY KEY,
    author_id bigint NOT NULL,
    in_reply_to_id bigint,
    in_reply_to_author_id bigint,
    root_id bigint NOT NULL,                -- the thread's first post; its own id for a post that answers nothing
    repost_of_id bigint,
    repost_of_author_id bigint,
    audience smallint NOT NULL CHECK (audience BETWEEN 0 AND 3), -- public, unlisted, followers, direct
    sensitive boolean NOT NULL DEFAULT false,
    counted boolean NOT NULL DEFAULT true,  -- counts among its parent's comments: no narrower an audience than that
    revision integer NOT NULL DEFAULT 1,    -- grows with every change of what is below, or of pinned_at and deleted_at
    source text NOT NULL DEFAULT '',        -- Markdown as typed
    html text NOT NULL DEFAULT '',
    excerpt text NOT NULL DEFAULT '',       -- plain words
    warning text NOT NULL DEFAULT '',
    language text NOT NULL DEFAULT '',
    mentions bigint[] NOT NULL DEFAULT '{}',
    handles text[] NOT NULL DEFAULT '{}',   -- of `mentions`, same order
    tags text[] NOT NULL DEFAULT '{}',      -- as written
    created_at timestamptz NOT NULL,
    edited_at timestamptz,
    pinned_at timestamptz,
    deleted_at timestamptz,
    CHECK (in_reply_to_id IS NULL OR repost_of_id IS NULL),
    CHECK ((in_reply_to_id IS NULL) = (in_reply_to_author_id IS NULL)),
    CHECK ((repost_of_id IS NULL) = (repost_of_author_id IS NULL))
);
CREATE INDEX posts_by_author ON posts.posts (author_id, id)
    INCLUDE (in_reply_to_author_id, repost_of_id, repost_of_author_id, audience) WHERE deleted_at IS NULL;
CREATE INDEX posts_local ON posts.posts (id) INCLUDE (author_id)
    WHERE deleted_at IS NULL AND audience = 0 AND in_reply_to_id IS NULL AND repost_of_id IS NULL;
CREATE INDEX posts_answers ON posts.posts (in_reply_to_id, id) WHERE in_reply_to_id IS NOT NULL;
CREATE UNIQUE INDEX posts_repost_once ON posts.posts (author_id, repost_of_id)
    WHERE repost_of_id IS NOT NULL AND deleted_at IS NULL;
CREATE INDEX posts_reposts ON posts.posts (repost_of_id, id) INCLUDE (author_id)
    WHERE repost_of_id IS NOT NULL AND deleted_at IS NULL;
CREATE INDEX posts_pinned ON posts.posts (author_id) WHERE pinned_at IS NOT NULL AND deleted_at IS NULL;

-- Counters of a post; no row: all zero. version grows with every change and orders what is published of them.
CREATE TABLE posts.stats (
    post_id bigint PRIMARY KEY,
    version bigint NOT NULL DEFAULT 1,
    likes integer NOT NULL DEFAULT 0 CHECK (likes >= 0),
    reposts integer NOT NULL DEFAULT 0 CHECK (reposts >= 0),
    comments integer NOT NULL DEFAULT 0 CHECK (comments >= 0)
) WITH (fillfactor = 70);

-- What each member wrote: posts and comments that are not direct.
CREATE TABLE posts.authors (
    user_id bigint PRIMARY KEY,
    posts integer NOT NULL DEFAULT 0 CHECK (posts >= 0),
    last_at timestamptz NOT NULL
) WITH (fillfactor = 70);

CREATE TABLE posts.likes (
    user_id bigint NOT NULL,
    post_id bigint NOT NULL,
    id bigint NOT NULL,                     -- orders by when it was given
    PRIMARY KEY (user_id, post_id)
);
CREATE INDEX likes_by_user ON posts.likes (user_id, id) INCLUDE (post_id);
CREATE INDEX likes_by_post ON posts.likes (post_id, id) INCLUDE (user_id);

CREATE TABLE posts.bookmarks (
    user_id bigint NOT NULL,
    post_id bigint NOT NULL,
    id bigint NOT NULL,
    PRIMARY KEY (user_id, post_id)
);
CREATE INDEX bookmarks_by_user ON posts.bookmarks (user_id, id) INCLUDE (post_id);

-- Tags of public posts, folded for comparing.
CREATE TABLE posts.tags (
    tag text NOT NULL,
    post_id bigint NOT NULL,
    author_id bigint NOT NULL,
    name text NOT NULL,                     -- as written in this post
    PRIMARY KEY (tag, post_id)
);
CREATE INDEX tags_by_post ON posts.tags (post_id);

-- What a post said before it was edited.
CREATE TABLE posts.revisions (
    post_id bigint NOT NULL,
    number integer NOT NULL,
    source text NOT NULL,
    html text NOT NULL,
    warning text NOT NULL,
    sensitive boolean NOT NULL,
    at timestamptz NOT NULL,
    PRIMARY KEY (post_id, number)
);

-- Keys that clients give so that a repeated request makes no second post; good for two days.
CREATE TABLE posts.create_keys (
    author_id bigint NOT NULL,
    key text NOT NULL CHECK (length(key) <= 200),
    post_id bigint NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (author_id, key)
);

-- One field of a protobuf message, a number that is not negative (field numbers up to 15). Events say counters that are
-- known only when the statement that changes them has run.
CREATE FUNCTION posts.pb_int(field int, value bigint) RETURNS bytea LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
    rest bigint := value;
    bytes bytea := set_byte('\x00', 0, field << 3);
BEGIN
    IF value <= 0 THEN
        RETURN ''; -- proto3 leaves zeros out
    END IF;
    WHILE rest > 127 LOOP
        bytes := bytes || set_byte('\x00', 0, (rest & 127)::int | 128);
        rest := rest >> 7;
    END LOOP;
    RETURN bytes || set_byte('\x00', 0, rest::int);
END $$;
