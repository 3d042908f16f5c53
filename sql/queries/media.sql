-- Queries of the media service (role deeplink_media, schema media). A row of version 0 is being made: it
-- counts against the quota and nobody sees it. One of version -1 has come to nothing and is being removed.
-- Columns of an item, everywhere: id, owner, state, kind, purpose, bytes, source, target_kind, target_id,
-- public, version, attempts, progress.

-- name: media_quota :one
-- What a member uses. $1 member. → bytes, how many media.
SELECT coalesce(sum(bytes), 0)::bigint, count(*) FROM items WHERE owner_id = $1;

-- name: media_reserve :exec
-- A medium begins. $1 id, $2 owner, $3 kind, $4 purpose, $5 bytes. Its source is the file of that name in the
-- spool.
INSERT INTO items (id, owner_id, kind, purpose, bytes, source, version)
VALUES ($1::bigint, $2, $3::bigint, $4, $5, ($1::bigint)::text, 0);

-- name: media_start :maybe
-- Its file and its document are there: a worker may take it. $1 id, $2 body of the event. → when it was made.
UPDATE items SET version = 1, due_at = now(), changed_at = now() WHERE id = $1 AND version = 0
RETURNING created_at, events.emit('media.v1', id, 'media.uploaded', $2)::text;

-- name: media_unmaking :maybe
-- It came to nothing: nobody starts it any more, and it takes no room. Waits for who is starting it at this
-- moment, be it for a process that was killed. $1 id. → id; none: it has started, or was never there.
UPDATE items SET version = -1, bytes = 0 WHERE id = $1 AND version <= 0 RETURNING id;

-- name: media_unmake :exec
-- And nothing of it is left. $1 id.
DELETE FROM items WHERE id = $1 AND version = -1;

-- name: media_rows :many
-- Those that exist, in the order asked. $1 owner, 0: whoever's, $2 ids.
SELECT id, owner_id, state, kind, purpose, bytes, source, target_kind, target_id, public, version, attempts,
    progress
FROM unnest($2::bigint[]) WITH ORDINALITY AS wanted (id, place) JOIN items USING (id)
WHERE ($1::bigint = 0 OR owner_id = $1) AND version > 0 ORDER BY wanted.place;

-- name: media_list :many
-- A member's, newest first. $1 owner, $2 below this id, $3 how many.
SELECT id, owner_id, state, kind, purpose, bytes, source, target_kind, target_id, public, version, attempts,
    progress
FROM items WHERE owner_id = $1 AND id < $2 AND version > 0 ORDER BY id DESC LIMIT $3;

-- name: media_change :maybe
-- What is shown of it has changed, as of version $2. $1 id, $2 version, $3 body of the event.
UPDATE items SET version = version + 1, changed_at = now() WHERE id = $1 AND version = $2
RETURNING version, events.emit('media.v1', id, 'media.changed', $3)::text;

-- name: media_retry :maybe
-- To be tried anew. $1 id, $2 version, $3 body of media.changed, $4 of media.uploaded.
UPDATE items SET state = 0, attempts = 0, lease = NULL, lease_until = NULL, due_at = now(), progress = 0,
    error = '', version = version + 1, changed_at = now()
WHERE id = $1 AND version = $2 AND state = 2
RETURNING version, events.emit('media.v1', id, 'media.changed', $3)::text,
    events.emit('media.v1', id, 'media.uploaded', $4)::text;

-- name: media_remove :maybe
-- $1 id, $2 version, $3 body of the event.
DELETE FROM items WHERE id = $1 AND version = $2
RETURNING id, events.emit('media.v1', id, 'media.gone', $3)::text;

-- name: media_lock :many
-- Those that a target is to have, and those that it has, until the transaction ends. $1 ids, $2 kind of the
-- target, $3 its id.
SELECT id, owner_id, state, kind, purpose, bytes, source, target_kind, target_id, public, version, attempts,
    progress
FROM items WHERE (id = ANY ($1::bigint[]) OR (target_kind = $2 AND target_id = $3)) AND version > 0
ORDER BY id FOR UPDATE;

-- name: media_attach :exec
-- $1 ids in their order, $2 kind of the target, $3 its id, $4 whether it is for everybody. What is so already
-- stays as it is.
UPDATE items AS i SET target_kind = $2, target_id = $3, place = w.place, public = $4, version = version + 1,
    changed_at = now()
FROM unnest($1::bigint[]) WITH ORDINALITY AS w (id, place)
WHERE i.id = w.id
    AND (i.target_kind, i.target_id, i.place::bigint, i.public) IS DISTINCT FROM ($2, $3, w.place, $4);

-- name: media_let_go :many
-- What targets have, but for some. $1 kind of the targets, $2 their ids, $3 what stays. → which were let go.
UPDATE items SET target_kind = NULL, target_id = NULL, place = 0, public = false, version = version + 1,
    changed_at = now()
WHERE target_kind = $1 AND target_id = ANY ($2::bigint[]) AND id <> ALL ($3::bigint[])
RETURNING id;

-- name: media_of_owner :many
-- Some of all that a member has, also what is being made. $1 owner, $2 how many.
SELECT id, owner_id, state, kind, purpose, bytes, source, target_kind, target_id, public, version, attempts,
    progress
FROM items WHERE owner_id = $1 ORDER BY id LIMIT $2;

-- name: media_erase_on :one
-- There is more: another batch, behind what others wait for meanwhile. $1 who.
SELECT events.emit('erase.media.v1', $1, 'user.erasing', ''::bytea)::text;
