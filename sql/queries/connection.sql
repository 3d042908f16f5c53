-- Queries of the connection service (role deeplink_connection, schema connections).
-- Changes are one statement each: the edge, both members' counts and the event, or nothing of it.

-- name: connection_follow :one
-- $1 actor, $2 target, $3 edge id, $4 event body, $5 reposts, $6 notify, $7 languages: NULL where not said.
-- Nothing when either blocks the other, or it is there already and nothing is said of it.
WITH free AS (
    SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM blocks WHERE (blocker_id = $1 AND blocked_id = $2)
                                                       OR (blocker_id = $2 AND blocked_id = $1))
), added AS (
    INSERT INTO follows AS f (follower_id, followee_id, id, reposts, notify, languages)
    SELECT $1, $2, $3, coalesce($5::boolean, true), coalesce($6::boolean, false),
        coalesce($7::text[], '{}') FROM free
    ON CONFLICT (follower_id, followee_id) DO UPDATE SET reposts = coalesce($5::boolean, f.reposts),
        notify = coalesce($6::boolean, f.notify), languages = coalesce($7::text[], f.languages)
        WHERE num_nonnulls($5::boolean, $6::boolean, $7::text[]) > 0
    RETURNING xmax = 0 AS is_new
), asked AS (
    DELETE FROM requests WHERE requester_id = $1 AND target_id = $2 RETURNING 1
), done AS (
    SELECT (SELECT count(*) FROM added WHERE is_new)::int AS a,
        (SELECT count(*) FROM added WHERE NOT is_new)::int AS m, (SELECT count(*) FROM asked)::int AS q
)
SELECT EXISTS (SELECT 1 FROM free), a + m = 1, bump($1, 0, a, 0, $2, a, 0, -q)::text,
       CASE WHEN a = 1 THEN events.emit('graph.v1', $1, 'follow.added', $4)::text
            WHEN m = 1 THEN events.emit('graph.v1', $1, 'follow.changed', $4)::text END
FROM done;

-- name: connection_request :one
-- $1 actor, $2 target, $3 edge id, $4 event body, $5 reposts, $6 notify, $7 languages as above. Nothing when
-- either blocks the other. What is said of a request that is there, or of a follow, is kept.
WITH free AS (
    SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM blocks WHERE (blocker_id = $1 AND blocked_id = $2)
                                                       OR (blocker_id = $2 AND blocked_id = $1))
), added AS (
    INSERT INTO requests AS r (requester_id, target_id, id, reposts, notify, languages)
    SELECT $1, $2, $3, coalesce($5::boolean, true), coalesce($6::boolean, false), coalesce($7::text[], '{}')
    FROM free WHERE NOT EXISTS (SELECT 1 FROM follows WHERE follower_id = $1 AND followee_id = $2)
    ON CONFLICT (requester_id, target_id) DO UPDATE SET reposts = coalesce($5::boolean, r.reposts),
        notify = coalesce($6::boolean, r.notify), languages = coalesce($7::text[], r.languages)
        WHERE num_nonnulls($5::boolean, $6::boolean, $7::text[]) > 0
    RETURNING xmax = 0 AS is_new
), followed AS (
    UPDATE follows AS f SET reposts = coalesce($5::boolean, f.reposts),
        notify = coalesce($6::boolean, f.notify), languages = coalesce($7::text[], f.languages)
    WHERE f.follower_id = $1 AND f.followee_id = $2
        AND num_nonnulls($5::boolean, $6::boolean, $7::text[]) > 0
    RETURNING 1
), done AS (
    SELECT (SELECT count(*) FROM added WHERE is_new)::int AS a,
        (SELECT count(*) FROM added WHERE NOT is_new)::int + (SELECT count(*) FROM followed)::int AS m
)
SELECT EXISTS (SELECT 1 FROM free), a + m = 1, bump_one($2, 0, 0, a)::text,
       CASE WHEN a = 1 THEN events.emit('graph.v1', $1, 'follow.requested', $4)::text
            WHEN m = 1 THEN events.emit('graph.v1', $1, 'follow.changed', ''::bytea)::text END
FROM done;

-- name: connection_unfollow :one
-- $1 actor, $2 target, $3 event body. A request is withdrawn too.
WITH gone AS (
    DELETE FROM follows WHERE follower_id = $1 AND followee_id = $2 RETURNING 1
), asked AS (
    DELETE FROM requests WHERE requester_id = $1 AND target_id = $2 RETURNING 1
), done AS (
    SELECT (SELECT count(*) FROM gone)::int AS g, (SELECT count(*) FROM asked)::int AS q
)
SELECT g + q > 0, bump($1, 0, -g, 0, $2, -g, 0, -q)::text,
       CASE WHEN g + q > 0 THEN events.emit('graph.v1', $1, 'follow.removed', $3)::text END
