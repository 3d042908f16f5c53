-- The user service: accounts, roles, links that were mailed, invitations, mails to be sent.

-- name: user_cards :many
-- Cards by id; column order of the view, read by user_store_card().
SELECT * FROM cards WHERE id = ANY ($1::bigint[]);

-- name: user_cards_by_handle :many
-- Cards by folded handle: members whom others may know of.
SELECT c.* FROM cards c WHERE lower(c.handle) = ANY ($1::text[]) AND c.state IN (2, 3);

-- name: user_cards_after :many
-- Everybody, in the order of ids. $1 the last id that is known, $2 how many.
SELECT * FROM cards WHERE id > $1 ORDER BY id LIMIT $2;

-- name: user_person :maybe
-- Everything about one account; column order of the view, read by person_of().
SELECT * FROM people WHERE id = $1;

-- name: user_person_by_handle :maybe
SELECT * FROM people WHERE lower(handle) = lower($1::text) AND state <> 4;

-- name: user_person_by_email :maybe
-- The confirmed owner of an address; else the newest of those who typed it at sign-up.
SELECT * FROM people WHERE lower(email) = lower($1::text) AND state <> 4 ORDER BY state = 0, id DESC LIMIT 1;

-- name: user_profile :maybe
SELECT c.*, a.bio, a.bio_html, a.field_names, a.field_values
FROM cards c JOIN accounts a ON a.id = c.id
WHERE c.id = $1;

-- name: user_profile_by_handle :maybe
SELECT c.*, a.bio, a.bio_html, a.field_names, a.field_values
FROM cards c JOIN accounts a ON a.id = c.id
WHERE lower(c.handle) = lower($1::text) AND c.state IN (2, 3);

-- name: user_roles :many
SELECT name, permissions, rank FROM roles ORDER BY rank, name;

-- name: user_handle_taken :one
SELECT EXISTS (SELECT FROM handles WHERE folded = lower($1::text));

-- ---- entering

-- name: user_sign_up :maybe
-- A new, unconfirmed account, its handle, one use of its invitation ($8) and the mail that asks to
-- confirm; no row when the invitation is no good.
WITH invite AS (
    UPDATE invites SET uses = uses + 1 WHERE code = $8::text AND uses < max_uses AND expires_at > now()
    RETURNING id, by_id
), taken AS (
    INSERT INTO handles (folded, user_id)
    SELECT lower($2::text), $1 WHERE $8::text IS NULL OR EXISTS (SELECT FROM invite)
    RETURNING user_id
), created AS (
    INSERT INTO accounts (id, handle, email, password_hash, state, name, needs_approval, reason, language,
        words, invite_id, invited_by, active_id)
    SELECT taken.user_id, $2, $3::text, $4::text, 0, $5::text, $6::boolean AND invite.id IS NULL, $7::text,
        $9::text,
        array_to_tsvector($10::text[]), invite.id, coalesce(invite.by_id, 0), taken.user_id
    FROM taken LEFT JOIN invite ON true
    RETURNING id
), mail AS (
    INSERT INTO mails (id, kind, user_id, email, language) SELECT $11, 'confirm', id, $3::text, $9::text
        FROM created RETURNING id, user_id
)
SELECT user_id, events.emit('user.v1', user_id, 'user.registered', pair_event(user_id, 0))::text,
    events.emit('user.security.v1', user_id, 'user.security', $12::bytea)::text,
    events.emit('user.mail.v1', id, 'mail.queued', ''::bytea)::text
FROM mail;

