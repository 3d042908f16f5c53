-- Leaving: an account that its member deletes is hidden at once (state 4), can be brought back until erase_at, and is
-- erased then by every service. Its handle stays in users.handles, its row stays empty, so that nobody poses as it.

ALTER TABLE users.accounts
    ADD COLUMN erase_at timestamptz,        -- until when it can be brought back; NULL: not to be erased, or begun
    ADD COLUMN state_before smallint;       -- what it is brought back to
CREATE INDEX accounts_erase ON users.accounts (erase_at) WHERE erase_at IS NOT NULL;

CREATE OR REPLACE VIEW users.people AS
    SELECT a.id, a.handle, CASE WHEN a.name = '' THEN a.handle ELSE a.name END AS name, a.headline,
        r.permissions, a.role,
        a.locked, a.state, a.discoverable, a.hide_network, a.created_at, a.version, a.noindex,
        r.rank, a.email, a.new_email, a.password_hash, a.auth_version, a.password_changed_at,
        a.needs_approval, a.reason, a.note,
        a.invited_by, a.default_audience, a.theme, a.language, a.confirmed_at, a.active_id, a.erase_at
    FROM users.accounts a JOIN users.roles r ON r.name = a.role;

ALTER TABLE users.tokens DROP CONSTRAINT tokens_purpose_check;
ALTER TABLE users.tokens ADD CONSTRAINT tokens_purpose_check
    CHECK (purpose IN ('signup', 'email', 'reset', 'restore'));

-- Erasures begun, and which services have nothing left of the member. The number is what the audit log names: by then
-- nothing else says who it was.
CREATE TABLE users.erasures (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id bigint NOT NULL UNIQUE,
    services text[] NOT NULL DEFAULT '{}',
    begun_at timestamptz NOT NULL DEFAULT now(),
    done_at timestamptz
);
CREATE INDEX erasures_open ON users.erasures (begun_at) WHERE done_at IS NULL;