FROM done;

-- name: connection_accept :one
-- $1 target (who answers), $2 requester, $3 edge id, $4 event body.
WITH asked AS (
    DELETE FROM requests WHERE requester_id = $2 AND target_id = $1 RETURNING reposts, notify, languages
), added AS (
    INSERT INTO follows (follower_id, followee_id, id, reposts, notify, languages)
    SELECT $2, $1, $3, reposts, notify, languages FROM asked ON CONFLICT DO NOTHING RETURNING 1
), done AS (
    SELECT (SELECT count(*) FROM asked)::int AS q, (SELECT count(*) FROM added)::int AS a
)
SELECT q = 1, bump($1, a, 0, -q, $2, 0, a, 0)::text,
       CASE WHEN q = 1 THEN events.emit('graph.v1', $2, 'follow.added', $4)::text END
FROM done;

-- name: connection_reject :one
-- $1 target (who answers), $2 requester, $3 event body.
WITH asked AS (
    DELETE FROM requests WHERE requester_id = $2 AND target_id = $1 RETURNING 1
), done AS (
    SELECT (SELECT count(*) FROM asked)::int AS q
)
SELECT q = 1, bump_one($1, 0, 0, -q)::text,
       CASE WHEN q = 1 THEN events.emit('graph.v1', $2, 'follow.rejected', $3)::text END
FROM done;

-- name: connection_block :one
-- $1 actor, $2 target, $3 edge id, $4 event body. Follows and requests between the two end.
WITH added AS (
    INSERT INTO blocks (blocker_id, blocked_id, id) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING RETURNING 1
), ours AS (
    DELETE FROM follows WHERE follower_id = $1 AND followee_id = $2 RETURNING 1
), theirs AS (
    DELETE FROM follows WHERE follower_id = $2 AND followee_id = $1 RETURNING 1
), we_asked AS (
    DELETE FROM requests WHERE requester_id = $1 AND target_id = $2 RETURNING 1
), they_asked AS (
    DELETE FROM requests WHERE requester_id = $2 AND target_id = $1 RETURNING 1
), done AS (
    SELECT (SELECT count(*) FROM added)::int AS a, (SELECT count(*) FROM ours)::int AS o,
           (SELECT count(*) FROM theirs)::int AS t,
           (SELECT count(*) FROM we_asked)::int AS wq, (SELECT count(*) FROM they_asked)::int AS tq
)
SELECT a = 1, bump($1, -t, -o, -tq, $2, -o, -t, -wq)::text,
       CASE WHEN a = 1 THEN events.emit('graph.v1', $1, 'block.added', $4)::text END
FROM done;

-- name: connection_unblock :one
-- $1 actor, $2 target, $3 event body.
WITH gone AS (
    DELETE FROM blocks WHERE blocker_id = $1 AND blocked_id = $2 RETURNING 1
)
SELECT count(*) = 1, CASE WHEN count(*) = 1 THEN events.emit('graph.v1', $1, 'block.removed', $3)::text END
       FROM gone;

-- name: connection_mute :one
-- $1 actor, $2 target, $3 edge id, $4 until or NULL, $5 event body. A mute that is there gets the new end.
WITH added AS (
    INSERT INTO mutes (muter_id, muted_id, id, until) VALUES ($1, $2, $3, $4::timestamptz)
    ON CONFLICT (muter_id, muted_id) DO UPDATE SET until = excluded.until RETURNING 1
)
SELECT events.emit('graph.v1', $1, 'mute.added', $5)::text FROM added;

-- name: connection_unmute :one
-- $1 actor, $2 target, $3 event body.
WITH gone AS (
    DELETE FROM mutes WHERE muter_id = $1 AND muted_id = $2 RETURNING 1
)
SELECT count(*) = 1, CASE WHEN count(*) = 1 THEN events.emit('graph.v1', $1, 'mute.removed', $3)::text END
       FROM gone;