-- name: user_create_many :many
-- Active members at once, one for each element: for imports, the command line and the demo. Those with a
-- role are noted in the audit log ($12).
WITH new AS (
    SELECT * FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[],
        $7::text[], $8::text[], $9::text[], $10::bigint[],
        $11::text[]) AS n (id, handle, email, password_hash, name, role, headline, bio, bio_html,
        discoverable, words)
), taken AS (
    INSERT INTO handles (folded, user_id) SELECT lower(handle), id FROM new RETURNING user_id
), created AS (
    INSERT INTO accounts (id, handle, email, password_hash, state, name, role, headline, bio, bio_html,
        discoverable, words, confirmed_at, active_id)
    SELECT new.id, handle, nullif(email, ''), nullif(password_hash, ''), 2, name, role, headline, bio,
        bio_html, discoverable <> 0,
        array_to_tsvector(string_to_array(words, ' ')), now(), new.id
    FROM new JOIN taken ON taken.user_id = new.id
    RETURNING id, role
)
SELECT id, events.emit('user.v1', id, 'user.registered', pair_event(id, 2))::text,
    CASE WHEN role <> 'member' THEN events.emit('user.security.v1', id, 'user.security', $12::bytea)::text END
FROM created;

-- name: user_token_new :exec
INSERT INTO tokens (hash, user_id, purpose, email, expires_at) VALUES ($1, $2, $3, $4, $5);

-- name: user_token_peek :maybe
-- What a link is: whose, for what, and whether it is used or too old.
SELECT user_id, purpose, consumed_at IS NOT NULL, expires_at <= now() FROM tokens WHERE hash = $1;

-- name: user_confirm :maybe
-- Uses a link up and confirms the address it went to; whoever else typed that address without ever
-- confirming goes.
WITH link AS (
    UPDATE tokens SET consumed_at = now()
    WHERE hash = $1 AND purpose IN ('signup', 'email') AND consumed_at IS NULL AND expires_at > now()
    RETURNING user_id, purpose, email
), before AS (
    SELECT a.id, a.email, a.language FROM accounts a JOIN link ON link.user_id = a.id
), changed AS (
    UPDATE accounts a
    SET email = link.email, new_email = CASE WHEN link.purpose = 'email' THEN NULL ELSE a.new_email END,
        confirmed_at = now(),
        state = CASE WHEN a.state <> 0 THEN a.state WHEN a.needs_approval THEN 1 ELSE 2 END,
        version = a.version + 1
    FROM link
    WHERE a.id = link.user_id AND CASE link.purpose
        WHEN 'signup' THEN a.state = 0 AND lower(a.email) = lower(link.email)
        ELSE a.state <> 0 AND lower(a.new_email) = lower(link.email) END
    RETURNING a.id, a.state, a.version, link.purpose, lower(a.email) AS email, a.email AS address
), others AS (
    DELETE FROM accounts o USING changed WHERE lower(o.email) = changed.email AND o.state = 0
        AND o.id <> changed.id
), told AS (
    INSERT INTO mails (id, kind, user_id, email, detail, language)
    SELECT $2, 'email-changed', before.id, before.email, changed.address, before.language FROM before
        JOIN changed ON changed.id = before.id
    WHERE changed.purpose = 'email' AND before.email IS NOT NULL
    RETURNING id
)
SELECT changed.id, changed.state::integer, changed.purpose,
    CASE WHEN changed.purpose = 'signup' THEN events.emit('user.v1', changed.id, 'user.state_changed',
        pair_event(changed.id, changed.state))::text END,
    events.emit('user.v1', changed.id, 'user.changed', pair_event(changed.id, changed.version))::text,
    events.emit('user.security.v1', changed.id, 'user.security', $3::bytea)::text,
    CASE WHEN told.id IS NOT NULL THEN events.emit('user.mail.v1', told.id, 'mail.queued',
        ''::bytea)::text END
FROM changed LEFT JOIN told ON true;

-- name: user_mail_for_address :one
-- A mail asked for by somebody who typed an address ("resend", "reset"): the worker finds out whose it is,
-- if anybody's.
WITH mail AS (
    INSERT INTO mails (id, kind, email, ip, language) VALUES ($1, $2, $3, $4, $5) RETURNING id
)
SELECT events.emit('user.mail.v1', id, 'mail.queued', ''::bytea)::text FROM mail;

