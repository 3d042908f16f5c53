-- Link cards (role deeplink_media, schema media).

-- name: media_card_link :exec
-- A post links to a page. $1 post, $2 address, $3 the card's id if it is new, $4 the address's host, $5 who
-- wrote the post. A page that nobody has looked at for a day is looked at again; what is known of it already
-- is told meanwhile. It has the earliest turn of those who link to it.
WITH turn AS (
    SELECT greatest(now(), max(turn_at) + interval '5 seconds') AS at FROM cards
    WHERE asked_by = $5 AND due_at <= now()
), c AS (
    INSERT INTO cards AS c (id, url, host, asked_by, turn_at, due_at) SELECT $3, $2, $4, $5, at, now()
        FROM turn
    ON CONFLICT (url) DO UPDATE SET used_at = now(), host = excluded.host,
        due_at = CASE WHEN c.due_at IS NULL AND c.fetched_at < now() - interval '1 day' THEN now()
                 ELSE c.due_at END,
        asked_by = CASE WHEN c.due_at IS NULL OR c.turn_at > excluded.turn_at THEN excluded.asked_by
                   ELSE c.asked_by END,
        turn_at = CASE WHEN c.due_at IS NULL OR c.turn_at > excluded.turn_at THEN excluded.turn_at
                  ELSE c.turn_at END
    RETURNING c.id, c.state
)
INSERT INTO card_posts AS p (post_id, card_id, tell_at)
SELECT $1, c.id, CASE WHEN c.state <> 0 THEN now() END FROM c
ON CONFLICT (post_id) DO UPDATE
SET card_id = excluded.card_id, tell_at = excluded.tell_at, version = p.version + 1
WHERE p.card_id IS DISTINCT FROM excluded.card_id;

-- name: media_card_unlink :exec
-- These posts link to nothing any more. $1 posts.
UPDATE card_posts SET card_id = NULL, tell_at = now(), version = version + 1
WHERE post_id = ANY ($1::bigint[]) AND card_id IS NOT NULL;

-- name: media_card_forget :exec
-- These posts are gone. $1 posts.
DELETE FROM card_posts WHERE post_id = ANY ($1::bigint[]);

-- name: media_card_take :maybe
-- A page that is to be looked at. $1 the lease, $2 how many of one member, $3 how many of one host are looked
-- at at once. → id, address, attempts with this one, the picture's address, its medium (NULL: none).
WITH members AS (
    SELECT asked_by FROM cards WHERE lease_until > now() GROUP BY asked_by HAVING count(*) >= $2
), hosts AS (
    SELECT host FROM cards WHERE lease_until > now() AND host <> '' GROUP BY host HAVING count(*) >= $3
)
UPDATE cards SET lease = $1, lease_until = now() + interval '2 minutes', attempts = attempts + 1
WHERE id = (SELECT id FROM cards WHERE due_at <= now() AND (lease_until IS NULL OR lease_until < now())
                AND asked_by NOT IN (SELECT asked_by FROM members) AND host NOT IN (SELECT host FROM hosts)
            ORDER BY turn_at LIMIT 1 FOR UPDATE SKIP LOCKED)
RETURNING id, url, attempts, image_url, image_id;

-- name: media_card_found :maybe
-- What came of it. $1 id, $2 lease, $3 a packed LinkCard or NULL (there is none), $4 the picture's address,
-- $5 its medium or NULL, $6 words for the operator. → whether it is another one than before. No row: the
-- lease was over.
WITH old AS (SELECT id, state, card, image_id FROM cards WHERE id = $1 AND lease = $2 FOR UPDATE)
UPDATE cards c SET state = CASE WHEN $3::bytea IS NULL THEN 2 ELSE 1 END, card = $3, image_url = $4,
    image_id = $5, image = CASE WHEN c.image_id = $5 THEN c.image END, error = $6,
    lease = NULL, lease_until = NULL, attempts = 0, due_at = NULL, fetched_at = now()
FROM old WHERE c.id = old.id
RETURNING old.state <> c.state OR old.card IS DISTINCT FROM c.card OR old.image_id IS DISTINCT
    FROM c.image_id;

-- name: media_card_missed :maybe
-- Nothing came of it. $1 id, $2 lease, $3 when to try again, or NULL: then it stays as it was, without a card
-- when it had none. $4 words for the operator. → whether posts that wait are to hear that there is none.
WITH old AS (SELECT id, state FROM cards WHERE id = $1 AND lease = $2 FOR UPDATE)
UPDATE cards c SET due_at = $3, turn_at = coalesce($3, c.turn_at), lease = NULL, lease_until = NULL,
    error = $4,
    attempts = CASE WHEN $3::timestamptz IS NULL THEN 0 ELSE c.attempts END,
    fetched_at = CASE WHEN $3::timestamptz IS NULL THEN now() ELSE c.fetched_at END,
    state = CASE WHEN $3::timestamptz IS NULL AND c.state = 0 THEN 2 ELSE c.state END
FROM old WHERE c.id = old.id
RETURNING old.state <> c.state;

-- name: media_card_picture :many
-- A medium is ready. $1 the medium, $2 a packed MediaView, or NULL when it failed. → cards that show it now.
UPDATE cards SET image = $2 WHERE image_id = $1 AND image IS DISTINCT FROM $2::bytea RETURNING id;

-- name: media_card_tell :exec
-- All posts with these cards are to hear of them. $1 cards.
UPDATE card_posts SET tell_at = now(), version = version + 1 WHERE card_id = ANY ($1::bigint[]);

-- name: media_card_tell_take :many
-- Posts whose card is to be told now; they come again after a minute unless somebody says that it was done.
-- $1 how many. → post, version, packed card (NULL: none), packed picture (NULL: none).
WITH due AS (
    SELECT post_id FROM card_posts WHERE tell_at <= now() ORDER BY tell_at LIMIT $1 FOR UPDATE SKIP LOCKED
), taken AS (
    UPDATE card_posts p SET tell_at = now() + interval '1 minute' FROM due WHERE p.post_id = due.post_id
    RETURNING p.post_id, p.version, p.card_id
)
SELECT t.post_id, t.version, c.card, c.image FROM taken t LEFT JOIN cards c ON c.id = t.card_id;

-- name: media_card_told :exec
-- $1 post, $2 the version that was told, $3 whether the post is gone. What has no card needs no row.
WITH gone AS (
    DELETE FROM card_posts WHERE post_id = $1 AND version = $2 AND (card_id IS NULL OR $3)
)
UPDATE card_posts SET tell_at = NULL WHERE post_id = $1 AND version = $2 AND card_id IS NOT NULL AND NOT $3;

-- name: media_card_unused :many
-- Cards that no post has shown for a week, without their pictures from now on. $1 how many. → id.
UPDATE cards SET image_id = NULL, image = NULL, image_url = '', card = NULL, state = 0, due_at = NULL,
    fetched_at = 'epoch'
WHERE id IN (SELECT id FROM cards c WHERE used_at < now() - interval '7 days' AND due_at IS NULL
                 AND NOT EXISTS (SELECT FROM card_posts p WHERE p.card_id = c.id)
             ORDER BY used_at LIMIT $1 FOR UPDATE SKIP LOCKED)
RETURNING id;

-- name: media_card_drop :exec
-- Removes them, but for those that a post has come to link to since. $1 cards.
DELETE FROM cards c WHERE id = ANY ($1::bigint[]) AND used_at < now() - interval '7 days'
    AND NOT EXISTS (SELECT FROM card_posts p WHERE p.card_id = c.id);