-- name: connection_edges :many
-- All edges of a viewer that conn:rel holds. $1 viewer. → other, bits, mute's end (see
-- handlers/common/edge.h).
SELECT other, sum(bits)::int, max(until)
FROM (SELECT followee_id AS other, 1 + follow_bits(reposts, notify, languages) AS bits,
          NULL::timestamptz AS until FROM follows WHERE follower_id = $1
      UNION ALL SELECT target_id, 4 + follow_bits(reposts, notify, languages), NULL FROM requests
          WHERE requester_id = $1
      UNION ALL SELECT blocked_id, 16, NULL FROM blocks WHERE blocker_id = $1
      UNION ALL SELECT blocker_id, 32, NULL FROM blocks WHERE blocked_id = $1
      UNION ALL SELECT muted_id, 64, until FROM mutes WHERE muter_id = $1
          AND (until IS NULL OR until > now())
      UNION ALL SELECT DISTINCT m.member_id, 2048, NULL::timestamptz
          FROM lists l JOIN list_members m ON m.list_id = l.id WHERE l.owner_id = $1 AND l.exclusive) AS e
GROUP BY other;

-- name: connection_relationships :many
-- $1 viewer, $2 targets. → target, bits, mute's end, languages of a follow. Only targets with any edge.
SELECT other, sum(bits)::int, max(until), max(languages)
FROM (SELECT followee_id AS other, 1 + follow_bits(reposts, notify, languages) AS bits,
          NULL::timestamptz AS until, languages
      FROM follows WHERE follower_id = $1 AND followee_id = ANY ($2::bigint[])
      UNION ALL SELECT follower_id, 2, NULL, NULL FROM follows WHERE followee_id = $1
          AND follower_id = ANY ($2::bigint[])
      UNION ALL SELECT target_id, 4 + follow_bits(reposts, notify, languages), NULL, languages FROM requests
          WHERE requester_id = $1 AND target_id = ANY ($2::bigint[])
      UNION ALL SELECT requester_id, 8, NULL, NULL FROM requests WHERE target_id = $1
          AND requester_id = ANY ($2::bigint[])
      UNION ALL SELECT blocked_id, 16, NULL, NULL FROM blocks WHERE blocker_id = $1
          AND blocked_id = ANY ($2::bigint[])
      UNION ALL SELECT blocker_id, 32, NULL, NULL FROM blocks WHERE blocked_id = $1
          AND blocker_id = ANY ($2::bigint[])
      UNION ALL SELECT muted_id, 64, until, NULL FROM mutes
                WHERE muter_id = $1 AND muted_id = ANY ($2::bigint[])
                    AND (until IS NULL OR until > now())
      UNION ALL SELECT DISTINCT m.member_id, 2048, NULL::timestamptz, NULL::text[]
          FROM list_members m JOIN lists l ON l.id = m.list_id
          WHERE m.owner_id = $1 AND m.member_id = ANY ($2::bigint[]) AND l.exclusive) AS e
GROUP BY other;

-- name: connection_pairs :many
-- $1 viewers, $2 targets: pairs. → what stands between the two, of each pair in order.
SELECT (SELECT coalesce(sum(bits), 0)::int FROM (
            SELECT 1 AS bits FROM follows WHERE follower_id = v AND followee_id = t
            UNION ALL SELECT 2 FROM follows WHERE follower_id = t AND followee_id = v
            UNION ALL SELECT 4 FROM requests WHERE requester_id = v AND target_id = t
            UNION ALL SELECT 8 FROM requests WHERE requester_id = t AND target_id = v
            UNION ALL SELECT 16 FROM blocks WHERE blocker_id = v AND blocked_id = t
            UNION ALL SELECT 32 FROM blocks WHERE blocker_id = t AND blocked_id = v
            UNION ALL SELECT 64 FROM mutes WHERE muter_id = v AND muted_id = t
                AND (until IS NULL OR until > now())) AS e)
FROM unnest($1::bigint[], $2::bigint[]) WITH ORDINALITY AS p (v, t, n) ORDER BY n;

-- name: connection_counts :many
-- $1 members. → member, followers, following, requests. Only those who have any.
SELECT user_id, followers, following, requests FROM counts WHERE user_id = ANY ($1::bigint[]);

-- Lists of edges: $1 member, $2 below this edge id, $3 above this one, $4 limit. _up: the oldest of them.

-- name: connection_followers :many
SELECT id, follower_id, NULL::timestamptz FROM follows WHERE followee_id = $1 AND id < $2 AND id > $3
ORDER BY id DESC LIMIT $4;

-- name: connection_followers_up :many
-- as: connection_followers, those next above.

-- name: connection_following :many
SELECT id, followee_id, NULL::timestamptz FROM follows WHERE follower_id = $1 AND id < $2 AND id > $3
ORDER BY id DESC LIMIT $4;

-- name: connection_following_up :many
-- as: connection_following, those next above.

