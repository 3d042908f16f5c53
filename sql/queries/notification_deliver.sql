-- Queries of the notification service for what leaves the site: preferences, what waits to go out, Web Push,
-- webhooks.

-- ---- preferences

-- name: notification_preferences :many
-- Of those who chose something. $1 members. → member, version, kinds, channels, quiet, from, to, zone, caps
-- of hour and day, hour of the digest, and how many seconds the zone is ahead of UTC now.
SELECT user_id, version, kinds, channels, quiet, quiet_from, quiet_to, zone, hour_cap, day_cap, digest_hour,
       extract(epoch FROM (now() AT TIME ZONE zone) - (now() AT TIME ZONE 'UTC'))::int
FROM preferences WHERE user_id = ANY ($1::bigint[]);

-- name: notification_preferences_set :maybe
-- Nothing when the version is another one. $1 member, $2 the version it takes the place of (1: there is no
-- row yet; 0: any), $3… as above.
INSERT INTO preferences AS p (user_id, version, kinds, channels, quiet, quiet_from, quiet_to, zone, hour_cap,
    day_cap,
                              digest_hour)
SELECT $1::bigint, 2, $3::text[], $4::bigint[], $5::boolean, $6::int, $7::int, $8::text, $9::int, $10::int,
       $11::int
WHERE $2::bigint IN (0, 1) OR EXISTS (SELECT FROM preferences WHERE user_id = $1)
ON CONFLICT (user_id) DO UPDATE SET version = p.version + 1, kinds = excluded.kinds,
    channels = excluded.channels,
    quiet = excluded.quiet, quiet_from = excluded.quiet_from, quiet_to = excluded.quiet_to,
    zone = excluded.zone,
    hour_cap = excluded.hour_cap, day_cap = excluded.day_cap, digest_hour = excluded.digest_hour,
    updated_at = now()
WHERE $2::bigint IN (0, p.version)
RETURNING version;

-- name: notification_zone :one
-- Whether there is such a time zone. The view is slow, so only what is no other spelling of one is looked up.
SELECT EXISTS (SELECT FROM pg_catalog.pg_timezone_names WHERE name = $1::text AND name !~ '^(posix|right)/');

-- ---- what waits to go out

-- name: notification_outgoing_add :exec
-- Each once, however often it is asked for. $1 notifications, $2 channels, $3 targets, $4 members, $5 kinds,
-- $6 actors, $7 due and $9 made in ms since 1970, $8 held (0 or 1).
INSERT INTO outgoing (notification_id, channel, target_id, user_id, kind, actor_id, due_at, held, created_at)
SELECT notification_id, channel, target_id, user_id, kind, actor_id,
       'epoch'::timestamptz + due_ms * interval '1 millisecond', held = 1,
       'epoch'::timestamptz + created_ms * interval '1 millisecond'
FROM unnest($1::bigint[], $2::text[], $3::bigint[], $4::bigint[], $5::text[], $6::bigint[], $7::bigint[],
            $8::bigint[], $9::bigint[])
     AS o (notification_id, channel, target_id, user_id, kind, actor_id, due_ms, held, created_ms)
ON CONFLICT DO NOTHING;

-- name: notification_mail_times :one
-- $1 member, $2 cap of an hour, $3 cap of a day. → when the last instant mail went out, and those mails that
-- have to be an hour and a day old before another may.
SELECT (SELECT max(at) FROM mails WHERE user_id = $1 AND channel = 'email' AND at > now() - interval '1 day'),
       (SELECT at FROM mails WHERE user_id = $1 AND channel = 'email' AND at > now() - interval '1 day'
        ORDER BY at DESC OFFSET greatest($2::int - 1, 0) LIMIT 1),
       (SELECT at FROM mails WHERE user_id = $1 AND channel = 'email' AND at > now() - interval '1 day'
        ORDER BY at DESC OFFSET greatest($3::int - 1, 0) LIMIT 1);

