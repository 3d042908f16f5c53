-- Queries of the post service about tags that members follow.

-- name: post_tag_follow :one
-- Unless the member follows as many as one may. $1 member, $2 folded tag, $3 id, $4 how many one may. →
-- whether it is followed now.
WITH made AS (
    INSERT INTO followed_tags (user_id, tag, id)
    SELECT $1::bigint, $2::text, $3::bigint
    WHERE (SELECT count(*) FROM followed_tags WHERE user_id = $1) < $4::bigint
    ON CONFLICT DO NOTHING RETURNING tag
), told AS (
    SELECT events.emit('tag.v1', $1, 'tag.followed', ''::bytea) FROM made
)
SELECT (SELECT count(*) FROM told) > 0 OR EXISTS (SELECT FROM followed_tags WHERE user_id = $1 AND tag = $2);

-- name: post_tag_unfollow :maybe
-- $1 member, $2 folded tag.
WITH gone AS (
    DELETE FROM followed_tags WHERE user_id = $1 AND tag = $2 RETURNING tag
)
SELECT events.emit('tag.v1', $1, 'tag.unfollowed', ''::bytea)::text FROM gone;

-- name: post_tags_followed :many
-- The latest first; with $5 the oldest first. $1 member, $2 below, $3 above, $4 how many. → tag, id.
SELECT tag, id FROM followed_tags WHERE user_id = $1 AND id < $2 AND id > $3
ORDER BY CASE WHEN $5::boolean THEN id ELSE -id END LIMIT $4;

-- name: post_tag_followers :many
-- Who follows some tags, by tag and member. $1 tags, $2 and $3 behind this tag and member, $4 how many. →
-- tag, member.
SELECT tag, user_id FROM followed_tags WHERE tag = ANY ($1::text[]) AND (tag, user_id) > ($2, $3)
ORDER BY tag, user_id LIMIT $4;
