-- The user service: accounts, roles, links that were mailed, invitations, mails to be sent.

-- name: user_cards :many
-- Cards by id; column order of the view, read by user_store_card().
SELECT * FROM faces WHERE id = ANY ($1::bigint[]);

-- name: user_cards_by_handle :many
-- Cards by folded handle: members whom others may know of.
SELECT c.* FROM faces c WHERE lower(c.handle) = ANY ($1::text[]) AND c.state IN (2, 3);

-- name: user_cards_after :many
-- Everybody, in the order of ids. $1 the last id that is known, $2 how many.
SELECT * FROM faces WHERE id > $1 ORDER BY id LIMIT $2;

-- name: user_person :maybe
-- Everything about one account; column order of the view, read by person_of().
SELECT * FROM persons WHERE id = $1;

-- name: user_person_by_handle :maybe
-- Whose log-in it is: also an account that can still be brought back.
SELECT * FROM persons WHERE lower(handle) = lower($1::text) AND (state <> 4 OR erase_at IS NOT NULL);

-- name: user_person_by_email :maybe
-- The confirmed owner of an address; else the newest of those who typed it at sign-up.
SELECT * FROM persons WHERE lower(email) = lower($1::text) AND (state <> 4 OR erase_at IS NOT NULL)
ORDER BY state = 0, id DESC LIMIT 1;

-- name: user_profile :maybe
SELECT * FROM profiles WHERE id = $1;

-- name: user_profiles :many
-- The same of several.
SELECT * FROM profiles WHERE id = ANY ($1::bigint[]);

-- name: user_profile_by_handle :maybe
SELECT * FROM profiles WHERE lower(handle) = lower($1::text) AND state IN (2, 3, 4);

-- name: user_roles :many
SELECT name, permissions, rank FROM roles ORDER BY rank, name;

-- name: user_roles_counted :many
-- The same, each with how many members have it.
SELECT name, permissions, rank, CASE WHEN name = 'member'
    THEN (SELECT count(*) FROM accounts WHERE role = 'member' AND state IN (1, 2, 3))
    ELSE (SELECT count(*) FROM accounts a WHERE a.role = r.name AND a.role <> 'member'
        AND a.state IN (1, 2, 3))
    END
FROM roles r ORDER BY rank, name;

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

-- name: user_confirm_again :maybe
-- The mail that asks to confirm once more, to another address ($2) where the first was wrong: links that went
-- there before open nothing any more. No row when nothing waits to be confirmed.
WITH changed AS (
    UPDATE accounts SET email = coalesce($2::text, email) WHERE id = $1 AND state = 0
    RETURNING id, email, language
), mail AS (
    INSERT INTO mails (id, kind, user_id, email, language) SELECT $3, 'confirm', id, email, language
        FROM changed RETURNING id
)
SELECT changed.id, events.emit('user.mail.v1', mail.id, 'mail.queued', ''::bytea)::text FROM changed, mail;

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
    CASE WHEN device.fresh AND known.n > 0 THEN events.emit('user.security.v1', hit.id, 'user.new_device',
        $9::bytea)::text END,
    CASE WHEN mail.id IS NOT NULL THEN events.emit('user.mail.v1', mail.id, 'mail.queued',
        ''::bytea)::text END
FROM hit CROSS JOIN device CROSS JOIN known LEFT JOIN mail ON true;

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
    FROM link WHERE a.id = link.user_id AND lower(a.email) = lower(link.email)
        AND (a.state IN (1, 2, 3) OR a.erase_at IS NOT NULL)
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
-- $7: only while the account has this version; NULL: any.
WITH changed AS (
    UPDATE accounts
    SET locked = $2, discoverable = $3, hide_network = $4, noindex = $5, default_audience = $6,
        version = version + 1
    WHERE id = $1 AND ($7::bigint IS NULL OR version = $7::bigint) RETURNING id, version
)
SELECT id, events.emit('user.v1', id, 'user.changed', pair_event(id, version))::text FROM changed;

-- name: user_defaults :maybe
-- How a member's posts begin.
SELECT default_sensitive, post_language FROM accounts WHERE id = $1;

-- name: user_defaults_set :maybe
UPDATE accounts SET default_audience = $2, default_sensitive = $3, post_language = $4 WHERE id = $1
RETURNING id;

-- name: user_appearance :maybe
UPDATE accounts SET theme = $2, language = $3 WHERE id = $1 RETURNING id;