-- name: notification_outgoing_take_mail :many
-- Leases all that waits for one mail to the member whose mail is due longest, whether the rest is due or not.
-- $1 lease. → notification, channel, member, kind, actor, attempts, first try, made.
WITH due AS (
    SELECT user_id, channel FROM outgoing o
    WHERE state = 0 AND channel IN ('email', 'digest') AND due_at <= now()
        AND (lease_until IS NULL OR lease_until < now())
        AND NOT EXISTS (SELECT FROM outgoing b WHERE b.user_id = o.user_id AND b.channel = o.channel
            AND b.state = 0
                        AND b.lease_until > now())
    ORDER BY due_at LIMIT 1 FOR UPDATE SKIP LOCKED
), mine AS (
    SELECT o.notification_id, o.channel, o.target_id FROM outgoing o JOIN due USING (user_id, channel)
    WHERE o.state = 0 AND (o.lease_until IS NULL OR o.lease_until < now())
    ORDER BY o.notification_id DESC LIMIT 500 FOR UPDATE OF o SKIP LOCKED
)
UPDATE outgoing o SET lease = $1, lease_until = now() + interval '2 minutes', attempts = o.attempts + 1,
    tried_at = coalesce(o.tried_at, now())
FROM mine WHERE (o.notification_id, o.channel, o.target_id) = (mine.notification_id, mine.channel,
    mine.target_id)
RETURNING o.notification_id, o.channel, o.target_id, o.user_id, o.kind, o.actor_id, o.attempts, o.tried_at,
    o.created_at,
    o.held;

-- name: notification_outgoing_take_push :many
-- Leases one push that is due; those that the same target got while it was quiet come along. $1 lease, $2
-- members who have to wait. The same columns.
WITH due AS (
    SELECT notification_id, target_id, user_id, held FROM outgoing
    WHERE state = 0 AND channel = 'push' AND due_at <= now() AND (lease_until IS NULL OR lease_until < now())
        AND user_id <> ALL ($2::bigint[])
    ORDER BY due_at LIMIT 1 FOR UPDATE SKIP LOCKED
), mine AS (
    SELECT o.notification_id, o.target_id FROM outgoing o JOIN due USING (user_id, target_id)
    WHERE o.channel = 'push' AND o.state = 0 AND (o.lease_until IS NULL OR o.lease_until < now())
        AND (o.notification_id = due.notification_id OR (due.held AND o.held AND o.due_at <= now()))
    FOR UPDATE OF o SKIP LOCKED
)
UPDATE outgoing o SET lease = $1, lease_until = now() + interval '2 minutes', attempts = o.attempts + 1,
    tried_at = coalesce(o.tried_at, now())
FROM mine WHERE o.channel = 'push' AND (o.notification_id, o.target_id) = (mine.notification_id,
    mine.target_id)
RETURNING o.notification_id, o.channel, o.target_id, o.user_id, o.kind, o.actor_id, o.attempts, o.tried_at,
    o.created_at,
    o.held;

-- name: notification_outgoing_news :many
-- What of these is still news: neither read, nor undone, dismissed or hidden. $1 member, $2 ids. → id, post,
-- detail.
SELECT n.id, n.post_id, n.detail FROM notifications n
WHERE n.user_id = $1 AND n.id = ANY ($2::bigint[]) AND n.state IN (0, 2) AND NOT n.hidden
    AND n.id > coalesce((SELECT read_id FROM readers WHERE user_id = $1), 0);

-- name: notification_outgoing_end :exec
-- These go out no more. $1 lease, $2 ids, $3 state, $4 why, $5 what it counts as.
WITH ended AS (
    UPDATE outgoing SET state = $3::int, why = $4::text, lease = NULL, lease_until = NULL
    WHERE lease = $1 AND state < 2 AND notification_id = ANY ($2::bigint[]) RETURNING channel
)
INSERT INTO sendings AS s (way, outcome, n) SELECT channel, $5::text, count(*) FROM ended GROUP BY channel
ON CONFLICT (way, outcome) DO UPDATE SET n = s.n + excluded.n;

