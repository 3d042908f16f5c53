-- How a member's posts begin where a program does not say it, and how far the member has read, by timeline.

ALTER TABLE users.accounts
    ADD COLUMN default_sensitive boolean NOT NULL DEFAULT false,
    ADD COLUMN post_language text NOT NULL DEFAULT '';

CREATE TABLE users.markers (
    user_id bigint NOT NULL REFERENCES users.accounts (id) ON DELETE CASCADE,
    timeline text NOT NULL CHECK (timeline IN ('home', 'notifications')),
    last_read_id bigint NOT NULL,
    version bigint NOT NULL DEFAULT 1,      -- grows with every change
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (user_id, timeline)
);
