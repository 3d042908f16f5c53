-- Links in profiles (role deeplink_user, schema users).

-- name: user_links_sync :exec
-- What stands in the profiles of these members now is looked at, and nothing else. $1 members. By https
-- alone: what comes by http anybody on the way may have written. Who saves a profile again has unverified
-- links looked at anew, at most every ten minutes.
WITH wanted AS (
    SELECT DISTINCT a.id AS user_id, v.url
    FROM accounts a, unnest(a.field_values) AS v (url)
    WHERE a.id = ANY ($1::bigint[]) AND a.state = 2 AND v.url ~ '^https://'
), gone AS (
    DELETE FROM profile_links l WHERE l.user_id = ANY ($1::bigint[])
        AND NOT EXISTS (SELECT FROM wanted w WHERE w.user_id = l.user_id AND w.url = l.url)
)
INSERT INTO profile_links AS l (user_id, url) SELECT user_id, url FROM wanted
ON CONFLICT (user_id, url) DO UPDATE SET due_at = now()
WHERE l.verified_at IS NULL AND l.due_at > now() AND l.checked_at < now() - interval '10 minutes';

-- name: user_link_take :maybe
-- A link that is to be looked at, leased for two minutes, one of each member at once. $1 the lease. → member,
-- address, attempts, handle.
UPDATE profile_links l SET lease = $1, lease_until = now() + interval '2 minutes', attempts = l.attempts + 1
FROM accounts a
WHERE (l.user_id, l.url) = (
        SELECT user_id, url FROM profile_links
        WHERE due_at <= now() AND (lease_until IS NULL OR lease_until < now())
            AND user_id NOT IN (SELECT user_id FROM profile_links WHERE lease_until > now())
        ORDER BY due_at LIMIT 1 FOR UPDATE SKIP LOCKED)
    AND a.id = l.user_id
RETURNING l.user_id, l.url, l.attempts, a.handle;

-- name: user_link_checked :maybe
-- What came of it. $1 member, $2 address, $3 lease, $4 whether it links back, $5 when to look again. The card
-- has another version when that is news; then a row comes.
WITH old AS (
    SELECT user_id, url, verified_at FROM profile_links WHERE user_id = $1 AND url = $2 AND lease = $3
           FOR UPDATE
), noted AS (
    UPDATE profile_links l SET checked_at = now(), due_at = $5, lease = NULL, lease_until = NULL,
        attempts = 0,
        verified_at = CASE WHEN $4::boolean THEN coalesce(l.verified_at, now()) END
    FROM old WHERE l.user_id = old.user_id AND l.url = old.url
), changed AS (
    UPDATE accounts a SET version = version + 1 FROM old
    WHERE a.id = old.user_id AND (old.verified_at IS NULL) = $4::boolean
    RETURNING a.id, a.version
)
SELECT id, events.emit('user.v1', id, 'user.changed', pair_event(id, version))::text FROM changed;

-- name: user_link_later :exec
-- Nobody answered: as it was until then. $1 member, $2 address, $3 lease, $4 when to look again.
UPDATE profile_links SET due_at = $4, lease = NULL, lease_until = NULL
WHERE user_id = $1 AND url = $2 AND lease = $3;