-- name: user_profile_set :maybe
-- $9: only while the account has this version; NULL: any.
WITH changed AS (
    UPDATE accounts
    SET name = $2, headline = $3, bio = $4, bio_html = $5, field_names = $6, field_values = $7,
        words = array_to_tsvector($8::text[]),
        version = version + 1
    WHERE id = $1 AND ($9::bigint IS NULL OR version = $9::bigint) RETURNING id, version
)
SELECT id, events.emit('user.v1', id, 'user.changed', pair_event(id, version))::text FROM changed;

-- ---- pictures: each statement that changes what is to be attached says so in an event

-- name: user_pictures :maybe
-- Which media a member's pictures are of: avatar shown, to come; banner shown, to come. $1 member.
SELECT avatar_media, avatar_next, banner_media, banner_next FROM accounts WHERE id = $1;

-- name: user_avatar_show :maybe
-- $1 member, $2 the medium (0: none), $3 its small file, $4 its large one, $5 in words; only while this
-- one is shown and nothing is to come ($6), or this one comes next ($7).
WITH changed AS (
    UPDATE accounts SET avatar_media = $2::bigint, avatar = $3, avatar_large = $4, avatar_words = $5,
        avatar_next = 0, version = version + 1
    WHERE id = $1 AND state <> 4
        AND ($6::bigint IS NULL OR (avatar_media = $6 AND avatar_next = 0))
        AND ($7::bigint IS NULL OR avatar_next = $7)
    RETURNING id, version
)
SELECT id, events.emit('user.v1', id, 'user.changed', pair_event(id, version))::text,
    events.emit('user.picture.v1', id, 'user.picture_changed', ''::bytea)::text FROM changed;

-- name: user_avatar_next :maybe
-- $1 member, $2 the medium that is to be shown when it is ready.
UPDATE accounts SET avatar_next = $2 WHERE id = $1 AND state <> 4
RETURNING id, events.emit('user.picture.v1', id, 'user.picture_changed', ''::bytea)::text;

-- name: user_banner_show :maybe
-- The same: $1 member, $2 the medium, $3 its file, $4 in words, $5 while it is shown, $6 while it comes next.
WITH changed AS (
    UPDATE accounts SET banner_media = $2::bigint, banner = $3, banner_words = $4,
        banner_next = 0, version = version + 1
    WHERE id = $1 AND state <> 4
        AND ($5::bigint IS NULL OR (banner_media = $5 AND banner_next = 0))
        AND ($6::bigint IS NULL OR banner_next = $6)
    RETURNING id, version
)
SELECT id, events.emit('user.v1', id, 'user.changed', pair_event(id, version))::text,
    events.emit('user.picture.v1', id, 'user.picture_changed', ''::bytea)::text FROM changed;

-- name: user_banner_next :maybe
-- As user_avatar_next.
UPDATE accounts SET banner_next = $2 WHERE id = $1 AND state <> 4
RETURNING id, events.emit('user.picture.v1', id, 'user.picture_changed', ''::bytea)::text;

-- ---- lists

-- name: user_directory_new :many
-- The newest members. $1: the last id shown or NULL. The last parameter of these four: how many to leave out.
WITH page AS (
    SELECT id, active_id FROM accounts
    WHERE discoverable AND state = 2 AND id < coalesce($1::bigint, 9223372036854775807)
    ORDER BY id DESC LIMIT $2 OFFSET $3
)
SELECT c.*, page.id FROM page JOIN faces c ON c.id = page.id ORDER BY page.id DESC;

-- name: user_directory_active :many
-- Those who were here last. $1: the last active_id shown or NULL.
WITH page AS (
    SELECT id, active_id FROM accounts
    WHERE discoverable AND state = 2 AND active_id < coalesce($1::bigint, 9223372036854775807)
    ORDER BY active_id DESC LIMIT $2 OFFSET $3
)
SELECT c.*, page.active_id FROM page JOIN faces c ON c.id = page.id ORDER BY page.active_id DESC;

-- name: user_directory_find_new :many
-- The same among those found by words, $3 as a tsquery: by the words first, however rare or common they are.
WITH found AS MATERIALIZED (
    SELECT id, active_id FROM accounts WHERE words @@ $3::text::tsquery AND discoverable AND state = 2
), page AS (
    SELECT id, active_id FROM found WHERE id < coalesce($1::bigint, 9223372036854775807)
        ORDER BY id DESC LIMIT $2 OFFSET $4
)
SELECT c.*, page.id FROM page JOIN faces c ON c.id = page.id ORDER BY page.id DESC;