-- name: notification_outgoing_later :exec
-- The rest of a lease waits. $1 lease, $2 until when, $3 held, $4 why: '' when nothing has failed.
WITH put_off AS (
    UPDATE outgoing SET state = 0, due_at = $2::timestamptz, held = $3::boolean, why = $4::text, lease = NULL,
        lease_until = NULL
    WHERE lease = $1 AND state < 2 RETURNING channel
)
INSERT INTO sendings AS s (way, outcome, n)
SELECT channel, 'failed', count(*) FROM put_off WHERE $4::text <> '' GROUP BY channel
ON CONFLICT (way, outcome) DO UPDATE SET n = s.n + excluded.n;

-- name: notification_outgoing_hand :many
-- Right before the other side can act: from here on these are not tried again unless it says no. $1 lease, $2
-- ids.
UPDATE outgoing SET state = 1 WHERE lease = $1 AND state = 0 AND lease_until > now()
    AND notification_id = ANY ($2::bigint[])
RETURNING notification_id;

-- name: notification_mail_add :exec
INSERT INTO mails (id, user_id, channel, at) VALUES ($1::bigint, $2::bigint, $3::text, now());

-- name: notification_mail_undo :exec
DELETE FROM mails WHERE id = $1;

-- name: notification_outgoing_lost :one
-- Handed over, and their worker died or heard nothing: nobody knows whether they arrived, so they are left. →
-- how many.
WITH lost AS (
    UPDATE outgoing SET state = 2, why = 'unknown', lease = NULL, lease_until = NULL
    WHERE state = 1 AND lease IS NOT NULL AND lease_until < now() - interval '10 minutes' RETURNING channel
), counted AS (
    INSERT INTO sendings AS s (way, outcome, n)
    SELECT channel, 'unknown', count(*) FROM lost GROUP BY channel
    ON CONFLICT (way, outcome) DO UPDATE SET n = s.n + excluded.n
)
SELECT count(*) FROM lost;

-- name: notification_sendings :many
-- For metrics. → way, how many wait, for how many ms the oldest of them has been due, and so far: sent, tries
-- that failed, dropped, unknown.
WITH waiting AS (
    SELECT channel AS way, count(*) AS n, min(due_at) AS due_at FROM outgoing WHERE state = 0 GROUP BY channel
    UNION ALL
    SELECT 'webhook', count(*), min(c.due_at) FROM hook_calls c JOIN hooks h ON h.id = c.hook_id
    WHERE c.state = 0 AND h.active
)
SELECT way, coalesce(n, 0),
       greatest(coalesce(extract(epoch FROM now() - due_at) * 1000, 0), 0)::bigint,
       so_far.sent, so_far.failed, so_far.dropped, so_far.unknown
FROM unnest(ARRAY['email', 'digest', 'push', 'webhook']) AS w (way) LEFT JOIN waiting USING (way)
CROSS JOIN LATERAL (
    SELECT coalesce(sum(s.n) FILTER (WHERE outcome = 'sent'), 0)::bigint AS sent,
           coalesce(sum(s.n) FILTER (WHERE outcome = 'failed'), 0)::bigint AS failed,
           coalesce(sum(s.n) FILTER (WHERE outcome = 'dropped'), 0)::bigint AS dropped,
           coalesce(sum(s.n) FILTER (WHERE outcome = 'unknown'), 0)::bigint AS unknown
    FROM sendings s WHERE s.way = w.way) AS so_far;

-- name: notification_outgoing_sweep :exec
-- What is older than any event that could come again. $1 days.
WITH m AS (
    DELETE FROM mails WHERE at < now() - interval '2 days'
), c AS (
    DELETE FROM hook_calls WHERE created_at < now() - make_interval(days => $1::int)
)
DELETE FROM outgoing WHERE state > 0 AND created_at < now() - make_interval(days => $1::int);

-- name: notification_delivery_erase :exec
-- Of a member whose account is gone.
WITH a AS (
    DELETE FROM preferences WHERE user_id = $1
), b AS (
    DELETE FROM pushes WHERE user_id = $1
), c AS (
    DELETE FROM mails WHERE user_id = $1
)
DELETE FROM outgoing WHERE user_id = $1 OR actor_id = $1;

-- ---- Web Push

-- name: notification_push :maybe
-- $1 member, $2 token or NULL, $3 session or NULL.
SELECT id, user_id, coalesce(token_id, 0), coalesce(session_id, 0), endpoint, p256dh, auth, standard, alerts,
       policy
