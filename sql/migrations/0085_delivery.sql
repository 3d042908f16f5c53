-- What leaves the site: by which ways members are told of what, and what waits to go out.

-- How a member wants to be told. No row: the defaults, which are in handlers/notification/rules_prefs.c.
CREATE TABLE notifications.preferences (
    user_id bigint PRIMARY KEY,
    version bigint NOT NULL,
    kinds text[] NOT NULL DEFAULT '{}',     -- where it chose …
    channels bigint[] NOT NULL DEFAULT '{}', -- … and what, in the same order: 1 in app, 2 e-mail, 4 push, 8 digest
    quiet boolean NOT NULL,
    quiet_from smallint NOT NULL CHECK (quiet_from BETWEEN 0 AND 1439),
    quiet_to smallint NOT NULL CHECK (quiet_to BETWEEN 0 AND 1439),
    zone text NOT NULL,
    hour_cap smallint NOT NULL CHECK (hour_cap BETWEEN 1 AND 1000),
    day_cap smallint NOT NULL CHECK (day_cap BETWEEN 1 AND 1000),
    digest_hour smallint NOT NULL CHECK (digest_hour BETWEEN 0 AND 23),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CHECK (cardinality(kinds) = cardinality(channels))
);

-- Browsers and apps that want to be told by Web Push: one for a token, one for a session.
CREATE TABLE notifications.pushes (
    id bigint PRIMARY KEY,
    user_id bigint NOT NULL,
    token_id bigint UNIQUE,
    session_id bigint UNIQUE,
    endpoint text NOT NULL,
    p256dh text NOT NULL,
    auth text NOT NULL,
    standard boolean NOT NULL,
    alerts text[] NOT NULL,
    policy text NOT NULL CHECK (policy IN ('all', 'followed', 'follower', 'none')),
    created_at timestamptz NOT NULL DEFAULT now(),
    CHECK ((token_id IS NULL) <> (session_id IS NULL))
);
CREATE INDEX pushes_user ON notifications.pushes (user_id);

-- One notification by one way, to one target. A row stays when it is done, as long as its event can come again, so that
-- nothing goes out twice. Whoever works on a row leases it; one whose worker died is taken anew when the lease is over,
-- unless it was handed over already.
CREATE TABLE notifications.outgoing (
    notification_id bigint NOT NULL,
    channel text NOT NULL CHECK (channel IN ('email', 'digest', 'push')),
    target_id bigint NOT NULL DEFAULT 0,    -- pushes.id
    user_id bigint NOT NULL,
    kind text NOT NULL,
    actor_id bigint NOT NULL,
    -- 0 waits; 1 handed over: without a word from the other side nobody knows, and it is not tried again; 2 gone out;
    -- 3 not to go out (see why)
    state smallint NOT NULL DEFAULT 0 CHECK (state BETWEEN 0 AND 3),
    due_at timestamptz NOT NULL,
    held boolean NOT NULL DEFAULT false,    -- waits for the end of the quiet hours
    attempts integer NOT NULL DEFAULT 0,
    tried_at timestamptz,                   -- first
    lease bigint,                           -- of this worker …
    lease_until timestamptz,                -- … as long as that
    why text NOT NULL DEFAULT '',
    created_at timestamptz NOT NULL,        -- of the notification
    PRIMARY KEY (notification_id, channel, target_id)
) WITH (fillfactor = 70);
CREATE INDEX outgoing_due ON notifications.outgoing (due_at) WHERE state = 0;
CREATE INDEX outgoing_user ON notifications.outgoing (user_id, channel) WHERE state = 0;
CREATE INDEX outgoing_old ON notifications.outgoing (created_at);

-- Mails that went out: for the caps, and for what belongs to one burst.
CREATE TABLE notifications.mails (
    id bigint PRIMARY KEY,
    user_id bigint NOT NULL,
    channel text NOT NULL,
    at timestamptz NOT NULL
);
CREATE INDEX mails_user ON notifications.mails (user_id, at DESC);
CREATE INDEX mails_old ON notifications.mails (at);