-- name: user_directory_find_active :many
-- The same in the other order.
WITH found AS MATERIALIZED (
    SELECT id, active_id FROM accounts WHERE words @@ $3::text::tsquery AND discoverable AND state = 2
), page AS (
    SELECT id, active_id FROM found WHERE active_id < coalesce($1::bigint, 9223372036854775807)
        ORDER BY active_id DESC LIMIT $2 OFFSET $4
)
SELECT c.*, page.active_id FROM page JOIN faces c ON c.id = page.id ORDER BY page.active_id DESC;

-- name: user_search :many
-- Members found by words ($1, a tsquery) who are discoverable or known ($2) to the reader; with $3 only the
-- latter. The one of exactly this handle ($4) first, then those known, then those who were here last.
WITH found AS MATERIALIZED (
    SELECT id, lower(handle) = lower($4::text) AS exact, id = ANY ($2::bigint[]) AS known, active_id
    FROM accounts WHERE words @@ $1::text::tsquery AND state = 2
), page AS (
    SELECT * FROM found
    WHERE known OR (NOT $3::boolean AND (exact
        OR EXISTS (SELECT FROM accounts a WHERE a.id = found.id AND a.discoverable)))
    ORDER BY exact DESC, known DESC, active_id DESC LIMIT $5 OFFSET $6
)
SELECT c.*, 0::bigint FROM page JOIN faces c ON c.id = page.id
ORDER BY page.exact DESC, page.known DESC, page.active_id DESC;

-- ---- markers

-- name: user_markers :many
SELECT timeline, last_read_id, version, updated_at FROM markers
WHERE user_id = $1 AND timeline = ANY ($2::text[]) ORDER BY timeline;

-- name: user_marker_set :maybe
-- $1 member, $2 timeline, $3 last id read, $4 the version that this takes the place of, 0: any. No row when
-- another version stands there.
INSERT INTO markers AS m (user_id, timeline, last_read_id) SELECT $1, $2::text, $3
WHERE $4::bigint = 0 OR EXISTS (SELECT FROM markers WHERE user_id = $1 AND timeline = $2::text)
ON CONFLICT (user_id, timeline) DO UPDATE
SET last_read_id = excluded.last_read_id, version = m.version + 1, updated_at = now()
WHERE $4::bigint = 0 OR m.version = $4::bigint
RETURNING timeline, last_read_id, version, updated_at;

-- name: user_members :many
-- For administrators, newest first. $1 role, $2 under this id, $3 right above this one, and then oldest
-- first: NULL where not asked for; $4 how many. With the values known, the order is that of the index, either
-- way.
SELECT * FROM persons
WHERE ($1::text IS NULL OR role = $1::text) AND id < coalesce($2::bigint, 9223372036854775807)
    AND id > coalesce($3::bigint, 0)
ORDER BY CASE WHEN $3::bigint IS NULL THEN id END DESC, CASE WHEN $3::bigint IS NOT NULL THEN id END
LIMIT $4;

-- name: user_members_in_state :many
-- The same in one state ($5).
SELECT * FROM persons
WHERE state = $5::smallint AND ($1::text IS NULL OR role = $1::text)
    AND id < coalesce($2::bigint, 9223372036854775807) AND id > coalesce($3::bigint, 0)
ORDER BY CASE WHEN $3::bigint IS NULL THEN id END DESC, CASE WHEN $3::bigint IS NOT NULL THEN id END
LIMIT $4;

-- name: user_members_find :many
-- The same among those found by words ($6, a tsquery) or by the beginning of their address ($7), in one
-- state ($5) or any (NULL).
WITH found AS MATERIALIZED (
    SELECT a.id FROM accounts a WHERE a.words @@ $6::text::tsquery
    UNION
    SELECT a.id FROM accounts a WHERE lower(a.email) ~>=~ lower($7::text)
        AND lower(a.email) ~<~ (lower($7::text) || chr(1114111))
)
SELECT p.* FROM found JOIN persons p ON p.id = found.id
WHERE ($5::smallint IS NULL OR p.state = $5::smallint) AND ($1::text IS NULL OR p.role = $1::text)
    AND p.id < coalesce($2::bigint, 9223372036854775807) AND p.id > coalesce($3::bigint, 0)
