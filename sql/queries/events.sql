-- The bus, as role deeplink_events.

-- name: events_next_node :one
-- A number for id_set_node(), unlike those of the last 1,022 processes. Any service's role may ask.
SELECT nextval('events.node');

-- name: events_listen :exec
LISTEN outbox;

-- name: events_unhurried :exec
-- What this session notes is not waited for until it is on the disk. It stands in the same log behind what
-- consumers have committed: a crash may lose the latest notes, so that events come again, never the reverse.
SELECT set_config('synchronous_commit', 'off', false);

-- name: events_lock :one
-- Makes this session the only one that runs the consumer, or not.
SELECT pg_try_advisory_lock(hashtextextended('consumer ' || $1::text, 0));

-- name: events_unlock :exec
SELECT pg_advisory_unlock(hashtextextended('consumer ' || $1::text, 0));

-- name: events_start :one
-- Where the consumer is. One that is new begins with the oldest event there is.
INSERT INTO events.consumer AS c (name, xid, id, starts) VALUES ($1, '0', 0, 1)
ON CONFLICT (name) DO UPDATE SET starts = c.starts + 1
RETURNING xid, id, next_offset, starts, tries;

-- name: events_start_partition :one
-- Where consumer $2 is in partition $4 of topic $3, under the name $1. One that is new does not repeat what
-- it handled when it read the outbox itself.
INSERT INTO events.consumer AS c (name, consumer, topic, partition, xid, id, starts)
SELECT $1, $2, $3, $4::integer, coalesce(b.xid, '0'), coalesce(b.id, 0), 1
FROM (VALUES (1)) AS one LEFT JOIN events.consumer AS b ON b.name = $2
ON CONFLICT (name) DO UPDATE SET starts = c.starts + 1
RETURNING xid, id, next_offset, starts, tries;

-- name: events_stopped :exec
-- What comes to an end in good order is not counted among the crashes.
UPDATE events.consumer SET starts = 0, tries = 0 WHERE name = $1;

-- name: events_try :exec
UPDATE events.consumer SET tries = tries + 1 WHERE name = $1;

-- name: events_advance :many
-- Notes how far consumers are. $1 names, $2 and $3 and $4 where they were, $5 and $6 and $7 where they are.
-- Touches nobody whom somebody else has moved meanwhile, and gives the names of the others.
UPDATE events.consumer AS c
SET xid = n.to_xid::text::xid8, id = n.to_id, next_offset = n.to_offset, starts = 0, tries = 0,
    updated_at = now()
FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[])
     AS n (name, xid, id, from_offset, to_xid, to_id, to_offset)
WHERE c.name = n.name AND c.xid = n.xid::text::xid8 AND c.id = n.id AND c.next_offset = n.from_offset
RETURNING c.name;

-- name: events_read :many
-- Events behind ($1, $2) up to ($3, $4) of topics $5 (NULL: of all), at most $6, in order. Only those before
-- every transaction that is still running, whose oldest is in the first column of every row: there is one
-- row, of NULLs else, where there is no event.
SELECT head.xid, o.xid, o.id, o.topic, o.key, o.type, o.body, o.created_at
FROM (SELECT pg_snapshot_xmin(pg_current_snapshot()) AS xid) AS head
LEFT JOIN LATERAL (
    SELECT * FROM events.outbox
    WHERE (xid, id) > ($1::xid8, $2::bigint) AND (xid, id) <= ($3::xid8, $4::bigint)
      AND xid < head.xid AND ($5::text[] IS NULL OR topic = ANY ($5::text[]))
    ORDER BY xid, id LIMIT $6
) AS o ON true
ORDER BY o.xid, o.id;

-- name: events_on_disk :exec
-- What this session has read is on the disk after it, also what was committed without waiting: a broker keeps
-- what it got, and no crash of the database may take that back.
SELECT set_config('synchronous_commit', 'on', true), pg_logical_emit_message(true, 'deeplink', '');

-- name: events_failed :exec
-- $10: tried again after so many milliseconds; 0: a dead letter.
INSERT INTO events.failed (consumer, event_id, topic, key, type, body, created_at, attempts, error, next_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8::integer, $9,
        CASE WHEN $10::bigint > 0 THEN now() + $10::bigint * interval '1 millisecond' END)
