-- Where files are kept, and what nothing needs any more.

-- name: media_blob_is_public :maybe
-- Whether everybody may have a blob, whatever the store has been told yet. $1 key.
SELECT EXISTS (SELECT FROM files AS f JOIN items AS i ON i.id = f.media_id
    WHERE f.key = $1 AND i.public AND f.name <> 'original' AND f.name NOT LIKE 'new/%');

-- name: media_unsettled :many
-- Some of what is to be done in the store; nobody else takes them until the transaction ends. $1 how many. →
-- id, key.
SELECT id, key FROM unsettled WHERE at <= now() ORDER BY id LIMIT $1 FOR UPDATE SKIP LOCKED;

-- name: media_blobs_lock :many
-- Those of the blobs that nobody is about to need, or to let go, until the transaction ends: a new row of
-- files waits for it, and fails when the blob is gone. $1 keys.
SELECT key FROM blobs WHERE key = ANY ($1::text[]) ORDER BY key FOR UPDATE SKIP LOCKED;

-- name: media_blobs_wanted :many
-- $1 keys. → key, bytes, whether the store shows it to everybody, whether a medium needs it, whether one for
-- everybody does. Each is looked up by its key: of EXISTS PostgreSQL might make a table of all files there
-- are.
SELECT b.key, b.bytes, b.public, coalesce((SELECT true FROM files AS f WHERE f.key = b.key LIMIT 1), false),
    coalesce((SELECT true FROM files AS f JOIN items AS i ON i.id = f.media_id
        WHERE f.key = b.key AND i.public AND f.name <> 'original' AND f.name NOT LIKE 'new/%' LIMIT 1), false)
FROM blobs AS b WHERE b.key = ANY ($1::text[]) ORDER BY b.key;

-- name: media_blob_show :exec
-- $1 key, $2 whether the store shows it to everybody.
UPDATE blobs SET public = $2 WHERE key = $1;

-- name: media_blob_remove :exec
-- $1 key.
DELETE FROM blobs WHERE key = $1;

-- name: media_settled :exec
-- $1 ids of what was to be done.
DELETE FROM unsettled WHERE id = ANY ($1::bigint[]);

-- name: media_settle_later :exec
-- $1 ids of what could not be done: the store does not have it yet, or somebody else has it in hand.
UPDATE unsettled SET at = now() + interval '1 minute' WHERE id = ANY ($1::bigint[]);

-- name: media_unsettle_orphans :one
-- Blobs that no medium ever came to need. $1 seconds, $2 how many. → how many.
WITH orphans AS (
    SELECT b.key FROM blobs AS b WHERE b.created_at < now() - $1::bigint * interval '1 second'
        AND NOT EXISTS (SELECT FROM files AS f WHERE f.key = b.key)
        AND NOT EXISTS (SELECT FROM unsettled AS u WHERE u.key = b.key) LIMIT $2
), told AS (INSERT INTO unsettled (key) SELECT key FROM orphans RETURNING key)
SELECT count(*) FROM told;

-- name: media_adopt :many
-- Gives what the store has and nobody knows of a row, so that it is removed as any other blob is, or is
-- needed by whoever brings the same meanwhile. $1 keys, $2 their bytes. → keys that had none.
WITH adopted AS (
    INSERT INTO blobs (key, bytes, public) SELECT key, bytes, true
        FROM unnest($1::text[], $2::bigint[]) AS s (key, bytes)
    ON CONFLICT DO NOTHING RETURNING key
), told AS (INSERT INTO unsettled (key) SELECT key FROM adopted)
SELECT key FROM adopted;

-- name: media_known_blobs :many
-- Those of the keys that have a row. $1 keys.
SELECT key FROM blobs WHERE key = ANY ($1::text[]);

-- name: media_blobs_after :many
-- All blobs in the order of their keys. $1 after this one, $2 how many. → key, bytes, public.
SELECT key, bytes, public FROM blobs WHERE key > $1 ORDER BY key LIMIT $2;

-- name: media_users_of_blob :many
-- Which media that a worker has finished need a blob. $1 key. → id, whether it has an original of another
-- content.
SELECT DISTINCT f.media_id, EXISTS (SELECT FROM files AS o
    WHERE o.media_id = f.media_id AND o.name = 'original' AND o.key <> f.key)
FROM files AS f JOIN items AS i ON i.id = f.media_id WHERE f.key = $1 AND i.state <> 0 ORDER BY f.media_id;