ORDER BY CASE WHEN $3::bigint IS NULL THEN p.id END DESC, CASE WHEN $3::bigint IS NOT NULL THEN p.id END
LIMIT $4;

-- name: user_weeks :many
-- From a week ($1) on: week, members who were there, members who signed up.
SELECT week, coalesce(w.members, 0), coalesce(r.n, 0)
FROM (SELECT week, members FROM weeks WHERE week >= $1::bigint) AS w
FULL JOIN (
    SELECT week_of(id) AS week, count(*) AS n FROM accounts
    WHERE id >= $1::bigint * 604800000 << 22 AND state <> 0 GROUP BY 1
) AS r USING (week);

-- name: user_member_counts :one
-- Who waits for approval, members in all without sign-ups not confirmed, and those who were here since $1 and
-- since $2.
SELECT count(*) FILTER (WHERE state = 1), count(*), count(*) FILTER (WHERE state = 2 AND active_id > $1),
    count(*) FILTER (WHERE state = 2 AND active_id > $2)
FROM accounts WHERE state IN (1, 2, 3);

-- name: user_staff :many
-- Those who look after the site, highest rank first.
SELECT c.* FROM faces c JOIN accounts a ON a.id = c.id JOIN roles r ON r.name = a.role
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

-- ---- own roles: the audit log's entries stand under who did it ($… actor, 0: the operator)

-- name: user_role_new :maybe
-- $1 name, $2 permissions, $3 rank, $4 actor, $5 security event. Nothing when there is one of that name.
WITH made AS (
    INSERT INTO roles (name, permissions, rank) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING RETURNING name
)
SELECT name, events.emit('user.security.v1', $4, 'user.security', $5)::text FROM made;

-- name: user_role_set :many
-- $1 name, $2 permissions, $3 rank, in place of $4 permissions and $5 rank; $6 actor, $7 security event. A
-- row for each member who has it, those who were here last first, or one without; none when it was not
-- changed.
WITH changed AS (
    UPDATE roles SET permissions = $2, rank = $3 WHERE name = $1 AND permissions = $4 AND rank = $5
    RETURNING name
), holders AS (
    UPDATE accounts a SET version = version + 1 FROM changed WHERE a.role = changed.name
    RETURNING a.id, a.version, a.active_id
), told AS MATERIALIZED (
    SELECT events.emit('user.security.v1', $6, 'user.security', $7)::text AS event FROM changed
)
SELECT holders.id, told.event, CASE WHEN holders.id IS NOT NULL THEN
    events.emit('user.v1', holders.id, 'user.changed', pair_event(holders.id, holders.version))::text END
FROM told LEFT JOIN holders ON true ORDER BY holders.active_id DESC NULLS LAST;

-- name: user_role_delete :many
-- $1 name, $2 what its members become, $3 actor, $4 security event, $5 the same for each member. Rows as
-- above.
WITH gone AS (
    DELETE FROM roles WHERE name = $1 RETURNING name
), holders AS (
    UPDATE accounts a SET role = $2, version = version + 1 FROM gone WHERE a.role = gone.name
    RETURNING a.id, a.version, a.active_id
), told AS MATERIALIZED (
    SELECT events.emit('user.security.v1', $3, 'user.security', $4)::text AS event FROM gone
)
SELECT holders.id, told.event, CASE WHEN holders.id IS NOT NULL THEN
    events.emit('user.v1', holders.id, 'user.changed', pair_event(holders.id, holders.version))::text
    || events.emit('user.security.v1', holders.id, 'user.security', $5)::text END
FROM told LEFT JOIN holders ON true ORDER BY holders.active_id DESC NULLS LAST;

-- ---- leaving

