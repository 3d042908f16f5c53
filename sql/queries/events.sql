-- The built-in bus, as role deeplink_events.

-- name: events_next_node :one
-- A number for id_set_node(), unlike those of the last 1,022 processes. Any service's role may ask.
SELECT nextval('events.node');

-- name: events_listen :exec
LISTEN outbox;

-- name: events_lock :one
-- Makes this session the only one that runs the consumer, or not.
SELECT pg_try_advisory_lock(hashtextextended('consumer ' || $1::text, 0));

-- name: events_start :one
-- Where the consumer is. One that is new begins with the oldest event there is.
INSERT INTO events.consumer AS c (name, xid, id, starts) VALUES ($1, '0', 0, 1)
ON CONFLICT (name) DO UPDATE SET starts = c.starts + 1
RETURNING xid, id, starts, tries;

-- name: events_stopped :exec
-- What comes to an end in good order is not counted among the crashes.
UPDATE events.consumer SET starts = 0, tries = 0 WHERE name = $1;

-- name: events_try :exec
UPDATE events.consumer SET tries = tries + 1 WHERE name = $1;

-- name: events_advance :many
-- Notes how far consumers are. $1 names, $2 and $3 where they were, $4 and $5 where they are. Touches nobody
-- whom somebody else has moved meanwhile, and gives the names of the others.
UPDATE events.consumer AS c
SET xid = n.to_xid::text::xid8, id = n.to_id, starts = 0, tries = 0, updated_at = now()
FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[])
     AS n (name, xid, id, to_xid, to_id)
WHERE c.name = n.name AND c.xid = n.xid::text::xid8 AND c.id = n.id
RETURNING c.name;

-- name: events_read :many
-- Events behind ($1, $2) up to ($3, $4) of topics $5, at most $6, in order. Only those before every
-- transaction that is still running, whose oldest is in the first column of every row: there is one row, of
-- NULLs else, where there is no event.
SELECT head.xid, o.xid, o.id, o.topic, o.key, o.type, o.body, o.created_at
FROM (SELECT pg_snapshot_xmin(pg_current_snapshot()) AS xid) AS head
LEFT JOIN LATERAL (
    SELECT * FROM events.outbox
    WHERE (xid, id) > ($1::xid8, $2::bigint) AND (xid, id) <= ($3::xid8, $4::bigint)
      AND xid < head.xid AND topic = ANY ($5::text[])
    ORDER BY xid, id LIMIT $6
) AS o ON true
ORDER BY o.xid, o.id;

-- name: events_failed :exec
-- $10: tried again after so many milliseconds; 0: a dead letter.
INSERT INTO events.failed (consumer, event_id, topic, key, type, body, created_at, attempts, error, next_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8::integer, $9,
        CASE WHEN $10::bigint > 0 THEN now() + $10::bigint * interval '1 millisecond' END)
ON CONFLICT (consumer, event_id) DO NOTHING;

-- name: events_due :many
SELECT id, event_id, topic, key, type, body, created_at, attempts FROM events.failed
WHERE consumer = $1 AND next_at <= now() ORDER BY event_id LIMIT 20;

-- name: events_failed_again :exec
UPDATE events.failed
SET attempts = $2, error = $3, failed_at = now(),
    next_at = CASE WHEN $4::bigint > 0 THEN now() + $4::bigint * interval '1 millisecond' END
WHERE id = $1;

-- name: events_failed_done :exec
DELETE FROM events.failed WHERE id = $1;

-- name: events_expire :exec
-- Removes, a few at a time, what every consumer has handled and nobody will set a consumer back to. A
-- consumer that has not run for a month counts no more.
DELETE FROM events.outbox AS o USING (
    SELECT xid, id FROM events.outbox
    WHERE (xid, id) <= (SELECT xid, id FROM events.consumer WHERE updated_at > now() - interval '30 days'
                        ORDER BY xid, id LIMIT 1)
      AND created_at < now() - (SELECT keep FROM events.settings)
    ORDER BY xid, id LIMIT 1000 FOR UPDATE SKIP LOCKED) AS old
WHERE o.xid = old.xid AND o.id = old.id;

-- name: events_lag :one
-- What a consumer has not handled yet (at most 100,000 are counted), and the age of the oldest in ms.
SELECT count(*), coalesce((extract(epoch FROM clock_timestamp() - min(created_at)) * 1000)::bigint, 0)
FROM (SELECT o.created_at FROM events.outbox AS o
      WHERE (o.xid, o.id) > (coalesce((SELECT xid FROM events.consumer WHERE name = $1), '0'),
                             coalesce((SELECT id FROM events.consumer WHERE name = $1), 0))
        AND o.topic = ANY ($2::text[])
      ORDER BY o.xid, o.id LIMIT 100000) AS waiting;

-- name: events_dead :many
SELECT id, consumer, topic, type, error, key, created_at, attempts FROM events.failed
WHERE next_at IS NULL ORDER BY id DESC LIMIT $1;

-- name: events_replay :exec
-- $1: the consumer, NULL for all; $2: the letter, 0 for all.
UPDATE events.failed SET next_at = now()
WHERE next_at IS NULL AND consumer = coalesce($1, consumer) AND ($2::bigint = 0 OR id = $2);
