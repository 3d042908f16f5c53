-- Queries of the notification service (role deeplink_notification, schema notifications).
-- State: 0 shown, 1 held back, 2 told by other ways only, 3 undone, 4 dismissed.

-- name: notification_make :many
-- What members are to be told of. $1 ids, $2 members, $3 kinds, $4 actors, $5 objects, $6 posts, $7 group
-- keys, $8 states (0 to 2), $9 events, $10 details, $11 bodies of notification.created in hex, $12 kinds that
-- are told anew when they were read. One of its kind that is there already stays as it is, unless an older
-- event had the last say and it was undone since; the event is noted. → id, the four that make it one,
-- whether it is new (else this event has made it before). Nobody waits for the disk: the consumer's place,
-- which is written later into the same log, is lost with what was lost here, so that the event comes again.
WITH offered AS (
    SELECT o.* FROM set_config('synchronous_commit', 'off', true),
           unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[],
           $7::text[],
                         $8::bigint[], $9::bigint[], $10::text[], $11::text[])
        AS o (id, user_id, kind, actor_id, object_id, post_id, group_key, state, event_id, detail, body)
), made AS (
    INSERT INTO notifications AS n (id, user_id, kind, actor_id, object_id, post_id, group_key, state,
        event_id, made_by,
                                    detail, created_at)
    SELECT id, user_id, kind, actor_id, object_id, post_id, group_key, state, event_id, event_id, detail,
           now()
    FROM offered ORDER BY actor_id, user_id, kind, object_id
    ON CONFLICT (actor_id, user_id, kind, object_id) DO UPDATE
    SET (id, group_key, state, made_by, detail, created_at, event_id) = (
        SELECT CASE WHEN anew THEN excluded.id ELSE n.id END,
               CASE WHEN anew THEN excluded.group_key ELSE n.group_key END,
               CASE WHEN anew THEN excluded.state ELSE n.state END,
               CASE WHEN anew THEN excluded.event_id ELSE n.made_by END,
               CASE WHEN anew THEN excluded.detail ELSE n.detail END,
               CASE WHEN anew THEN now() ELSE n.created_at END, excluded.event_id
        FROM (SELECT n.state = 3 OR (n.state IN (0, 2) AND n.kind = ANY ($12::bigint[])
                  AND n.id <= coalesce((SELECT read_id FROM readers r WHERE r.user_id = n.user_id),
                      0)) AS anew
              OFFSET 0) AS d) -- worked out once, not for each of the seven
    WHERE n.event_id < excluded.event_id
    RETURNING n.id
), fresh AS (
    SELECT o.* FROM offered o JOIN made USING (id)
), asked AS (
    INSERT INTO requests AS r (id, user_id, from_id, post_id, created_at, updated_at)
    SELECT min(id), user_id, actor_id, max(post_id), now(), now() FROM fresh WHERE state = 1
    GROUP BY user_id, actor_id ORDER BY user_id, actor_id
    ON CONFLICT (user_id, from_id) DO UPDATE SET updated_at = now(),
        post_id = greatest(r.post_id, excluded.post_id)
), told AS (
    INSERT INTO events.outbox (topic, key, type, body)
    SELECT 'notify.v1', user_id, 'notification.created', decode(body, 'hex') FROM fresh WHERE state <> 1
)
SELECT id, user_id, kind, actor_id, object_id, true FROM fresh
UNION ALL
SELECT n.id, n.user_id, n.kind::bigint, n.actor_id, n.object_id, false
FROM offered o CROSS JOIN LATERAL ( -- each by its key, whatever the planner believes of the table
    SELECT * FROM notifications n WHERE n.user_id = o.user_id AND n.kind = o.kind AND n.actor_id = o.actor_id
        AND n.object_id = o.object_id LIMIT 1) AS n
WHERE n.made_by = o.event_id AND n.state = 0;

-- name: notification_undo :many
-- What is so no longer, unless it was read: $1 members, $2 kinds, $3 actors, $4 objects, $5 events, $6 kinds
-- that go also when they were read. → whose. Nobody waits for the disk (see notification_make).
UPDATE notifications n
SET event_id = u.event_id, state = CASE
    WHEN n.state = 1 OR n.kind = ANY ($6::bigint[])
        OR (n.state < 3 AND n.id > coalesce((SELECT read_id FROM readers r WHERE r.user_id = n.user_id), 0))
    THEN 3 ELSE n.state END