-- name: user_delete_ask :maybe
-- Hides an account whose password was just checked ($3, its auth_version; 0: whatever it is) until it is
-- erased at $2, unless that would leave the site without an administrator. $4 the mail's id, $5 its detail,
-- $6 state event, $7 security event. Links that were mailed to it are dead.
WITH admins AS (
    SELECT id FROM accounts WHERE role = 'admin' AND state = 2 ORDER BY id FOR UPDATE
), changed AS (
    UPDATE accounts SET state_before = state, state = 4, erase_at = $2, version = version + 1
    WHERE id = $1 AND state IN (1, 2, 3) AND ($3::bigint = 0 OR auth_version = $3::bigint)
        AND (EXISTS (SELECT FROM admins WHERE id <> $1) OR NOT EXISTS (SELECT FROM admins WHERE id = $1))
    RETURNING id, version, email, language
), links AS (
    UPDATE tokens t SET consumed_at = now() FROM changed WHERE t.user_id = changed.id
        AND t.consumed_at IS NULL
), mail AS (
    INSERT INTO mails (id, kind, user_id, email, detail, language)
    SELECT $4, 'delete-asked', id, email, $5::text, language FROM changed WHERE email IS NOT NULL
    RETURNING id
)
SELECT changed.id, events.emit('user.v1', changed.id, 'user.state_changed', $6::bytea)::text,
    events.emit('user.v1', changed.id, 'user.changed', pair_event(changed.id, changed.version))::text,
    events.emit('user.security.v1', changed.id, 'user.security', $7::bytea)::text,
    CASE WHEN mail.id IS NOT NULL THEN events.emit('user.mail.v1', mail.id, 'mail.queued',
        ''::bytea)::text END
FROM changed LEFT JOIN mail ON true;

-- name: user_delete_now :exec
-- The days of grace of an account that is being deleted are over.
UPDATE accounts SET erase_at = now() WHERE id = $1 AND state = 4 AND erase_at IS NOT NULL;

-- name: user_delete_cancel :maybe
-- Uses a restore link up ($1): the account is what it was. $2 security event.
WITH link AS (
    UPDATE tokens SET consumed_at = now()
    WHERE hash = $1 AND purpose = 'restore' AND consumed_at IS NULL AND expires_at > now()
    RETURNING user_id
), changed AS (
    UPDATE accounts a SET state = coalesce(state_before, 2), state_before = NULL, erase_at = NULL,
        version = version + 1
    FROM link WHERE a.id = link.user_id AND a.state = 4 AND a.erase_at IS NOT NULL
    RETURNING a.id, a.version, a.state, a.handle
)
SELECT id, handle, events.emit('user.v1', id, 'user.state_changed', pair_event(id, state))::text,
    events.emit('user.v1', id, 'user.changed', pair_event(id, version))::text,
    events.emit('user.security.v1', id, 'user.security', $2::bytea)::text
FROM changed;

-- name: user_erase_begin :many
-- Accounts whose days of grace are over, a hundred at once: from now on nothing brings them back.
WITH due AS (
    SELECT id FROM accounts WHERE erase_at <= now() AND state = 4 ORDER BY erase_at LIMIT 100
    FOR UPDATE SKIP LOCKED
), begun AS (
    UPDATE accounts a SET erase_at = NULL, state_before = NULL FROM due WHERE a.id = due.id RETURNING a.id
), made AS (
    INSERT INTO erasures (user_id) SELECT id FROM begun ON CONFLICT DO NOTHING RETURNING user_id, id
)
SELECT user_id, events.emit('erase.v1', user_id, 'user.erasing', pair_event(user_id, id))::text FROM made;

-- name: user_erase_again :many
-- Erasures that were begun over a day ago and are not done, oldest first: they are told to all once more.
SELECT user_id, events.emit('erase.v1', user_id, 'user.erasing', pair_event(user_id, id))::text
FROM (SELECT user_id, id FROM erasures WHERE done_at IS NULL AND begun_at < now() - interval '1 day'
    ORDER BY begun_at LIMIT 100) AS late;

-- name: user_erase :maybe
-- What this service has of a member whose erasure has begun. Whom the member invited is no longer told.
WITH freed AS (
    UPDATE accounts a SET invite_id = NULL, invited_by = 0 FROM invites i
    WHERE a.invite_id = i.id AND i.by_id = $1 AND a.id <> $1
), invitations AS (
    DELETE FROM invites WHERE by_id = $1
), links AS (
    DELETE FROM tokens WHERE user_id = $1
), letters AS (
    DELETE FROM mails WHERE user_id = $1
), known AS (
    DELETE FROM devices WHERE user_id = $1
), changed AS (
    UPDATE accounts SET email = NULL, new_email = NULL, password_hash = NULL, auth_version = auth_version + 1,
        role = 'member', needs_approval = false, reason = '', note = '', invite_id = NULL, invited_by = 0,
        name = '', headline = '', bio = '', bio_html = '', field_names = '{}', field_values = '{}',
        words = '', avatar = '', avatar_large = '', avatar_words = '', avatar_media = 0, avatar_next = 0,
        banner = '', banner_words = '', banner_media = 0, banner_next = 0,
        locked = false, discoverable = false, hide_network = true, noindex = true,
        default_audience = 'public',
        theme = 'auto', language = '', confirmed_at = NULL, version = version + 1
    WHERE id = $1 AND state = 4 AND erase_at IS NULL
    RETURNING id, version
)
SELECT id, events.emit('user.v1', id, 'user.changed', pair_event(id, version))::text FROM changed;