-- name: user_logged_in :maybe
-- The last step of a log-in: only if password and state are still what was checked. Tells the member when
-- the device is a new one.
WITH known AS (
    SELECT count(*) AS n FROM devices WHERE user_id = $1
), hit AS (
    UPDATE accounts SET active_id = $3, password_hash = coalesce($4::text, password_hash)
    WHERE id = $1 AND auth_version = $2 AND state = 2
    RETURNING id, email, language
), device AS (
    INSERT INTO devices (user_id, hash, name) SELECT id, $5::bytea, $6::text FROM hit
    ON CONFLICT (user_id, hash) DO UPDATE SET seen_at = now()
    RETURNING xmax = 0 AS fresh
), mail AS (
    INSERT INTO mails (id, kind, user_id, email, detail, ip, language)
    SELECT $7, 'device', hit.id, hit.email, $6::text, $8::text, hit.language FROM hit, device, known
    WHERE device.fresh AND known.n > 0 AND hit.email IS NOT NULL
    RETURNING id
)
SELECT hit.id, events.emit('user.security.v1', hit.id, 'user.security', $9::bytea)::text,
    CASE WHEN mail.id IS NOT NULL THEN events.emit('user.mail.v1', mail.id, 'mail.queued',
        ''::bytea)::text END
FROM hit LEFT JOIN mail ON true;

-- name: user_security :one
-- Something to be remembered that changed nothing here: a failed log-in, a session ended.
SELECT events.emit('user.security.v1', $1, 'user.security', $2)::text;

-- name: user_seen :exec
UPDATE accounts SET active_id = $2 WHERE id = $1 AND active_id < $2;

-- name: user_reset :maybe
-- Uses a reset link up: a new password, and every other reset link of the account is used up with it.
WITH link AS (
    UPDATE tokens SET consumed_at = now()
    WHERE hash = $1 AND purpose = 'reset' AND consumed_at IS NULL AND expires_at > now()
    RETURNING user_id, email
), changed AS (
    UPDATE accounts a SET password_hash = $2::text, auth_version = auth_version + 1,
        password_changed_at = now()
    FROM link WHERE a.id = link.user_id AND lower(a.email) = lower(link.email) AND a.state IN (1, 2, 3)
    RETURNING a.id, a.email, a.language
), others AS (
    UPDATE tokens t SET consumed_at = now() FROM link
    WHERE t.user_id = link.user_id AND t.purpose = 'reset' AND t.consumed_at IS NULL AND t.hash <> $1
), mail AS (
    INSERT INTO mails (id, kind, user_id, email, ip, language) SELECT $3, 'password', id, email, $5::text,
        language FROM changed RETURNING id
)
SELECT changed.id, events.emit('user.security.v1', changed.id, 'user.security', $4::bytea)::text,
    events.emit('user.mail.v1', mail.id, 'mail.queued', ''::bytea)::text
FROM changed, mail;

-- ---- account

-- name: user_password_set :maybe
-- A new password in place of the one that was checked ($3, its auth_version; 0: whatever it is).
WITH changed AS (
    UPDATE accounts SET password_hash = $2::text, auth_version = auth_version + 1, password_changed_at = now()
    WHERE id = $1 AND ($3::bigint = 0 OR auth_version = $3::bigint)
    RETURNING id, email, language
), links AS (
    UPDATE tokens t SET consumed_at = now() FROM changed WHERE t.user_id = changed.id AND t.purpose = 'reset'
        AND t.consumed_at IS NULL
), mail AS (
    INSERT INTO mails (id, kind, user_id, email, ip, language)
    SELECT $4, 'password', id, email, $6::text, language FROM changed WHERE email IS NOT NULL
    RETURNING id
)
SELECT changed.id, events.emit('user.security.v1', changed.id, 'user.security', $5::bytea)::text,
    CASE WHEN mail.id IS NOT NULL THEN events.emit('user.mail.v1', mail.id, 'mail.queued',
        ''::bytea)::text END