-- name: media_unsettle :exec
-- The store is to be looked at for a blob, which it does not show to everybody as far as we know. $1 key.
WITH hidden AS (UPDATE blobs SET public = false WHERE key = $1 RETURNING key)
INSERT INTO unsettled (key) SELECT key FROM hidden;

-- name: media_loose :many
-- Media that have been attached to nothing for too long. $1 seconds, $2 how many. Columns as in media.sql.
SELECT id, owner_id, state, kind, purpose, bytes, source, target_kind, target_id, public, version, attempts,
    progress
FROM items WHERE target_id IS NULL AND changed_at < now() - $1::bigint * interval '1 second'
ORDER BY changed_at LIMIT $2;

-- name: media_to_check :many
-- Media attached to posts that nobody has looked after for long. $1 seconds, $2 how many. → id, owner, post.
SELECT id, owner_id, target_id FROM items
WHERE target_id IS NOT NULL AND target_kind = 'post' AND checked_at < now() - $1::bigint * interval '1 second'
ORDER BY checked_at LIMIT $2;

-- name: media_checked :exec
-- $1 ids.
UPDATE items SET checked_at = now() WHERE id = ANY ($1::bigint[]);

-- name: media_old_uploads :many
-- Uploads in pieces that nobody goes on with. $1 seconds, $2 how many. → id.
SELECT id FROM uploads WHERE changed_at < now() - $1::bigint * interval '1 second' ORDER BY changed_at
       LIMIT $2;

-- name: media_upload_drop :exec
-- $1 id, $2 seconds: only while nobody goes on with it.
DELETE FROM uploads WHERE id = $1 AND changed_at < now() - $2::bigint * interval '1 second';

-- name: media_known_sources :many
-- Those of the ids that an upload, whole or in pieces, still needs a file of. $1 ids.
SELECT id FROM items WHERE id = ANY ($1::bigint[]) AND source <> ''
UNION SELECT id FROM uploads WHERE id = ANY ($1::bigint[]);

-- name: media_kinds :many
-- → kind, how many media, their bytes.
SELECT kind, count(*), sum(bytes)::bigint FROM items GROUP BY kind ORDER BY kind;

-- name: media_owners :many
-- Who uses most. $1 how many. → member, how many media, bytes.
SELECT owner_id, count(*), sum(bytes)::bigint FROM items GROUP BY owner_id ORDER BY 3 DESC, 1 LIMIT $1;

-- name: media_sums :one
-- $1 seconds after which what is loose goes, $2 the same for blobs. → media, bytes, waiting, failed, blobs,
-- their bytes; loose media, their bytes; loose blobs, their bytes.
SELECT i.n, i.bytes, i.waiting, i.failed, b.n, b.bytes, l.n, l.bytes, o.n, o.bytes
FROM (SELECT count(*) AS n, coalesce(sum(bytes), 0)::bigint AS bytes,
    count(*) FILTER (WHERE state = 0) AS waiting,
        count(*) FILTER (WHERE state = 2) AS failed FROM items) AS i,
    (SELECT count(*) AS n, coalesce(sum(bytes), 0)::bigint AS bytes FROM blobs) AS b,
    (SELECT count(*) AS n, coalesce(sum(bytes), 0)::bigint AS bytes FROM items
        WHERE target_id IS NULL AND changed_at < now() - $1::bigint * interval '1 second') AS l,
    (SELECT count(*) AS n, coalesce(sum(bytes), 0)::bigint AS bytes FROM blobs AS x
        WHERE x.created_at < now() - $2::bigint * interval '1 second'
            AND NOT EXISTS (SELECT FROM files AS f WHERE f.key = x.key)) AS o;

-- name: media_failures :many
-- What failed last. $1 how many. Columns as in media.sql.
SELECT id, owner_id, state, kind, purpose, bytes, source, target_kind, target_id, public, version, attempts,
    progress
FROM items WHERE state = 2 ORDER BY id DESC LIMIT $1;

-- name: media_rederive :many
-- Files are made anew of the originals. $1 a medium, 0: all, $2 kind, 0: all, $3 after this id, $4 how many.
-- → id.
UPDATE items SET due_at = now(), attempts = 0 WHERE id IN (
    SELECT i.id FROM items AS i JOIN files AS f ON f.media_id = i.id AND f.name = 'original'
    WHERE ($1::bigint = 0 OR i.id = $1) AND ($2::bigint = 0 OR i.kind = $2) AND i.id > $3 AND i.due_at IS NULL
    ORDER BY i.id LIMIT $4)
RETURNING id;