FROM pushes WHERE user_id = $1 AND (token_id = $2 OR session_id = $3);

-- name: notification_pushes :many
-- Of each of the members $1 at most the latest 20; $2: that one alone, 0: all.
SELECT p.id, p.user_id, coalesce(token_id, 0), coalesce(session_id, 0), endpoint, p256dh, auth, standard,
       alerts, policy
FROM unnest($1::bigint[]) AS u (id) CROSS JOIN LATERAL (
    SELECT * FROM pushes WHERE user_id = u.id AND ($2::bigint = 0 OR id = $2) ORDER BY id DESC LIMIT 20
) AS p;

-- name: notification_push_add :maybe
-- In place of the one that the token or session has. $1 id, $2 member, $3 token or NULL, $4 session or NULL,
-- $5 endpoint, $6 and $7 keys, $8 standard, $9 alerts, $10 policy.
WITH gone AS (
    DELETE FROM pushes WHERE token_id = $3::bigint OR session_id = $4::bigint RETURNING id
), n AS (
    SELECT count(*) FROM gone
)
INSERT INTO pushes (id, user_id, token_id, session_id, endpoint, p256dh, auth, standard, alerts, policy)
SELECT $1::bigint, $2::bigint, $3::bigint, $4::bigint, $5::text, $6::text, $7::text, $8::boolean, $9::text[],
       $10::text
FROM n
ON CONFLICT DO NOTHING RETURNING id;

-- name: notification_push_change :maybe
-- $1 member, $2 token, $3 alerts, $4 policy.
UPDATE pushes SET alerts = $3::text[], policy = $4::text WHERE user_id = $1 AND token_id = $2
RETURNING id, user_id, coalesce(token_id, 0), coalesce(session_id, 0), endpoint, p256dh, auth, standard,
    alerts, policy;

-- name: notification_push_end :exec
-- $1 member, $2 token or NULL, $3 session or NULL.
DELETE FROM pushes WHERE user_id = $1 AND (token_id = $2 OR session_id = $3);

-- name: notification_push_gone :exec
DELETE FROM pushes WHERE id = ANY ($1::bigint[]);

-- ---- webhooks

-- name: notification_hooks :many
-- $1: that one alone; 0: all.
SELECT id, url, events, active, version, created_at, failing_since, disabled_at, salt FROM hooks
WHERE $1::bigint = 0 OR id = $1 ORDER BY id;

-- name: notification_hook_add :one
-- $1 id, $2 url, $3 events, $4 salt, $5 by whom, $6 what the audit log says.
WITH made AS (
    INSERT INTO hooks (id, url, events, salt, made_by)
        VALUES ($1::bigint, $2::text, $3::text[], $4::bytea, $5::bigint)
    RETURNING id
)
SELECT events.emit('user.security.v1', 0, 'user.security', $6::bytea)::text FROM made;

-- name: notification_hook_change :maybe
-- Nothing when the version is another one. One that is switched on again begins anew. $1 id, $2 version or 0,
-- $3 url, $4 events, $5 active, $6 what the audit log says.
WITH changed AS (
    UPDATE hooks SET url = $3::text, events = $4::text[], active = $5::boolean, version = version + 1,
        failing_since = CASE WHEN $5::boolean THEN NULL ELSE failing_since END, disabled_at = NULL
    WHERE id = $1 AND $2::bigint IN (0, version) RETURNING id
)
SELECT events.emit('user.security.v1', 0, 'user.security', $6::bytea)::text FROM changed;

-- name: notification_hook_drop :maybe
WITH gone AS (
    DELETE FROM hooks WHERE id = $1 RETURNING id
)
SELECT events.emit('user.security.v1', 0, 'user.security', $2::bytea)::text FROM gone;

-- name: notification_hooks_wanting :many
-- Who wants to hear of which events, and did when they happened. $1 their names, $2 when, in ms. → which of
-- them, from 1, and the hook.
SELECT e.n, h.id
FROM unnest($1::text[], $2::bigint[]) WITH ORDINALITY AS e (event, at, n)
JOIN hooks h ON h.active AND e.event = ANY (h.events)
    AND date_trunc('milliseconds', h.created_at) <= timestamptz 'epoch' + e.at * interval '1 millisecond'
