-- The notification service: who is told what, how far it was read, what is held back of whom.

CREATE TABLE notifications.notifications (
    id bigint PRIMARY KEY,                  -- orders by when it was made; another one when it is told anew
    user_id bigint NOT NULL,                -- who is told
    kind smallint NOT NULL,                 -- handlers/notification/kinds.h
    actor_id bigint NOT NULL,               -- who did it; 0: the site
    object_id bigint NOT NULL,              -- what makes it one of its kind: the post, the event; 0: the actor alone
    post_id bigint NOT NULL,                -- what it is about; 0: no post
    group_key text NOT NULL,
    -- 0 shown, 1 held back, 2 told by other ways only, 3 undone by its actor, 4 dismissed by the member. The last two
    -- stay until they are old, so that an event that is delivered again makes nothing.
    state smallint NOT NULL CHECK (state BETWEEN 0 AND 4),
    hidden boolean NOT NULL DEFAULT false,  -- while its actor is suspended
    event_id bigint NOT NULL,               -- the latest event that had a say: older ones have none
    made_by bigint NOT NULL,                -- the event that made it, or made it anew
    detail text NOT NULL DEFAULT '',
    created_at timestamptz NOT NULL,
    UNIQUE (user_id, kind, actor_id, object_id)
);
CREATE INDEX notifications_listed ON notifications.notifications (user_id, id) WHERE state < 2 AND NOT hidden;
CREATE INDEX notifications_groups ON notifications.notifications (user_id, group_key, id) INCLUDE (actor_id)
    WHERE state < 2 AND NOT hidden;
CREATE INDEX notifications_held ON notifications.notifications (user_id, actor_id, id) WHERE state = 1;
CREATE INDEX notifications_by_actor ON notifications.notifications (actor_id, user_id);
CREATE INDEX notifications_by_post ON notifications.notifications (post_id) WHERE post_id <> 0;

-- How far each member has read; version as programs' markers have it.
CREATE TABLE notifications.readers (
    user_id bigint PRIMARY KEY,
    read_id bigint NOT NULL,
    version bigint NOT NULL DEFAULT 1,
    updated_at timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 70);

-- What happens to what certain senders do: 0 accept, 1 hold back, 2 drop. No row: as a new row is.
CREATE TABLE notifications.policies (
    user_id bigint PRIMARY KEY,
    not_following smallint NOT NULL DEFAULT 0 CHECK (not_following BETWEEN 0 AND 2),
    not_followers smallint NOT NULL DEFAULT 0 CHECK (not_followers BETWEEN 0 AND 2),
    new_accounts smallint NOT NULL DEFAULT 0 CHECK (new_accounts BETWEEN 0 AND 2),
    private_mentions smallint NOT NULL DEFAULT 1 CHECK (private_mentions BETWEEN 0 AND 2),
    limited_accounts smallint NOT NULL DEFAULT 1 CHECK (limited_accounts BETWEEN 0 AND 2)
);

-- Senders whose requests a member has accepted: no policy holds them back any more.
CREATE TABLE notifications.accepted (
    user_id bigint NOT NULL,
    from_id bigint NOT NULL,
    PRIMARY KEY (user_id, from_id)
);
CREATE INDEX accepted_by_sender ON notifications.accepted (from_id);

-- A sender of whom something is held back, until the member answers.
CREATE TABLE notifications.requests (
    id bigint PRIMARY KEY,
    user_id bigint NOT NULL,
    from_id bigint NOT NULL,
    post_id bigint NOT NULL,                -- the latest post that is held back; 0: none
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    UNIQUE (user_id, from_id)
);
CREATE INDEX requests_by_user ON notifications.requests (user_id, id);
CREATE INDEX requests_by_sender ON notifications.requests (from_id);

-- How far programs have marked notifications as read until now. From here on this is where it stands.
INSERT INTO notifications.readers (user_id, read_id, version, updated_at)
SELECT user_id, last_read_id, version, updated_at FROM users.markers WHERE timeline = 'notifications';
