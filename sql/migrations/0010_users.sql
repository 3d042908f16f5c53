-- Accounts, roles, secrets of signing in, invitations and mails to be sent: the user service's tables.

CREATE TABLE users.roles (
    name text PRIMARY KEY CHECK (name ~ '^[a-z][a-z0-9_-]{0,29}$'),
    permissions bigint NOT NULL,            -- bits, see handlers/common/permission.h
    -- nobody acts on a rank that is not below their own, but for admins
    rank integer NOT NULL
);
INSERT INTO users.roles (name, permissions, rank) VALUES
    ('member', 1, 0),                       -- post
    ('moderator', 23, 50),                  -- and invite, members, moderate
    ('admin', 127, 100);                    -- and roles, audit, settings

CREATE TABLE users.invites (
    id bigint PRIMARY KEY,
    code text NOT NULL UNIQUE,
    by_id bigint NOT NULL,
    max_uses integer NOT NULL CHECK (max_uses > 0),
    uses integer NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    CONSTRAINT invites_not_overused CHECK (uses BETWEEN 0 AND max_uses)
);
CREATE INDEX invites_by ON users.invites (by_id, id);

-- Every handle that is or was somebody's. A row outlives its account, so that nobody can later pose as a
-- member who left.
CREATE TABLE users.handles (
    folded text PRIMARY KEY,
    user_id bigint NOT NULL
);
CREATE INDEX handles_user ON users.handles (user_id);

CREATE TABLE users.accounts (
    id bigint PRIMARY KEY,
    handle text NOT NULL CHECK (handle ~ '^[A-Za-z][A-Za-z0-9_]{0,29}$'),
    email text,                             -- as typed; NULL for imported members
    new_email text,                         -- waits for its confirmation
    password_hash text,                     -- argon2id; NULL: cannot log in
    -- grows with every new password: a log-in under way with the old one fails
    auth_version bigint NOT NULL DEFAULT 1,
    password_changed_at timestamptz NOT NULL DEFAULT now(),
    state smallint NOT NULL,                -- Pb.AccountState
    role text NOT NULL DEFAULT 'member' REFERENCES users.roles (name),
    needs_approval boolean NOT NULL DEFAULT false,
    reason text NOT NULL DEFAULT '',        -- why they want to join
    note text NOT NULL DEFAULT '',          -- why they are suspended
    invite_id bigint REFERENCES users.invites (id),
    invited_by bigint NOT NULL DEFAULT 0,
    name text NOT NULL DEFAULT '',
    headline text NOT NULL DEFAULT '',
    bio text NOT NULL DEFAULT '',           -- Markdown
    bio_html text NOT NULL DEFAULT '',      -- made from it, sanitised
    field_names text[] NOT NULL DEFAULT '{}',
    field_values text[] NOT NULL DEFAULT '{}',
    words tsvector NOT NULL DEFAULT '',     -- of handle, name and headline, folded by the service
    locked boolean NOT NULL DEFAULT false,
    discoverable boolean NOT NULL DEFAULT true,
    hide_network boolean NOT NULL DEFAULT false,
    noindex boolean NOT NULL DEFAULT false,
    default_audience text NOT NULL DEFAULT 'public',
    theme text NOT NULL DEFAULT 'auto',
    language text NOT NULL DEFAULT '',
    created_at timestamptz NOT NULL DEFAULT now(),
    confirmed_at timestamptz,               -- the e-mail address
    -- an id made when the member was last here: a time and unique, so lists page by it
    active_id bigint NOT NULL,
    version bigint NOT NULL DEFAULT 1       -- grows with every change that others can see
);
CREATE UNIQUE INDEX accounts_handle ON users.accounts (lower(handle));
-- Anybody may type anybody's address into the sign-up form, so an address belongs to nobody before it is
-- confirmed.
CREATE UNIQUE INDEX accounts_email ON users.accounts (lower(email)) WHERE state <> 0;
CREATE INDEX accounts_email_all ON users.accounts (lower(email) text_pattern_ops);
CREATE INDEX accounts_state ON users.accounts (state, id);
CREATE INDEX accounts_role ON users.accounts (role, id) WHERE role <> 'member';
CREATE INDEX accounts_unconfirmed ON users.accounts (created_at) WHERE state = 0;
CREATE INDEX accounts_directory_new ON users.accounts (id) WHERE discoverable AND state = 2;
CREATE INDEX accounts_directory_active ON users.accounts (active_id) WHERE discoverable AND state = 2;
CREATE INDEX accounts_words ON users.accounts USING gin (words);
CREATE INDEX accounts_invite ON users.accounts (invite_id) WHERE invite_id IS NOT NULL;