FROM set_config('synchronous_commit', 'off', true),
    unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[]) AS u (user_id, kind,
    actor_id, object_id, event_id)
WHERE n.user_id = u.user_id AND n.kind = u.kind AND n.actor_id = u.actor_id AND n.object_id = u.object_id
    AND n.event_id < u.event_id AND n.state < 3
RETURNING n.user_id;

-- name: notification_post_gone :many
-- All about posts that were deleted, but for what moderators did. $1 posts, $2 the kind that stays. → whose.
UPDATE notifications SET state = 3 WHERE post_id = ANY ($1::bigint[]) AND post_id <> 0 AND state < 3
    AND kind <> $2
RETURNING user_id;

-- name: notification_sever :many
-- What members were told of others before an event came between them. $1 members, $2 the others, $3 events. →
-- whose.
UPDATE notifications n SET state = 3
FROM unnest($1::bigint[], $2::bigint[], $3::bigint[]) AS s (user_id, actor_id, event_id)
WHERE n.user_id = s.user_id AND n.actor_id = s.actor_id AND n.state < 3 AND n.event_id < s.event_id
RETURNING n.user_id;

-- name: notification_hide :many
-- All that a member did, while it is suspended ($2) or from when it is back. → whose.
UPDATE notifications SET hidden = $2 WHERE actor_id = $1 AND hidden <> $2 RETURNING user_id;

-- name: notification_policies :many
-- $1 members. → member, the five. Those who have chosen.
SELECT user_id, not_following, not_followers, new_accounts, private_mentions, limited_accounts FROM policies
WHERE user_id = ANY ($1::bigint[]);

-- name: notification_accepted :many
-- $1 members, $2 senders: pairs. → those pairs that were accepted.
SELECT user_id, from_id FROM accepted
WHERE (user_id, from_id) IN (SELECT * FROM unnest($1::bigint[], $2::bigint[]));

-- name: notification_sweep :one
-- Up to $2 that are older than this id, and requests of which nothing is left. $1 id, $2 how many. → how
-- many.
WITH old AS (
    DELETE FROM notifications WHERE id < $1
        AND ctid = ANY (ARRAY(SELECT ctid FROM notifications WHERE id < $1 LIMIT $2)) RETURNING 1
), unasked AS (
    DELETE FROM requests r WHERE r.updated_at < now() - interval '1 day' AND NOT EXISTS (
        SELECT FROM notifications h WHERE h.user_id = r.user_id AND h.actor_id = r.from_id AND h.state = 1)
)
SELECT count(*) FROM old;

-- ---- Reading. Rows are: id, kind, actor, post, group key, when, detail, whether it is held back; of a group
-- how many, the oldest one's id, the latest 8 who did it (NULL of what is not grouped).

-- name: notification_list :many
-- $1 member, $2 below, $3 above, $4 how many, $5 kinds, $6 by whom or 0, $7 the highest state (1: also what
-- is held back), $8 kinds that are grouped: a group stands where its newest does, and nowhere else.
SELECT n.id, n.kind, n.actor_id, n.post_id, n.group_key, n.created_at, n.detail, n.state = 1,
       coalesce(g.n, 1), coalesce(g.oldest, n.id), g.sample
FROM (
    SELECT * FROM notifications n
    WHERE n.user_id = $1 AND n.id < $2 AND n.id > $3 AND n.state < 2 AND NOT n.hidden
        AND n.state <= $7::bigint
        AND n.kind = ANY ($5::bigint[]) AND ($6::bigint = 0 OR n.actor_id = $6)
        AND (n.kind <> ALL ($8::bigint[]) OR NOT EXISTS (
            SELECT FROM notifications m WHERE m.user_id = $1 AND m.group_key = n.group_key AND m.id > n.id
                AND m.state < 2 AND NOT m.hidden AND m.state <= $7::bigint
                    AND ($6::bigint = 0 OR m.actor_id = $6)))
    ORDER BY n.id DESC LIMIT $4
) AS n
LEFT JOIN LATERAL group_of($1, n.group_key, $7) AS g ON n.kind = ANY ($8::bigint[])
ORDER BY n.id DESC;

-- name: notification_list_up :many
-- as: notification_list, those next above.

-- name: notification_by_id :maybe
-- By itself. $1 member, $2 id.
SELECT n.id, n.kind, n.actor_id, n.post_id, n.group_key, n.created_at, n.detail, n.state = 1, 1::bigint, n.id,
       NULL::bigint[]
