-- Queries of the notification service (role deeplink_notification, schema notifications).

-- name: notification_unread :one
-- At most 1,000 are counted. $1 member. → unread, requests, the newest one's id or 0.
SELECT (SELECT count(*) FROM (
            SELECT FROM notifications WHERE user_id = $1 AND state = 0 AND NOT hidden
                AND id > coalesce((SELECT read_id FROM readers WHERE user_id = $1), 0) LIMIT 1000) AS n),
       (SELECT count(*) FROM (
            SELECT FROM requests r WHERE r.user_id = $1 AND EXISTS (
                SELECT FROM notifications h WHERE h.user_id = $1 AND h.actor_id = r.from_id AND h.state = 1
                    AND NOT h.hidden) LIMIT 1000) AS r),
       coalesce((SELECT id FROM notifications WHERE user_id = $1 AND state = 0 AND NOT hidden
                 ORDER BY id DESC LIMIT 1), 0);

-- name: notification_erase :many
-- A batch of what a member was told, and of what others were told of it. $1 who, $2 how many. → whose.
WITH picked AS (
    SELECT id FROM notifications WHERE user_id = $1 OR actor_id = $1 LIMIT $2
)
DELETE FROM notifications WHERE id IN (SELECT id FROM picked) RETURNING user_id;

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