FROM changed LEFT JOIN mail ON true;

-- name: user_email_ask :maybe
-- A new address that waits for its confirmation; both addresses are written to.
WITH changed AS (
    UPDATE accounts SET new_email = $2::text WHERE id = $1 AND state <> 4 RETURNING id, email, language
), links AS (
    UPDATE tokens t SET consumed_at = now() FROM changed WHERE t.user_id = changed.id AND t.purpose = 'email'
        AND t.consumed_at IS NULL
), mail AS (
    INSERT INTO mails (id, kind, user_id, email, detail, ip, language)
    SELECT $3::bigint, 'email', id, $2::text, $2::text, $6::text, language FROM changed
    UNION ALL
    SELECT $4::bigint, 'email-asked', id, email, $2::text, $6::text, language FROM changed
        WHERE email IS NOT NULL
    RETURNING id
)
SELECT changed.id, events.emit('user.security.v1', changed.id, 'user.security', $5::bytea)::text,
    (SELECT string_agg(events.emit('user.mail.v1', mail.id, 'mail.queued', ''::bytea)::text, ' ') FROM mail)
FROM changed;

-- name: user_settings :maybe
WITH changed AS (
    UPDATE accounts
    SET locked = $2, discoverable = $3, hide_network = $4, noindex = $5, default_audience = $6,
        version = version + 1
    WHERE id = $1 RETURNING id, version
)
SELECT id, events.emit('user.v1', id, 'user.changed', pair_event(id, version))::text FROM changed;

-- name: user_appearance :maybe
UPDATE accounts SET theme = $2, language = $3 WHERE id = $1 RETURNING id;

-- name: user_profile_set :maybe
WITH changed AS (
    UPDATE accounts
    SET name = $2, headline = $3, bio = $4, bio_html = $5, field_names = $6, field_values = $7,
        words = array_to_tsvector($8::text[]),
        version = version + 1
    WHERE id = $1 RETURNING id, version
)
SELECT id, events.emit('user.v1', id, 'user.changed', pair_event(id, version))::text FROM changed;

-- ---- lists

-- name: user_directory_new :many
-- The newest members. $1: the last id shown or NULL.
WITH page AS (
    SELECT id, active_id FROM accounts
    WHERE discoverable AND state = 2 AND id < coalesce($1::bigint, 9223372036854775807)
    ORDER BY id DESC LIMIT $2
)
SELECT c.*, page.id FROM page JOIN cards c ON c.id = page.id ORDER BY page.id DESC;

-- name: user_directory_active :many
-- Those who were here last. $1: the last active_id shown or NULL.
WITH page AS (
    SELECT id, active_id FROM accounts
    WHERE discoverable AND state = 2 AND active_id < coalesce($1::bigint, 9223372036854775807)
    ORDER BY active_id DESC LIMIT $2
)
SELECT c.*, page.active_id FROM page JOIN cards c ON c.id = page.id ORDER BY page.active_id DESC;

-- name: user_directory_find_new :many
-- The same among those found by words, $3 as a tsquery: by the words first, however rare or common they are.
WITH found AS MATERIALIZED (
    SELECT id, active_id FROM accounts WHERE words @@ $3::text::tsquery AND discoverable AND state = 2
), page AS (
    SELECT id, active_id FROM found WHERE id < coalesce($1::bigint, 9223372036854775807)
        ORDER BY id DESC LIMIT $2
)
SELECT c.*, page.id FROM page JOIN cards c ON c.id = page.id ORDER BY page.id DESC;