FROM notifications n
WHERE n.user_id = $1 AND n.id = $2 AND n.state < 2 AND NOT n.hidden;

-- name: notification_group :maybe
-- Its newest. $1 member, $2 key, $3 kinds that are grouped.
SELECT n.id, n.kind, n.actor_id, n.post_id, n.group_key, n.created_at, n.detail, n.state = 1,
       coalesce(g.n, 1), coalesce(g.oldest, n.id), g.sample
FROM (
    SELECT * FROM notifications n WHERE n.user_id = $1 AND n.group_key = $2 AND n.state = 0 AND NOT n.hidden
    ORDER BY n.id DESC LIMIT 1
) AS n
LEFT JOIN LATERAL group_of($1, n.group_key, 0) AS g ON n.kind = ANY ($3::bigint[]);

-- name: notification_group_actors :many
-- $1 member, $2 key, $3 below this notification, $4 how many. → notification, who did it.
SELECT id, actor_id FROM notifications
WHERE user_id = $1 AND group_key = $2 AND id < $3 AND state < 2 AND NOT hidden AND state = 0 ORDER BY id DESC
    LIMIT $4;

-- name: notification_count :one
-- Unread ones. $1 member, $2 how many are counted at most, $3 kinds, $4 by whom or 0, $5 kinds that are
-- grouped.
SELECT count(*) FROM (
    SELECT FROM notifications n
    WHERE n.user_id = $1 AND n.id > coalesce((SELECT read_id FROM readers WHERE user_id = $1), 0)
        AND n.state = 0
        AND NOT n.hidden AND n.kind = ANY ($3::bigint[]) AND ($4::bigint = 0 OR n.actor_id = $4)
        AND (n.kind <> ALL ($5::bigint[]) OR NOT EXISTS (
            SELECT FROM notifications m WHERE m.user_id = $1 AND m.group_key = n.group_key AND m.id > n.id
                AND m.state = 0 AND NOT m.hidden AND ($4::bigint = 0 OR m.actor_id = $4)))
    LIMIT $2) AS unread;

-- name: notification_reader :maybe
SELECT read_id, version, updated_at FROM readers WHERE user_id = $1;

-- name: notification_read :maybe
-- $1 member, $2 how far, $3 the version that this takes the place of, 0: any. No row when another version
-- stands there.
INSERT INTO readers AS r (user_id, read_id) SELECT $1, $2
WHERE $3::bigint = 0 OR EXISTS (SELECT FROM readers WHERE user_id = $1)
ON CONFLICT (user_id) DO UPDATE SET read_id = excluded.read_id, version = r.version + 1, updated_at = now()
WHERE $3::bigint = 0 OR r.version = $3::bigint
RETURNING read_id, version, updated_at;

-- name: notification_read_on :one
-- Never back: $1 member, $2 how far.
INSERT INTO readers AS r (user_id, read_id) VALUES ($1, $2)
ON CONFLICT (user_id) DO UPDATE
SET read_id = greatest(r.read_id, excluded.read_id), updated_at = now(),
    version = r.version + CASE WHEN excluded.read_id > r.read_id THEN 1 ELSE 0 END
RETURNING read_id, version, updated_at;

-- name: notification_dismiss :many
-- $1 member, $2 id.
UPDATE notifications SET state = 4 WHERE user_id = $1 AND id = $2 AND state < 2 RETURNING id;

-- name: notification_dismiss_group :many
-- $1 member, $2 key.
UPDATE notifications SET state = 4 WHERE user_id = $1 AND group_key = $2 AND state = 0 RETURNING id;

-- name: notification_clear :many
-- $1 member.
WITH asked AS (
    DELETE FROM requests WHERE user_id = $1
)
UPDATE notifications SET state = 4 WHERE user_id = $1 AND state < 2 RETURNING id;

-- ---- Policy and requests

-- name: notification_policy_set :exec
-- $1 member, the five.
INSERT INTO policies (user_id, not_following, not_followers, new_accounts, private_mentions, limited_accounts)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (user_id) DO UPDATE SET not_following = excluded.not_following,
    not_followers = excluded.not_followers,
    new_accounts = excluded.new_accounts, private_mentions = excluded.private_mentions,
    limited_accounts = excluded.limited_accounts;