ON CONFLICT (consumer, event_id) DO NOTHING;

-- name: events_who_is_due :many
SELECT DISTINCT consumer FROM events.failed WHERE next_at <= now();

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

-- name: events_published :many
-- The relay has published everything from ($1, $2) to ($3, $4): the offsets $8 after the last event of
-- partitions $6 of $7 of topics $5 are noted. A row, unless somebody else has moved the relay meanwhile.
WITH moved AS (
    UPDATE events.consumer
    SET xid = $3::xid8, id = $4::bigint, starts = 0, tries = 0, updated_at = now()
    WHERE name = 'relay' AND xid = $1::xid8 AND id = $2::bigint
    RETURNING name
), noted AS (
    INSERT INTO events.published (topic, partition, partitions, next_offset)
    SELECT n.topic, n.partition::integer, n.partitions::integer, n.next_offset
    FROM unnest($5::text[], $6::bigint[], $7::bigint[], $8::bigint[])
         AS n (topic, partition, partitions, next_offset)
    WHERE EXISTS (SELECT FROM moved)
    ON CONFLICT (topic, partition) DO UPDATE
    SET partitions = excluded.partitions, next_offset = excluded.next_offset
)
SELECT name FROM moved;

-- name: events_expire :exec
-- Removes, a few at a time, what every consumer has handled ($1: what the relay has published) and nobody
-- will set a consumer back to. A consumer that has not run for a month counts no more.
DELETE FROM events.outbox AS o USING (
    SELECT xid, id FROM events.outbox
    WHERE (xid, id) <= (SELECT xid, id FROM events.consumer
                        WHERE updated_at > now() - interval '30 days' AND topic IS NULL
                          AND (name = 'relay') = $1::boolean
                        ORDER BY xid, id LIMIT 1)
      AND created_at < now() - (SELECT keep FROM events.settings)
    ORDER BY xid, id LIMIT 1000 FOR UPDATE SKIP LOCKED) AS old
WHERE o.xid = old.xid AND o.id = old.id;

-- name: events_forget :exec
-- What acted so long ago that its event is nowhere any more.
DELETE FROM events.acted AS a USING (
    SELECT consumer, event_id FROM events.acted
    WHERE at < now() - (SELECT remember FROM events.settings) LIMIT 1000) AS old
WHERE a.consumer = old.consumer AND a.event_id = old.event_id;

-- name: events_lag :one
-- What a consumer has not handled yet (at most 100,000 are counted), and the age of the oldest in ms; how
-- many it failed on and tries again, and how many are dead letters.
SELECT count(*), coalesce((extract(epoch FROM clock_timestamp() - min(created_at)) * 1000)::bigint, 0),
       (SELECT count(*) FROM events.failed WHERE consumer = $1 AND next_at IS NOT NULL),
       (SELECT count(*) FROM events.failed WHERE consumer = $1 AND next_at IS NULL)
FROM (SELECT o.created_at FROM events.outbox AS o
      WHERE (o.xid, o.id) > (coalesce((SELECT xid FROM events.consumer WHERE name = $1), '0'),
                             coalesce((SELECT id FROM events.consumer WHERE name = $1), 0))
        AND o.topic = ANY ($2::text[])
      ORDER BY o.xid, o.id LIMIT 100000) AS waiting;

