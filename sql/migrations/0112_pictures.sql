-- Members' pictures: keys of files that everybody may have, as the media service names them, and the media that they are of.

ALTER TABLE users.accounts
    ADD COLUMN avatar text NOT NULL DEFAULT '',
    ADD COLUMN avatar_large text NOT NULL DEFAULT '',
    ADD COLUMN avatar_words text NOT NULL DEFAULT '',
    ADD COLUMN avatar_media bigint NOT NULL DEFAULT 0,  -- the one that is shown; 0: none
    ADD COLUMN avatar_next bigint NOT NULL DEFAULT 0,   -- the one that takes its place once it is ready
    ADD COLUMN banner text NOT NULL DEFAULT '',
    ADD COLUMN banner_words text NOT NULL DEFAULT '',
    ADD COLUMN banner_media bigint NOT NULL DEFAULT 0,
    ADD COLUMN banner_next bigint NOT NULL DEFAULT 0;

-- The views cards and people with them. Those stay as they are for the version that is running while this one is put in place:
-- a statement that is prepared must not find other columns.
CREATE VIEW users.faces AS
    SELECT a.id, a.handle, CASE WHEN a.name = '' THEN a.handle ELSE a.name END AS name, a.headline,
        r.permissions, a.role,
        a.locked, a.state, a.discoverable, a.hide_network, a.created_at, a.version, a.noindex,
        a.avatar, a.avatar_large, a.avatar_words, a.banner, a.banner_words
    FROM users.accounts a JOIN users.roles r ON r.name = a.role;

CREATE VIEW users.persons AS
    SELECT a.id, a.handle, CASE WHEN a.name = '' THEN a.handle ELSE a.name END AS name, a.headline,
        r.permissions, a.role,
        a.locked, a.state, a.discoverable, a.hide_network, a.created_at, a.version, a.noindex,
        a.avatar, a.avatar_large, a.avatar_words, a.banner, a.banner_words,
        r.rank, a.email, a.new_email, a.password_hash, a.auth_version, a.password_changed_at,
        a.needs_approval, a.reason, a.note,
        a.invited_by, a.default_audience, a.theme, a.language, a.confirmed_at, a.active_id, a.erase_at
    FROM users.accounts a JOIN users.roles r ON r.name = a.role;