-- name: notification_pending :one
-- At most 100 requests are counted. $1 member. → requests, what they hold.
SELECT count(*), coalesce(sum(n), 0)::bigint FROM (
    SELECT (SELECT count(*) FROM notifications h WHERE h.user_id = $1 AND h.actor_id = r.from_id
           AND h.state = 1
                AND NOT h.hidden) AS n
    FROM requests r WHERE r.user_id = $1 LIMIT 100) AS pending WHERE n > 0;

-- name: notification_requests :many
-- $1 member, $2 below, $3 above, $4 how many, $5 this one alone or 0. → id, sender, post, when, when last,
-- how many.
SELECT r.id, r.from_id, r.post_id, r.created_at, r.updated_at, h.n
FROM requests r CROSS JOIN LATERAL (
    SELECT count(*) AS n FROM notifications h
    WHERE h.user_id = $1 AND h.actor_id = r.from_id AND h.state = 1 AND NOT h.hidden) AS h
WHERE r.user_id = $1 AND r.id < $2 AND r.id > $3 AND ($5::bigint = 0 OR r.id = $5) AND h.n > 0
    ORDER BY r.id DESC
    LIMIT $4;

-- name: notification_requests_up :many
-- as: notification_requests, those next above.

-- name: notification_accept :many
-- What these senders did is shown, and from now on they are heard. $1 member, $2 requests. → requests.
WITH answered AS (
    DELETE FROM requests WHERE user_id = $1 AND id = ANY ($2::bigint[]) RETURNING id, from_id
), a AS (
    INSERT INTO accepted (user_id, from_id) SELECT $1, from_id FROM answered ON CONFLICT DO NOTHING
), shown AS (
    UPDATE notifications SET state = 0 WHERE user_id = $1 AND state = 1
        AND actor_id IN (SELECT from_id FROM answered)
)
SELECT id FROM answered;

-- name: notification_refuse :many
-- What these senders did goes. $1 member, $2 requests. → requests.
WITH answered AS (
    DELETE FROM requests WHERE user_id = $1 AND id = ANY ($2::bigint[]) RETURNING id, from_id
), gone AS (
    UPDATE notifications SET state = 4 WHERE user_id = $1 AND state = 1
        AND actor_id IN (SELECT from_id FROM answered)
)
SELECT id FROM answered;

-- name: notification_unread :many
-- At most 1,000 are counted. $1 members. → member, unread, requests, the newest one's id or 0.
SELECT u.id,
       (SELECT count(*) FROM (
            SELECT FROM notifications n WHERE n.user_id = u.id AND n.state = 0 AND NOT n.hidden
                AND n.id > coalesce((SELECT read_id FROM readers WHERE user_id = u.id), 0) LIMIT 1000) AS n),
       (SELECT count(*) FROM (
            SELECT FROM requests r WHERE r.user_id = u.id AND EXISTS (
                SELECT FROM notifications h WHERE h.user_id = u.id AND h.actor_id = r.from_id AND h.state = 1
                    AND NOT h.hidden) LIMIT 1000) AS r),
       coalesce((SELECT n.id FROM notifications n WHERE n.user_id = u.id AND n.state = 0 AND NOT n.hidden
                 ORDER BY n.id DESC LIMIT 1), 0)
FROM unnest($1::bigint[]) AS u (id);

-- name: notification_erase :many
-- A batch of what a member was told, and of what others were told of it. $1 who, $2 how many. → whose.
WITH picked AS (
    SELECT ctid FROM notifications WHERE user_id = $1 OR actor_id = $1 LIMIT $2
)
DELETE FROM notifications WHERE ctid = ANY (ARRAY(SELECT ctid FROM picked))
    AND (user_id = $1 OR actor_id = $1) RETURNING user_id;

-- name: notification_erase_requests :many
-- The same for what is held back, both ways. → whose.
DELETE FROM requests WHERE user_id = $1 OR from_id = $1 RETURNING user_id;

-- name: notification_erase_rest :exec
WITH a AS (
    DELETE FROM accepted WHERE user_id = $1 OR from_id = $1
), p AS (
    DELETE FROM policies WHERE user_id = $1
)
DELETE FROM readers WHERE user_id = $1;

-- name: notification_erase_on :one
-- There is more: another batch, behind what others wait for meanwhile. $1 who.
SELECT events.emit('erase.notification.v1', $1, 'user.erasing', ''::bytea)::text;