-- name: connection_requests :many
SELECT id, requester_id, NULL::timestamptz FROM requests WHERE target_id = $1 AND id < $2 AND id > $3
ORDER BY id DESC LIMIT $4;

-- name: connection_requests_up :many
-- as: connection_requests, those next above.

-- name: connection_blocks :many
SELECT id, blocked_id, NULL::timestamptz FROM blocks WHERE blocker_id = $1 AND id < $2 AND id > $3
ORDER BY id DESC LIMIT $4;

-- name: connection_blocks_up :many
-- as: connection_blocks, those next above.

-- name: connection_mutes :many
SELECT id, muted_id, until FROM mutes WHERE muter_id = $1 AND id < $2 AND id > $3
       AND (until IS NULL OR until > now())
ORDER BY id DESC LIMIT $4;

-- name: connection_mutes_up :many
-- as: connection_mutes, those next above.

-- name: connection_follower_ids :many
-- $1 member, $2 after (member id), $3 limit; ascending.
SELECT follower_id FROM follows WHERE followee_id = $1 AND follower_id > $2 ORDER BY follower_id LIMIT $3;

-- name: connection_followee_ids :many
SELECT followee_id FROM follows WHERE follower_id = $1 AND followee_id > $2 ORDER BY followee_id LIMIT $3;

-- name: connection_severed_among :many
-- Those of $2 who block $1 or whom $1 blocks.
SELECT blocked_id FROM blocks WHERE blocker_id = $1 AND blocked_id = ANY ($2::bigint[])
UNION SELECT blocker_id FROM blocks WHERE blocked_id = $1 AND blocker_id = ANY ($2::bigint[]);

-- name: connection_followers_of :many
-- $1 members, $2 how many of each → member, the lowest of the followers' ids.
SELECT member, ARRAY(SELECT follower_id FROM follows WHERE followee_id = member ORDER BY follower_id LIMIT $2)
FROM unnest($1::bigint[]) AS member;

-- name: connection_narrow_follows :many
-- Follows of some that do not bring all their posts. $1 members, $2 limit → follower, member, reposts,
-- languages.
SELECT follower_id, followee_id, reposts, languages FROM follows
WHERE followee_id = ANY ($1::bigint[]) AND (NOT reposts OR languages <> '{}') LIMIT $2;

-- name: connection_notified_of :many
-- The same of those followers who want to be told of each new post, and whose follow brings its language: $3,
-- one for each member, '' where it is not known. "pt" brings "pt-BR", too.
SELECT member, ARRAY(SELECT follower_id FROM follows WHERE followee_id = member AND notify
       AND (language = '' OR languages = '{}' OR EXISTS (
           SELECT FROM unnest(languages) AS l
           WHERE starts_with(lower(language) || '-', lower(l) || '-')))
       ORDER BY follower_id LIMIT $2)
FROM unnest($1::bigint[], $3::text[]) WITH ORDINALITY AS asked (member, language, place) ORDER BY place;

-- name: connection_followers_among :many
-- Those of $2 who follow $1.
SELECT follower_id FROM follows WHERE followee_id = $1 AND follower_id = ANY ($2::bigint[]);

-- name: connection_suggest :many
-- Whom those one follows follow, most first; then the most followed. $1 viewer, $2 limit. → member, how many
-- in common. NOT IN keeps the order of the index, which a join would read the whole of.
WITH mine AS (
    SELECT followee_id AS id FROM follows WHERE follower_id = $1 ORDER BY follows.id DESC LIMIT 300
), hidden AS (
    SELECT followee_id AS id FROM follows WHERE follower_id = $1
    UNION ALL SELECT target_id FROM requests WHERE requester_id = $1
    UNION ALL SELECT blocked_id FROM blocks WHERE blocker_id = $1
    UNION ALL SELECT blocker_id FROM blocks WHERE blocked_id = $1
    UNION ALL SELECT muted_id FROM mutes WHERE muter_id = $1
    UNION ALL SELECT dismissed_id FROM dismissed WHERE user_id = $1
    UNION ALL SELECT $1
), near AS (
    SELECT f.followee_id AS id, count(*) AS n FROM mine JOIN follows f ON f.follower_id = mine.id
    WHERE NOT EXISTS (SELECT 1 FROM hidden h WHERE h.id = f.followee_id)
    GROUP BY f.followee_id ORDER BY n DESC, f.followee_id LIMIT $2
), known AS (
    SELECT user_id AS id, 0::bigint AS n FROM counts
    WHERE followers > 0 AND user_id NOT IN (SELECT id FROM hidden) AND user_id NOT IN (SELECT id FROM near)
    ORDER BY followers DESC, user_id LIMIT $2
)
SELECT id, n FROM (SELECT id, n, 0 AS rank FROM near UNION ALL SELECT id, n, 1 FROM known) AS all_of_them
ORDER BY rank, n DESC LIMIT $2;