-- name: user_directory_find_active :many
-- The same in the other order.
WITH found AS MATERIALIZED (
    SELECT id, active_id FROM accounts WHERE words @@ $3::text::tsquery AND discoverable AND state = 2
), page AS (
    SELECT id, active_id FROM found WHERE active_id < coalesce($1::bigint, 9223372036854775807)
        ORDER BY active_id DESC LIMIT $2
)
SELECT c.*, page.active_id FROM page JOIN cards c ON c.id = page.id ORDER BY page.active_id DESC;

-- name: user_members :many
-- For administrators, newest first. $1 role, $2 last id shown: NULL where not asked for.
SELECT * FROM people
WHERE ($1::text IS NULL OR role = $1::text) AND id < coalesce($2::bigint, 9223372036854775807)
ORDER BY id DESC LIMIT $3;

-- name: user_members_in_state :many
-- The same in one state ($4).
SELECT * FROM people
WHERE state = $4::smallint AND ($1::text IS NULL OR role = $1::text)
    AND id < coalesce($2::bigint, 9223372036854775807)
ORDER BY id DESC LIMIT $3;

-- name: user_members_find :many
-- The same among those found by words ($5, a tsquery) or by the beginning of their address ($6), in one
-- state ($4) or any (NULL).
WITH found AS MATERIALIZED (
    SELECT a.id FROM accounts a WHERE a.words @@ $5::text::tsquery
    UNION
    SELECT a.id FROM accounts a WHERE lower(a.email) ~>=~ lower($6::text)
        AND lower(a.email) ~<~ (lower($6::text) || chr(1114111))
)
SELECT p.* FROM found JOIN people p ON p.id = found.id
WHERE ($4::smallint IS NULL OR p.state = $4::smallint) AND ($1::text IS NULL OR p.role = $1::text)
    AND p.id < coalesce($2::bigint, 9223372036854775807)
ORDER BY p.id DESC LIMIT $3;

-- name: user_member_counts :one
-- Who waits for approval, and members in all without sign-ups not confirmed.
SELECT count(*) FILTER (WHERE state = 1), count(*) FROM accounts WHERE state IN (1, 2, 3);

-- name: user_staff :many
-- Those who look after the site, highest rank first.
SELECT c.* FROM cards c JOIN accounts a ON a.id = c.id JOIN roles r ON r.name = a.role
WHERE a.role <> 'member' AND a.state = 2 AND r.permissions & 20 <> 0
ORDER BY r.rank DESC, a.id LIMIT $1;

-- ---- administration

-- name: user_set_state :maybe
-- From one state ($2) to another ($3), unless that would leave the site without an administrator. $5 note,
-- $6 kind of mail or NULL.
WITH admins AS (
    SELECT id FROM accounts WHERE role = 'admin' AND state = 2 ORDER BY id FOR UPDATE
), changed AS (
    UPDATE accounts SET state = $3::smallint, note = $5::text, needs_approval = false, version = version + 1
    WHERE id = $1 AND state = $2::smallint
        AND ($3::smallint = 2 OR EXISTS (SELECT FROM admins WHERE id <> $1)
            OR NOT EXISTS (SELECT FROM admins WHERE id = $1))
    RETURNING id, version, email, language
), mail AS (
    INSERT INTO mails (id, kind, user_id, email, detail, language)
    SELECT $4, $6::text, id, email, $5::text, language FROM changed WHERE $6::text IS NOT NULL
        AND email IS NOT NULL
    RETURNING id
)
SELECT changed.id, events.emit('user.v1', changed.id, 'user.state_changed', $7::bytea)::text,
    events.emit('user.v1', changed.id, 'user.changed', pair_event(changed.id, changed.version))::text,
    events.emit('user.security.v1', changed.id, 'user.security', $8::bytea)::text,
    CASE WHEN mail.id IS NOT NULL THEN events.emit('user.mail.v1', mail.id, 'mail.queued',
        ''::bytea)::text END
FROM changed LEFT JOIN mail ON true;