-- name: user_erasure :maybe
SELECT id FROM erasures WHERE user_id = $1;

-- name: user_erasure_done :maybe
-- A service ($2) has nothing left of a member. When all services ($3) say so, the audit log gets the proof
-- ($4).
WITH done AS (
    UPDATE erasures SET services = services || $2::text,
        done_at = CASE WHEN services || $2::text @> $3::text[] THEN now() END
    WHERE user_id = $1 AND NOT services @> ARRAY[$2::text]
    RETURNING done_at
)
SELECT done_at, CASE WHEN done_at IS NOT NULL THEN
    events.emit('user.security.v1', 0, 'user.security', $4::bytea)::text END
FROM done;

-- ---- invitations

-- name: user_invite_new :one
WITH made AS (
    INSERT INTO invites (id, code, by_id, max_uses, expires_at) VALUES ($1, $2, $3, $4, $5)
    RETURNING id, code, by_id, max_uses, uses, expires_at, created_at
)
SELECT made.*, events.emit('user.security.v1', by_id, 'user.security', $6::bytea)::text FROM made;

-- name: user_invites :many
-- The newest of one member, or of everybody ($1 NULL).
(SELECT id, code, by_id, max_uses, uses, expires_at, created_at FROM invites
 WHERE by_id = $1::bigint ORDER BY id DESC LIMIT 200)
UNION ALL
(SELECT id, code, by_id, max_uses, uses, expires_at, created_at FROM invites
 WHERE $1::bigint IS NULL ORDER BY id DESC LIMIT 200);

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

-- ---- apps and tokens

-- name: user_app_new :one
INSERT INTO apps (id, client_id, secret_hash, name, website, redirect_uris, scopes)
VALUES ($1, $2, $3, $4, $5, $6, $7)
RETURNING id, client_id, secret_hash, name, website, redirect_uris, scopes, created_at;

-- name: user_app :maybe
-- By id, or by client_id where $1 is 0.
SELECT id, client_id, secret_hash, name, website, redirect_uris, scopes, created_at
FROM apps WHERE id = $1 OR ($1 = 0 AND client_id = $2);

-- name: user_token_of_app :one
-- A token by which an app ($3) acts for itself.
WITH made AS (
    INSERT INTO access_tokens (id, hash, family, app_id, scopes, auth_version)
    VALUES ($1, $2, $1, $3, $4, 0)
    RETURNING id, app_id, 0::bigint AS user_id, scopes, created_at, expires_at, seen_at
)
SELECT made.*, p.name, p.website FROM made JOIN apps p ON p.id = made.app_id;

-- name: user_token_of_newcomer :maybe
-- The first token of an account ($4) that an app ($3) has just made. The app is in use from now on.
WITH made AS (
    INSERT INTO access_tokens (id, hash, family, app_id, user_id, scopes, auth_version)
    SELECT $1, $2, $1, $3, id, $5, auth_version FROM accounts WHERE id = $4
    RETURNING id, app_id, user_id, scopes, created_at, expires_at, seen_at
), attended AS (
    UPDATE apps SET attended_at = coalesce(attended_at, now()) WHERE id = $3
)
SELECT made.*, p.name, p.website,
    events.emit('user.security.v1', user_id, 'user.security', $6::bytea)::text
FROM made JOIN apps p ON p.id = made.app_id;

-- name: user_token_personal :maybe
-- A personal token of an active member ($3).
WITH made AS (
    INSERT INTO access_tokens (id, hash, family, user_id, name, scopes, expires_at, auth_version)
    SELECT $1, $2, $1, id, $4, $5, $6, auth_version FROM accounts WHERE id = $3 AND state = 2
    RETURNING id, 0::bigint AS app_id, user_id, scopes, created_at, expires_at, seen_at, name
)
SELECT made.*, '', events.emit('user.security.v1', user_id, 'user.security', $7::bytea)::text FROM made;

-- name: user_token_live :maybe
-- What a token may do, if it still may; column order of the view, read by access_of().
SELECT * FROM live_tokens WHERE hash = $1;

