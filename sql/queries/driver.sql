-- What every connection can do, whatever its service.

-- name: tx_begin :exec
BEGIN;

-- name: tx_commit :exec
COMMIT;

-- name: tx_rollback :exec
ROLLBACK;

-- name: wake_consumers :exec
-- Tells whoever waits for events that there is one. A transaction of its own: inside the one that writes the
-- event, NOTIFY would make all of those commit one after the other.
SELECT pg_notify('outbox', '');