-- name: user_reject :maybe
-- Removes a sign-up that waits for approval; the address gets a mail.
WITH gone AS (
    DELETE FROM accounts WHERE id = $1 AND state = 1
    RETURNING id, email, language, coalesce(nullif(name, ''), handle) AS name
), mail AS (
    INSERT INTO mails (id, kind, email, name, detail, language) SELECT $2, 'rejected', email, name, $3::text,
        language FROM gone RETURNING id
)
SELECT gone.id, events.emit('user.v1', gone.id, 'user.state_changed', $4::bytea)::text,
    events.emit('user.security.v1', gone.id, 'user.security', $5::bytea)::text,
    events.emit('user.mail.v1', mail.id, 'mail.queued', ''::bytea)::text
FROM gone, mail;

-- name: user_set_role :maybe
-- From one role ($2) to another ($3), unless that would leave the site without an administrator.
WITH admins AS (
    SELECT id FROM accounts WHERE role = 'admin' AND state = 2 ORDER BY id FOR UPDATE
), changed AS (
    UPDATE accounts SET role = $3::text, version = version + 1
    WHERE id = $1 AND role = $2::text AND state <> 4
        AND ($3::text = 'admin' OR EXISTS (SELECT FROM admins WHERE id <> $1)
            OR NOT EXISTS (SELECT FROM admins WHERE id = $1))
    RETURNING id, version
)
SELECT id, events.emit('user.v1', id, 'user.changed', pair_event(id, version))::text,
    events.emit('user.security.v1', id, 'user.security', $4::bytea)::text
FROM changed;

-- ---- invitations

-- name: user_invite_new :one
WITH made AS (
    INSERT INTO invites (id, code, by_id, max_uses, expires_at) VALUES ($1, $2, $3, $4, $5)
    RETURNING id, code, by_id, max_uses, uses, expires_at, created_at
)
SELECT made.*, events.emit('user.security.v1', by_id, 'user.security', $6::bytea)::text FROM made;

-- name: user_invites :many
-- The newest of one member, or of everybody ($1 NULL).
SELECT id, code, by_id, max_uses, uses, expires_at, created_at FROM invites
WHERE $1::bigint IS NULL OR by_id = $1::bigint ORDER BY id DESC LIMIT 200;

-- name: user_invite_by_code :maybe
SELECT id, code, by_id, max_uses, uses, expires_at, created_at FROM invites WHERE code = $1;

-- name: user_invite_revoke :maybe
-- An invitation ends now. $2: only if it is this member's; NULL: whosever it is.
WITH ended AS (
    UPDATE invites SET expires_at = now() WHERE id = $1 AND ($2::bigint IS NULL OR by_id = $2::bigint)
        AND expires_at > now()
    RETURNING id, by_id
)
SELECT id, events.emit('user.security.v1', by_id, 'user.security', $3::bytea)::text FROM ended;

-- ---- the worker's

-- name: user_mails :many
-- Mails still to be sent.
SELECT m.id, m.kind, coalesce(m.user_id, 0), coalesce(m.email, ''), m.detail, m.ip, m.language, m.created_at,
    coalesce(nullif(a.name, ''), a.handle, m.name), coalesce(a.state, 0)::integer,
    coalesce(a.needs_approval, false),
    coalesce(a.handle, ''), coalesce(a.new_email, '')
FROM mails m LEFT JOIN accounts a ON a.id = m.user_id
WHERE m.id = ANY ($1::bigint[]) ORDER BY m.id;

-- name: user_mail_done :exec
DELETE FROM mails WHERE id = $1;

-- name: user_sweep :exec
-- What nobody will ask for any more: sign-ups never confirmed, links a month after their time, mails that
-- could not be sent for a week.
WITH unconfirmed AS (
    DELETE FROM accounts WHERE state = 0 AND created_at < now() - interval '7 days'
), links AS (
    DELETE FROM tokens WHERE expires_at < now() - interval '30 days'
)
DELETE FROM mails WHERE created_at < now() - interval '7 days';