-- name: user_token_seen :exec
UPDATE access_tokens SET seen_at = now(), ip = $2, device = $3
WHERE id = $1 AND (seen_at IS NULL OR seen_at < now() - interval '1 minute');

-- name: user_code_new :maybe
-- What a member ($4) lets an app do. No row when the code stands there already, or the member is not active.
INSERT INTO codes (hash, family, app_id, user_id, redirect_uri, scopes, challenge, auth_version, expires_at)
SELECT $1, $2, $3, id, $5, $6, $7, auth_version, now() + interval '10 minutes'
FROM accounts WHERE id = $4 AND state = 2
ON CONFLICT (hash) DO NOTHING RETURNING family;

-- name: user_code :maybe
SELECT family, app_id, user_id, redirect_uri, scopes, challenge, used_at IS NOT NULL, expires_at <= now()
FROM codes WHERE hash = $1;

-- name: user_code_use :maybe
-- A code becomes a token ($2 id, $3 hash, $4 until when or NULL) and, where $5 is not NULL, a refresh token.
WITH code AS (
    UPDATE codes SET used_at = now() WHERE hash = $1 AND used_at IS NULL AND expires_at > now()
    RETURNING family, app_id, user_id, scopes, auth_version
), good AS (
    SELECT code.* FROM code JOIN accounts a ON a.id = code.user_id
    WHERE a.state = 2 AND a.auth_version = code.auth_version
), made AS (
    INSERT INTO access_tokens (id, hash, family, app_id, user_id, scopes, auth_version, expires_at)
    SELECT $2, $3, family, app_id, user_id, scopes, auth_version, $4 FROM good
    RETURNING id, app_id, user_id, scopes, created_at, expires_at, seen_at
), refresh AS (
    INSERT INTO refresh_tokens (hash, family, app_id, user_id, scopes, auth_version, expires_at)
    SELECT $5::bytea, family, app_id, user_id, scopes, auth_version, now() + interval '90 days' FROM good
    WHERE $5::bytea IS NOT NULL
), attended AS (
    UPDATE apps SET attended_at = now() FROM good WHERE apps.id = good.app_id AND apps.attended_at IS NULL
)
SELECT made.*, p.name, p.website,
    events.emit('user.security.v1', made.user_id, 'user.security', $6::bytea)::text
FROM made JOIN apps p ON p.id = made.app_id;

-- name: user_refresh :maybe
SELECT family, app_id, user_id, '', scopes, '', used_at IS NOT NULL,
    expires_at <= now() OR revoked_at IS NOT NULL
FROM refresh_tokens WHERE hash = $1;

-- name: user_refresh_use :maybe
-- A refresh token becomes a new pair; $6: scopes, no more than it had.
WITH old AS (
    UPDATE refresh_tokens SET used_at = now()
    WHERE hash = $1 AND used_at IS NULL AND revoked_at IS NULL AND expires_at > now()
    RETURNING family, app_id, user_id, scopes, auth_version
), good AS (
    SELECT old.* FROM old JOIN accounts a ON a.id = old.user_id
    WHERE a.state = 2 AND a.auth_version = old.auth_version
), made AS (
    INSERT INTO access_tokens (id, hash, family, app_id, user_id, scopes, auth_version, expires_at)
    SELECT $2, $3, family, app_id, user_id, $6, auth_version, $4 FROM good
    RETURNING id, app_id, user_id, scopes, created_at, expires_at, seen_at
), refresh AS (
    INSERT INTO refresh_tokens (hash, family, app_id, user_id, scopes, auth_version, expires_at)
    SELECT $5::bytea, family, app_id, user_id, scopes, auth_version, now() + interval '90 days' FROM good
)
SELECT made.*, p.name, p.website FROM made JOIN apps p ON p.id = made.app_id;

-- name: user_token_owner :maybe
-- Whose an access or refresh token is.
SELECT family, coalesce(app_id, 0), coalesce(user_id, 0) FROM access_tokens WHERE hash = $1
UNION ALL
SELECT family, app_id, user_id FROM refresh_tokens WHERE hash = $1;

-- name: user_family_end :one
-- Ends all that came of one consent. $2: whose it is, or 0.
WITH refresh AS (
    UPDATE refresh_tokens SET revoked_at = now() WHERE family = $1 AND revoked_at IS NULL
), ended AS (
    UPDATE access_tokens SET revoked_at = now() WHERE family = $1 AND revoked_at IS NULL RETURNING id
)
SELECT count(*), CASE WHEN $2::bigint <> 0
    THEN events.emit('user.security.v1', $2::bigint, 'user.security', $3::bytea)::text END
