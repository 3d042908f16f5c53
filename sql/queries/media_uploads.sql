-- Uploads in pieces (role deeplink_media, schema media).
-- Columns of one, everywhere: id, owner, bytes, here, sha256, file name, purpose, when it changed.

-- name: media_upload_open :one
-- What a member has begun: $1 member. → bytes, how many.
SELECT coalesce(sum(bytes), 0)::bigint, count(*) FROM uploads WHERE owner_id = $1;

-- name: media_upload_begin :exec
-- $1 id, $2 owner, $3 bytes, $4 sha256, $5 file name, $6 purpose.
INSERT INTO uploads (id, owner_id, bytes, sha256, file_name, purpose) VALUES ($1, $2, $3, $4, $5, $6);

-- name: media_upload :maybe
-- $1 id, $2 owner.
SELECT id, owner_id, bytes, here, sha256, file_name, purpose, changed_at FROM uploads
WHERE id = $1 AND owner_id = $2;

-- name: media_upload_here :maybe
-- So many bytes are there. $1 id, $2 how many were, $3 how many are.
UPDATE uploads SET here = $3, changed_at = now() WHERE id = $1 AND here = $2
RETURNING id, owner_id, bytes, here, sha256, file_name, purpose, changed_at;

-- name: media_upload_end :exec
-- $1 id, $2 owner.
DELETE FROM uploads WHERE id = $1 AND owner_id = $2;

-- name: media_upload_of_owner :many
-- $1 member. → all that it has begun.
SELECT id FROM uploads WHERE owner_id = $1;
