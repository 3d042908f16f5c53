-- Making files of uploads (role deeplink_media, schema media). Whoever has the lease works on a medium;
-- due_at is when the lease runs out, so that a medium whose worker was killed is due again by itself. Files
-- of an attempt stand in `files` as new/NAME until it has succeeded.

-- name: media_work_listen :exec
-- To be woken when a medium is due (trigger items_due).
LISTEN media_due;

-- name: media_work_take :maybe
-- The next that is due. $1 lease, $2 seconds that it is good for. → the columns of an item, see media.sql.
UPDATE items SET lease = $1, lease_until = now() + make_interval(secs => $2::bigint), attempts = attempts + 1,
    due_at = now() + make_interval(secs => $2::bigint), progress = 0
WHERE id = (SELECT id FROM items WHERE due_at <= now() AND version > 0 ORDER BY due_at LIMIT 1
    FOR UPDATE SKIP LOCKED)
RETURNING id, owner_id, state, kind, purpose, bytes, source, target_kind, target_id, public, version,
    attempts,
    progress;

-- name: media_work_row :maybe
-- One that is still ours. $1 id, $2 lease. → the columns of an item.
SELECT id, owner_id, state, kind, purpose, bytes, source, target_kind, target_id, public, version, attempts,
    progress
FROM items WHERE id = $1 AND lease = $2;

-- name: media_work_beat :maybe
-- Still at it. $1 id, $2 lease, $3 seconds that it is good for from now on, $4 how far, of 100. → id.
UPDATE items SET lease_until = now() + make_interval(secs => $3::bigint),
    due_at = now() + make_interval(secs => $3::bigint),
    progress = $4::bigint
WHERE id = $1 AND lease = $2 RETURNING id;

-- name: media_work_back :exec
-- Somebody else is to try. $1 id, $2 lease, $3 seconds from now, $4 whether this was an attempt, $5 why.
UPDATE items SET lease = NULL, lease_until = NULL, due_at = now() + make_interval(secs => $3::bigint),
    progress = 0,
    attempts = attempts - CASE WHEN $4::boolean THEN 0 ELSE 1 END, error = $5
WHERE id = $1 AND lease = $2;

-- name: media_work_original :maybe
-- The blob that was uploaded. $1 id. → key.
SELECT key FROM files WHERE media_id = $1 AND name = 'original';

-- name: media_work_blobs :many
-- What is about to be put into the store, before it is. $1 id, $2 lease, $3 names, $4 keys, $5 bytes. A blob
-- that is there is touched, so that a sweep that is removing it is waited for. → names; none: not ours.
WITH ours AS (
    SELECT id FROM items WHERE id = $1 AND lease = $2 FOR UPDATE
), given AS (
    SELECT * FROM ours, unnest($3::text[], $4::text[], $5::bigint[]) AS g (name, key, bytes)
), put AS (
    INSERT INTO blobs AS b (key, bytes) SELECT DISTINCT key, bytes FROM given ORDER BY key
    ON CONFLICT (key) DO UPDATE SET created_at = now() RETURNING key
)
INSERT INTO files AS f (media_id, name, key) SELECT id,
    CASE WHEN name = 'original' THEN name ELSE 'new/' || name END, key
FROM given JOIN put USING (key)
ON CONFLICT (media_id, name) DO UPDATE SET key = excluded.key RETURNING name;

-- name: media_work_done :maybe
-- It has succeeded. $1 id, $2 lease, $3 version, $4 kind, $5 body of the event. → version.
UPDATE items SET state = 1, kind = $4::bigint, lease = NULL, lease_until = NULL, due_at = NULL,
    attempts = 0, progress = 100, error = '', source = '', version = version + 1, changed_at = now()
WHERE id = $1 AND lease = $2 AND version = $3
RETURNING version, events.emit('media.v1', id, 'media.ready', $5)::text;

-- name: media_work_old_files :exec
-- What it was made of before. $1 id.
DELETE FROM files WHERE media_id = $1 AND name NOT LIKE 'new/%' AND name <> 'original';

-- name: media_work_new_files :exec
-- What it is made of now. $1 id.
UPDATE files SET name = substr(name, 5) WHERE media_id = $1 AND name LIKE 'new/%';

-- name: media_work_drop_files :exec
-- What an attempt that failed has put. $1 id.
DELETE FROM files WHERE media_id = $1 AND name LIKE 'new/%';

-- name: media_work_failed :maybe
-- It has failed, for good. $1 id, $2 lease, $3 version, $4 why, for the operator, $5 body of the event. →
-- version.
UPDATE items SET state = 2, lease = NULL, lease_until = NULL, due_at = NULL, progress = 0, error = $4,
    version = version + 1, changed_at = now()
WHERE id = $1 AND lease = $2 AND version = $3
RETURNING version, events.emit('media.v1', id, 'media.failed', $5)::text;

-- name: media_work_kept :exec
-- Making it anew has failed: it stays as it was. $1 id, $2 lease, $3 why.
UPDATE items SET lease = NULL, lease_until = NULL, due_at = NULL, attempts = 0, progress = 100, error = $3
WHERE id = $1 AND lease = $2;