FROM ended;

-- name: user_access_end :one
-- Ends what a member let in: an app ($2) with all its tokens and codes, or a personal token ($3).
WITH codes AS (
    DELETE FROM codes WHERE user_id = $1 AND app_id = $2
), refresh AS (
    UPDATE refresh_tokens SET revoked_at = now() WHERE user_id = $1 AND app_id = $2 AND revoked_at IS NULL
    RETURNING family
), ended AS (
    UPDATE access_tokens SET revoked_at = now()
    WHERE user_id = $1 AND revoked_at IS NULL AND (app_id = $2 OR (app_id IS NULL AND id = $3))
    RETURNING id
), counted AS (
    SELECT (SELECT count(*) FROM ended) + (SELECT count(*) FROM refresh) AS n
)
SELECT n, CASE WHEN n > 0 THEN events.emit('user.security.v1', $1, 'user.security', $4::bytea)::text END
FROM counted;

-- name: user_access_end_all :exec
-- Ends all tokens and codes of a member, as a new password does.
UPDATE accounts SET auth_version = auth_version + 1 WHERE id = $1;

-- name: user_token_hashes :many
-- What may stand in Redis of a member's tokens.
SELECT hash FROM access_tokens WHERE user_id = $1;

-- name: user_access :many
-- What a member has let in: each app once, and each personal token.
SELECT coalesce(t.app_id, 0), CASE WHEN t.app_id IS NULL THEN t.id ELSE 0 END, max(t.app_name),
    max(t.app_website), string_agg(t.scopes, ' ' ORDER BY t.id), min(t.created_at), max(t.seen_at),
    max(t.expires_at), (array_agg(t.ip ORDER BY t.seen_at DESC NULLS LAST))[1],
    (array_agg(t.device ORDER BY t.seen_at DESC NULLS LAST))[1]
FROM (
    SELECT id, nullif(app_id, 0) AS app_id, app_name, app_website, scopes, created_at, seen_at, expires_at,
        ip, device
    FROM live_tokens WHERE id IN (SELECT a.id FROM access_tokens AS a WHERE a.user_id = $1)
    UNION ALL
    SELECT NULL, r.app_id, p.name, p.website, r.scopes, r.created_at, NULL, NULL, '', ''
    FROM refresh_tokens r JOIN apps p ON p.id = r.app_id JOIN accounts a ON a.id = r.user_id
    WHERE r.user_id = $1 AND r.used_at IS NULL AND r.revoked_at IS NULL AND r.expires_at > now()
        AND a.auth_version = r.auth_version
) t
GROUP BY t.app_id, CASE WHEN t.app_id IS NULL THEN t.id ELSE 0 END
ORDER BY max(t.created_at) DESC;

-- name: user_sweep_apps :exec
-- Apps that no member ever let in, unless they got a token of their own lately; codes and tokens a month
-- after their end.
WITH unattended AS (
    DELETE FROM apps p WHERE attended_at IS NULL AND created_at < now() - interval '1 day'
        AND NOT EXISTS (SELECT FROM access_tokens t WHERE t.app_id = p.id
            AND greatest(t.created_at, t.seen_at) > now() - interval '30 days')
        AND NOT EXISTS (SELECT FROM codes c WHERE c.app_id = p.id AND c.expires_at > now())
), old_codes AS (
    DELETE FROM codes WHERE expires_at < now() - interval '30 days'
), old_refresh AS (
    DELETE FROM refresh_tokens WHERE expires_at < now() - interval '30 days'
)
DELETE FROM access_tokens t
WHERE t.revoked_at < now() - interval '30 days' OR t.expires_at < now() - interval '30 days'
    OR (t.user_id IS NULL AND greatest(t.created_at, t.seen_at) < now() - interval '90 days');

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

-- name: user_contacts :many
-- Of active accounts, for the notification service. $1 ids. → id, handle, name, e-mail address, language.
SELECT id, handle, name, email, language
FROM persons WHERE id = ANY ($1::bigint[]) AND state = 2;

-- name: user_tokens_alive :many
-- Those of $2 that still open something of the member $1.
SELECT id FROM live_tokens WHERE user_id = $1 AND id = ANY ($2::bigint[]);