-- An account that goes before anybody could see it leaves nothing behind: its handle is free, its
-- invitation can be used again.
CREATE FUNCTION users.account_unseen_gone() RETURNS trigger
LANGUAGE plpgsql SET search_path = users, pg_temp AS $$
BEGIN
    DELETE FROM handles WHERE user_id = OLD.id;
    UPDATE invites SET uses = uses - 1 WHERE id = OLD.invite_id AND uses > 0;
    RETURN NULL;
END
$$;
CREATE TRIGGER account_unseen_gone AFTER DELETE ON users.accounts
    FOR EACH ROW WHEN (OLD.state < 2) EXECUTE FUNCTION users.account_unseen_gone();

-- Links that were mailed. Only the hash of what stands in the link is kept, and a used row stays a while
-- to tell "used" from "expired".
CREATE TABLE users.tokens (
    hash bytea PRIMARY KEY,
    user_id bigint NOT NULL REFERENCES users.accounts (id) ON DELETE CASCADE,
    purpose text NOT NULL CHECK (purpose IN ('signup', 'email', 'reset')),
    email text NOT NULL,                    -- where it went
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    consumed_at timestamptz
);
CREATE INDEX tokens_user ON users.tokens (user_id, purpose);
CREATE INDEX tokens_expires ON users.tokens (expires_at);

-- Mails to be sent. Without secrets: the worker makes the token when it sends. A row goes when its mail is
-- out.
CREATE TABLE users.mails (
    id bigint PRIMARY KEY,
    kind text NOT NULL,
    user_id bigint REFERENCES users.accounts (id) ON DELETE CASCADE,
    email text,
    name text NOT NULL DEFAULT '',          -- of whom it is for, where the account may be gone by then
    detail text NOT NULL DEFAULT '',
    ip text NOT NULL DEFAULT '',
    language text NOT NULL DEFAULT '',
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX mails_user ON users.mails (user_id);
CREATE INDEX mails_created ON users.mails (created_at);

-- What each member signs in with, so that a sign-in from something new can be told to them.
CREATE TABLE users.devices (
    user_id bigint NOT NULL REFERENCES users.accounts (id) ON DELETE CASCADE,
    hash bytea NOT NULL,
    name text NOT NULL,
    seen_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (user_id, hash)
);

-- What others may see of a member: Pb.UserCard, column by column.
CREATE VIEW users.cards AS
    SELECT a.id, a.handle, CASE WHEN a.name = '' THEN a.handle ELSE a.name END AS name, a.headline,
        r.permissions, a.role,
        a.locked, a.state, a.discoverable, a.hide_network, a.created_at, a.version, a.noindex
    FROM users.accounts a JOIN users.roles r ON r.name = a.role;

-- A card and, behind it, what concerns the member and administrators alone.
CREATE VIEW users.people AS
    SELECT a.id, a.handle, CASE WHEN a.name = '' THEN a.handle ELSE a.name END AS name, a.headline,
        r.permissions, a.role,
        a.locked, a.state, a.discoverable, a.hide_network, a.created_at, a.version, a.noindex,
        r.rank, a.email, a.new_email, a.password_hash, a.auth_version, a.password_changed_at,
        a.needs_approval, a.reason, a.note,
        a.invited_by, a.default_audience, a.theme, a.language, a.confirmed_at, a.active_id
    FROM users.accounts a JOIN users.roles r ON r.name = a.role;

-- Event bodies that only the statement itself knows the values of, as protobuf
-- (https://protobuf.dev/programming-guides/encoding/).
CREATE FUNCTION users.varint(v bigint) RETURNS bytea LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
    out bytea := '';
BEGIN
    WHILE v > 127 LOOP
        out := out || set_byte('\x00'::bytea, 0, (v & 127)::integer | 128);
        v := v >> 7;
    END LOOP;
    RETURN out || set_byte('\x00'::bytea, 0, v::integer);
END
$$;
-- Two numbers, fields 1 and 2: UserChanged (id, version), UserRegistered and UserStateChanged (id, state).
CREATE FUNCTION users.pair_event(id bigint, v bigint) RETURNS bytea
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT '\x08'::bytea || users.varint(id) || '\x10'::bytea || users.varint(v)
$$;
