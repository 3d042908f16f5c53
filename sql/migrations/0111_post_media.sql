-- What is attached to posts: a copy of what the media service says of it, beside the posts, so that those without it (nearly
-- all) are written and read as before.

CREATE TABLE posts.media (
    post_id bigint PRIMARY KEY,
    author_id bigint NOT NULL,
    views bytea NOT NULL,                   -- packed MediaViews, in order
    words text NOT NULL DEFAULT ''          -- its descriptions, for the search
);
CREATE INDEX media_by_author ON posts.media (author_id, post_id);
CREATE INDEX media_words ON posts.media USING gin (to_tsvector('simple', words)) WHERE words <> '';

-- What a post had attached to it before it was edited; NULL: nothing.
ALTER TABLE posts.revisions ADD COLUMN media bytea;

-- Posts for which media are being attached: written before the media service is asked, gone with the commit of the post. What
-- stays here was left behind by a failure, and is settled by a timer.
CREATE TABLE posts.attaching (
    post_id bigint PRIMARY KEY,
    given_up boolean NOT NULL DEFAULT false, -- the post may not be made any more
    begun_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX attaching_by_age ON posts.attaching (begun_at);
