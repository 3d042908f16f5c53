-- Apps that act for members, and what lets them: OAuth 2 (RFC 6749) and personal access tokens. Of every secret only a hash is
-- kept.

CREATE TABLE users.apps (
    id bigint PRIMARY KEY,
    client_id text NOT NULL UNIQUE,
    secret_hash bytea NOT NULL,
    name text NOT NULL,
    website text NOT NULL DEFAULT '',
    redirect_uris text[] NOT NULL,
    scopes text NOT NULL,                   -- the most that it may ask for
    created_at timestamptz NOT NULL DEFAULT now(),
    attended_at timestamptz                 -- when a member first let it in; NULL: it goes after a day
);
CREATE INDEX apps_unattended ON users.apps (created_at) WHERE attended_at IS NULL;

-- What a member let an app do, until the app fetches its token. A used row stays a while, so that a second use is known.
CREATE TABLE users.codes (
    hash bytea PRIMARY KEY,
    family bigint NOT NULL,                 -- names the consent; all that comes of it carries it
    app_id bigint NOT NULL REFERENCES users.apps (id) ON DELETE CASCADE,
    user_id bigint NOT NULL REFERENCES users.accounts (id) ON DELETE CASCADE,
    redirect_uri text NOT NULL,
    scopes text NOT NULL,
    challenge text NOT NULL,                -- PKCE (RFC 7636), S256; '': none
    auth_version bigint NOT NULL,           -- the account's at that time: a new password ends what was before
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    used_at timestamptz
);
CREATE INDEX codes_app ON users.codes (app_id);
CREATE INDEX codes_user ON users.codes (user_id);
CREATE INDEX codes_expires ON users.codes (expires_at);

CREATE TABLE users.access_tokens (
    id bigint PRIMARY KEY,
    hash bytea NOT NULL UNIQUE,
    family bigint NOT NULL,
    app_id bigint REFERENCES users.apps (id) ON DELETE CASCADE,      -- NULL: a personal token
    user_id bigint REFERENCES users.accounts (id) ON DELETE CASCADE, -- NULL: the app acts for itself
    name text NOT NULL DEFAULT '',          -- of a personal token
    scopes text NOT NULL,
    auth_version bigint NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz,                 -- NULL: never
    seen_at timestamptz,                    -- last use, written at most every ten minutes
    ip text NOT NULL DEFAULT '',
    device text NOT NULL DEFAULT '',
    revoked_at timestamptz,
    CHECK (app_id IS NOT NULL OR user_id IS NOT NULL)
);
CREATE INDEX access_tokens_user ON users.access_tokens (user_id, id);
CREATE INDEX access_tokens_app ON users.access_tokens (app_id, user_id);
CREATE INDEX access_tokens_family ON users.access_tokens (family);
CREATE INDEX access_tokens_expires ON users.access_tokens (expires_at) WHERE expires_at IS NOT NULL;
CREATE INDEX access_tokens_revoked ON users.access_tokens (revoked_at) WHERE revoked_at IS NOT NULL;

-- Each is good for one new pair (RFC 9700 section 4.14.2); a second use ends its family.
CREATE TABLE users.refresh_tokens (
    hash bytea PRIMARY KEY,
    family bigint NOT NULL,
    app_id bigint NOT NULL REFERENCES users.apps (id) ON DELETE CASCADE,
    user_id bigint NOT NULL REFERENCES users.accounts (id) ON DELETE CASCADE,
    scopes text NOT NULL,
    auth_version bigint NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    used_at timestamptz,
    revoked_at timestamptz
);
CREATE INDEX refresh_tokens_family ON users.refresh_tokens (family);
CREATE INDEX refresh_tokens_app ON users.refresh_tokens (app_id);
CREATE INDEX refresh_tokens_user ON users.refresh_tokens (user_id);
CREATE INDEX refresh_tokens_expires ON users.refresh_tokens (expires_at);

-- Tokens that still open something: Pb.AccessToken, column by column, and the hash behind it.
CREATE VIEW users.live_tokens AS
    SELECT t.id, coalesce(t.app_id, 0) AS app_id, coalesce(t.user_id, 0) AS user_id, t.scopes, t.created_at,
        t.expires_at, t.seen_at, coalesce(p.name, t.name) AS app_name, coalesce(p.website, '') AS app_website,
        t.family, t.name, t.ip, t.device, t.hash
    FROM users.access_tokens t
    LEFT JOIN users.apps p ON p.id = t.app_id
    LEFT JOIN users.accounts a ON a.id = t.user_id
    WHERE t.revoked_at IS NULL AND (t.expires_at IS NULL OR t.expires_at > now())
        AND (t.user_id IS NULL OR a.auth_version = t.auth_version);