-- name: connection_import :one
-- $1 followers, $2 followees, $3 edge ids: pairs, all at once. Counts are taken from the rows afterwards. →
-- how many were new.
WITH added AS (
    INSERT INTO follows (follower_id, followee_id, id)
    SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[]) AS p (a, b, id) WHERE p.a <> p.b
    ON CONFLICT DO NOTHING RETURNING follower_id, followee_id
), delta AS (
    SELECT user_id, sum(followers) AS followers, sum(following) AS following
    FROM (SELECT followee_id AS user_id, 1 AS followers, 0 AS following FROM added
          UNION ALL SELECT follower_id, 0, 1 FROM added) AS d
    GROUP BY user_id ORDER BY user_id
), counted AS (
    INSERT INTO counts AS c (user_id, followers, following)
    SELECT user_id, followers, following FROM delta ORDER BY user_id
    ON CONFLICT (user_id) DO UPDATE
    SET followers = c.followers + excluded.followers, following = c.following + excluded.following
)
SELECT (SELECT count(*) FROM added),
       (SELECT count(events.emit('graph.v1', follower_id, 'follow.imported', ''::bytea)::text)
        FROM (SELECT DISTINCT follower_id FROM added) AS who);

-- name: connection_follows_how_many :one
SELECT coalesce((SELECT following FROM counts WHERE user_id = $1), 0);

-- name: connection_refresh_statistics :one
SELECT refresh_statistics()::text;

-- name: connection_dismiss :exec
INSERT INTO dismissed (user_id, dismissed_id) VALUES ($1, $2) ON CONFLICT DO NOTHING;

-- name: connection_familiar :many
-- Those who follow the targets ($2) and are followed by the viewer ($1), the latest first, at most $3 each.
SELECT t.id, f.follower_id
FROM unnest($2::bigint[]) AS t (id) CROSS JOIN LATERAL (
    SELECT f.follower_id FROM follows f JOIN follows m ON m.follower_id = $1 AND m.followee_id = f.follower_id
    WHERE f.followee_id = t.id ORDER BY f.id DESC LIMIT $3) AS f;

-- name: connection_notes :many
SELECT about_id, text FROM notes WHERE user_id = $1 AND about_id = ANY ($2::bigint[]);

-- name: connection_note_set :exec
INSERT INTO notes (user_id, about_id, text) VALUES ($1, $2, $3)
ON CONFLICT (user_id, about_id) DO UPDATE SET text = excluded.text;

-- name: connection_note_unset :exec
DELETE FROM notes WHERE user_id = $1 AND about_id = $2;

-- name: connection_erase_edges :many
-- Edges that are left of a member, both ways, in any order: kind, from whom, to whom. $1 who, $2 how many.
SELECT * FROM (
    SELECT 'f', follower_id, followee_id FROM follows WHERE follower_id = $1
    UNION ALL SELECT 'f', follower_id, followee_id FROM follows WHERE followee_id = $1
    UNION ALL SELECT 'r', requester_id, target_id FROM requests WHERE requester_id = $1
    UNION ALL SELECT 'r', requester_id, target_id FROM requests WHERE target_id = $1
    UNION ALL SELECT 'b', blocker_id, blocked_id FROM blocks WHERE blocker_id = $1
    UNION ALL SELECT 'b', blocker_id, blocked_id FROM blocks WHERE blocked_id = $1
    UNION ALL SELECT 'm', muter_id, muted_id FROM mutes WHERE muter_id = $1
    UNION ALL SELECT 'm', muter_id, muted_id FROM mutes WHERE muted_id = $1
) AS edges LIMIT $2;

-- name: connection_erase_rest :exec
-- What was theirs alone.
WITH unlisted AS (
    DELETE FROM lists WHERE owner_id = $1
), unnoted AS (
    DELETE FROM notes WHERE user_id = $1
), suggested AS (
    DELETE FROM dismissed WHERE user_id = $1
)
DELETE FROM counts WHERE user_id = $1;

-- name: connection_erase_on :one
-- There is more: another batch, behind what others wait for meanwhile. $1 who.
SELECT events.emit('erase.connection.v1', $1, 'user.erasing', ''::bytea)::text;
