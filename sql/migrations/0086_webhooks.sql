-- What the administrator's own programs are told of: signed calls with ids only.

CREATE TABLE notifications.hooks (
    id bigint PRIMARY KEY,
    url text NOT NULL,
    events text[] NOT NULL,
    salt bytea NOT NULL,                    -- with the site's secret it makes the hook's; that one is kept nowhere
    active boolean NOT NULL DEFAULT true,
    version bigint NOT NULL DEFAULT 1,
    made_by bigint NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    failing_since timestamptz,              -- every call since then has failed
    disabled_at timestamptz                 -- switched off since it failed for a day
);

CREATE TABLE notifications.hook_calls (
    id bigint PRIMARY KEY,
    hook_id bigint NOT NULL REFERENCES notifications.hooks (id) ON DELETE CASCADE,
    event_id bigint NOT NULL,               -- of the bus; a ping's own id
    event text NOT NULL,
    body text NOT NULL,
    state smallint NOT NULL DEFAULT 0 CHECK (state BETWEEN 0 AND 2), -- 0 waits, 1 done, 2 given up
    due_at timestamptz NOT NULL DEFAULT now(),
    attempts integer NOT NULL DEFAULT 0,
    lease bigint,
    lease_until timestamptz,
    status integer NOT NULL DEFAULT 0,      -- of the last answer; 0: none
    error text NOT NULL DEFAULT '',
    created_at timestamptz NOT NULL DEFAULT now(),
    done_at timestamptz,
    UNIQUE (hook_id, event_id)
);
CREATE INDEX hook_calls_due ON notifications.hook_calls (due_at) WHERE state = 0;
CREATE INDEX hook_calls_of ON notifications.hook_calls (hook_id, id);
CREATE INDEX hook_calls_old ON notifications.hook_calls (created_at);