-- name: events_lag_published :one
-- The same where a relay publishes the outbox: what is not published yet, and what is and was not handled.
WITH relay AS (
    SELECT coalesce((SELECT xid FROM events.consumer WHERE name = 'relay'), '0') AS xid,
           coalesce((SELECT id FROM events.consumer WHERE name = 'relay'), 0) AS id
), unpublished AS (
    SELECT count(*) AS n, min(created_at) AS oldest
    FROM (SELECT o.created_at FROM events.outbox AS o, relay
          WHERE (o.xid, o.id) > (relay.xid, relay.id) AND o.topic = ANY ($2::text[])
          ORDER BY o.xid, o.id LIMIT 100000) AS waiting
), unhandled AS (
    SELECT coalesce(sum(p.next_offset - coalesce(greatest(c.next_offset, 0), 0)), 0)::bigint AS n,
           min((SELECT o.created_at FROM events.outbox AS o, relay
                WHERE o.topic = p.topic AND events.partition_of(o.key, p.partitions) = p.partition
                  AND (o.xid, o.id) > (coalesce(c.xid, '0'), coalesce(c.id, 0))
                  AND (o.xid, o.id) <= (relay.xid, relay.id)
                ORDER BY o.xid, o.id LIMIT 1)) AS oldest
    FROM events.published AS p
    LEFT JOIN events.consumer AS c ON c.consumer = $1 AND c.topic = p.topic AND c.partition = p.partition
    WHERE p.topic = ANY ($2::text[]) AND p.next_offset > coalesce(greatest(c.next_offset, 0), 0)
)
SELECT u.n + h.n,
       coalesce((extract(epoch FROM clock_timestamp() - least(u.oldest, h.oldest)) * 1000)::bigint, 0),
       (SELECT count(*) FROM events.failed WHERE consumer = $1 AND next_at IS NOT NULL),
       (SELECT count(*) FROM events.failed WHERE consumer = $1 AND next_at IS NULL)
FROM unpublished AS u, unhandled AS h;

-- name: events_lag_relay :one
-- What the relay has not published yet.
SELECT count(*), coalesce((extract(epoch FROM clock_timestamp() - min(created_at)) * 1000)::bigint, 0)
FROM (SELECT o.created_at FROM events.outbox AS o
      WHERE (o.xid, o.id) > (coalesce((SELECT xid FROM events.consumer WHERE name = 'relay'), '0'),
                             coalesce((SELECT id FROM events.consumer WHERE name = 'relay'), 0))
      ORDER BY o.xid, o.id LIMIT 100000) AS waiting;

-- name: events_tail :many
-- The last events (of topic $1; NULL: of all) with an id above $2, at most $3, oldest first.
SELECT id, topic, key, type, body, created_at
FROM (SELECT * FROM events.outbox
      WHERE id > $2::bigint AND ($1::text IS NULL OR topic = $1)
      ORDER BY xid DESC, id DESC LIMIT $3) AS last
ORDER BY xid, id;

-- name: events_before_time :one
-- The place just before the first event since $1; none when all are older. The start, when events from before
-- $1 are not kept any more.
SELECT CASE WHEN o.is_first THEN '0' ELSE o.xid END, CASE WHEN o.is_first THEN 0 ELSE o.id - 1 END
FROM (SELECT xid, id, created_at, lag(id) OVER (ORDER BY xid, id) IS NULL AS is_first FROM events.outbox) AS o
WHERE o.created_at >= $1 ORDER BY o.xid, o.id LIMIT 1;

-- name: events_before_event :one
-- The place just before an event, and when it was.
SELECT xid, id - 1, created_at FROM events.outbox WHERE id = $1;

-- name: events_rewind :many
-- Sets a consumer of the outbox back, and tells whoever runs it.
UPDATE events.consumer SET xid = $2::xid8, id = $3::bigint, starts = 0, tries = 0, updated_at = now()
WHERE name = $1 AND topic IS NULL
RETURNING pg_notify('outbox', 'moved')::text;

-- name: events_rewind_partitions :many
-- The same in the partitions of a broker: $4 topics, $5 partitions, $6 the offset from which to read.
UPDATE events.consumer AS c
SET xid = $2::xid8, id = $3::bigint, next_offset = n.next_offset, starts = 0, tries = 0,
    updated_at = now()
FROM unnest($4::text[], $5::bigint[], $6::bigint[]) AS n (topic, partition, next_offset)
WHERE c.consumer = $1 AND c.topic = n.topic AND c.partition = n.partition
RETURNING pg_notify('outbox', 'moved')::text;

-- name: events_partitions :many
-- Where a consumer stands in a broker's partitions.
SELECT topic, partition, next_offset FROM events.consumer WHERE consumer = $1 ORDER BY topic, partition;

-- name: events_dead :many
SELECT id, consumer, topic, type, error, key, created_at, attempts FROM events.failed
WHERE next_at IS NULL ORDER BY id DESC LIMIT $1;

-- name: events_replay :exec
-- $1: the consumer, NULL for all; $2: the letter, 0 for all.
UPDATE events.failed SET next_at = now()
WHERE next_at IS NULL AND consumer = coalesce($1, consumer) AND ($2::bigint = 0 OR id = $2);