ORDER BY e.n, h.id;

-- name: notification_hook_call_add :exec
-- Once for each event. $1 ids of calls, $2 hooks, $3 event of the bus, $4 its name, $5 bodies.
INSERT INTO hook_calls (id, hook_id, event_id, event, body)
SELECT c, h, $3::bigint, $4::text, b FROM unnest($1::bigint[], $2::bigint[], $5::text[]) AS x (c, h, b)
ON CONFLICT DO NOTHING;

-- name: notification_hook_take :maybe
-- Leases a call that is due. $1 lease, $2 hooks that have to wait. → call, hook, url, salt, event, body,
-- attempts, made.
WITH due AS (
    SELECT c.id FROM hook_calls c JOIN hooks h ON h.id = c.hook_id
    WHERE c.state = 0 AND c.due_at <= now() AND (c.lease_until IS NULL OR c.lease_until < now()) AND h.active
        AND c.hook_id <> ALL ($2::bigint[])
    ORDER BY c.due_at, c.id LIMIT 1 FOR UPDATE OF c SKIP LOCKED
)
UPDATE hook_calls c SET lease = $1, lease_until = now() + interval '2 minutes', attempts = c.attempts + 1
FROM due, hooks h WHERE c.id = due.id AND h.id = c.hook_id
RETURNING c.id, h.id, h.url, h.salt, c.event, c.body, c.attempts, c.created_at;

-- name: notification_hook_done :exec
-- $1 call, $2 lease, $3 status.
WITH c AS (
    UPDATE hook_calls SET state = 1, status = $3::int, error = '', done_at = now(), lease = NULL,
        lease_until = NULL
    WHERE id = $1 AND lease = $2 RETURNING hook_id
), counted AS (
    INSERT INTO sendings AS s (way, outcome, n) SELECT 'webhook', 'sent', 1 FROM c
    ON CONFLICT (way, outcome) DO UPDATE SET n = s.n + 1
)
UPDATE hooks SET failing_since = NULL WHERE id IN (SELECT hook_id FROM c) AND failing_since IS NOT NULL;

-- name: notification_hook_failed :maybe
-- $1 call, $2 lease, $3 status, $4 error, $5 when to try again; NULL: never. A hook that has failed for a
-- day, whatever it was called for, is switched off; then its id and url come back. $6 what the audit log says
-- of that.
WITH c AS (
    UPDATE hook_calls SET state = CASE WHEN $5::timestamptz IS NULL THEN 2 ELSE 0 END, status = $3::int,
        error = $4::text,
        due_at = coalesce($5::timestamptz, due_at), done_at = CASE WHEN $5::timestamptz IS NULL THEN now()
        END, lease = NULL, lease_until = NULL
    WHERE id = $1 AND lease = $2 RETURNING hook_id
), counted AS (
    INSERT INTO sendings AS s (way, outcome, n) SELECT 'webhook', 'failed', 1 FROM c
    ON CONFLICT (way, outcome) DO UPDATE SET n = s.n + 1
), h AS (
    UPDATE hooks SET failing_since = coalesce(failing_since, now()),
        active = active AND coalesce(failing_since > now() - interval '1 day', true),
        disabled_at = CASE WHEN active AND failing_since <= now() - interval '1 day' THEN now()
        ELSE disabled_at END,
        version = version + CASE WHEN active AND failing_since <= now() - interval '1 day' THEN 1 ELSE 0 END
    WHERE id IN (SELECT hook_id FROM c) RETURNING id, url, disabled_at
)
SELECT id, url, events.emit('user.security.v1', 0, 'user.security', $6::bytea)::text FROM h
       WHERE disabled_at = now();

-- name: notification_hook_calls :many
-- $1 hook, $2 below this call; 0: from the top, $3 how many.
SELECT id, event, state, attempts, status, error, created_at, done_at, due_at FROM hook_calls
WHERE hook_id = $1 AND ($2::bigint = 0 OR id < $2) ORDER BY id DESC LIMIT $3::int;
