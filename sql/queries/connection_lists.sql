-- Lists that members keep of those they follow. A change is an event of graph.v1, whose consumer drops what
-- is kept of the owner's relations once more.

-- name: connection_lists :many
-- $1 owner. → id, title, replies, exclusive, members.
SELECT id, title, replies, exclusive, (SELECT count(*) FROM list_members WHERE list_id = lists.id)
FROM lists WHERE owner_id = $1 ORDER BY id;

-- name: connection_list_ids :many
-- What conn:rel has of them. $1 owner.
SELECT id FROM lists WHERE owner_id = $1;

-- name: connection_lists_with :many
-- Those of them that hold a member. $1 owner, $2 member.
SELECT l.id, l.title, l.replies, l.exclusive, (SELECT count(*) FROM list_members WHERE list_id = l.id)
FROM list_members m JOIN lists l ON l.id = m.list_id
WHERE m.owner_id = $1 AND m.member_id = $2 ORDER BY l.id;

-- name: connection_own_list :maybe
-- $1 owner, $2 list.
SELECT id, title, replies, exclusive, (SELECT count(*) FROM list_members WHERE list_id = lists.id)
FROM lists WHERE id = $2 AND owner_id = $1;

-- name: connection_list_create :maybe
-- $1 owner, $2 id, $3 title, $4 replies, $5 exclusive, $6 how many there may be. Nothing when there are as
-- many.
WITH added AS (
    INSERT INTO lists (id, owner_id, title, replies, exclusive)
    SELECT $2, $1, $3, $4::smallint, $5 WHERE (SELECT count(*) FROM lists WHERE owner_id = $1) < $6
    RETURNING id, title, replies, exclusive
)
SELECT id, title, replies, exclusive, 0::bigint, events.emit('graph.v1', $1, 'list.changed', ''::bytea)::text
FROM added;

-- name: connection_list_change :maybe
-- $1 owner, $2 list, $3 title, $4 replies, $5 exclusive: NULL where not said. Nothing when it is another's.
WITH changed AS (
    UPDATE lists SET title = coalesce($3, title), replies = coalesce($4::smallint, replies),
        exclusive = coalesce($5, exclusive)
    WHERE id = $2 AND owner_id = $1 RETURNING id, title, replies, exclusive
)
SELECT id, title, replies, exclusive, (SELECT count(*) FROM list_members WHERE list_id = $2),
       events.emit('graph.v1', $1, 'list.changed', ''::bytea)::text
FROM changed;

-- name: connection_list_delete :maybe
-- $1 owner, $2 list.
WITH gone AS (
    DELETE FROM lists WHERE id = $2 AND owner_id = $1 RETURNING id
)
SELECT id, events.emit('graph.v1', $1, 'list.changed', ''::bytea)::text FROM gone;

-- name: connection_list_members :many
-- Whom a list holds, as lists of edges are read. $1 list, $2 below this id, $3 above this one, $4 limit.
SELECT id, member_id, NULL::timestamptz FROM list_members WHERE list_id = $1 AND id < $2 AND id > $3
ORDER BY id DESC LIMIT $4;

-- name: connection_list_members_up :many
-- as: connection_list_members, those next above.

-- name: connection_list_add :maybe
-- All of them or nobody. $1 owner, $2 list, $3 members, each once, $4 ids for them, $5 how many it may hold.
-- Nothing when it is another's. → all are followed, some are on it already, it has room.
WITH owned AS (
    SELECT id FROM lists WHERE id = $2 AND owner_id = $1 FOR UPDATE
), followed AS (
    SELECT a.member, a.id FROM unnest($3::bigint[], $4::bigint[]) AS a (member, id)
    JOIN follows f ON f.follower_id = $1 AND f.followee_id = a.member FOR KEY SHARE OF f
), state AS (
    SELECT (SELECT count(*) FROM followed) = cardinality($3::bigint[]) AS are_followed,
           EXISTS (SELECT FROM list_members WHERE list_id = $2
               AND member_id = ANY ($3::bigint[])) AS are_there,
           (SELECT count(*) FROM list_members
           WHERE list_id = $2) + cardinality($3::bigint[]) <= $5 AS has_room
    FROM owned
), added AS (
    INSERT INTO list_members (list_id, owner_id, member_id, id)
    SELECT $2, $1, followed.member, followed.id FROM followed, state
    WHERE are_followed AND NOT are_there AND has_room ON CONFLICT DO NOTHING RETURNING 1
)
SELECT are_followed, are_there, has_room,
       CASE WHEN (SELECT count(*) FROM added) > 0
            THEN events.emit('graph.v1', $1, 'list.changed', ''::bytea)::text END
FROM state;

-- name: connection_list_remove :maybe
-- $1 owner, $2 list, $3 members. Nothing when it is another's. → how many were on it.
WITH owned AS (
    SELECT id FROM lists WHERE id = $2 AND owner_id = $1
), gone AS (
    DELETE FROM list_members WHERE list_id IN (SELECT id FROM owned) AND member_id = ANY ($3::bigint[])
    RETURNING 1
), done AS (
    SELECT (SELECT count(*) FROM gone) AS n FROM owned
)
SELECT n, CASE WHEN n > 0 THEN events.emit('graph.v1', $1, 'list.changed', ''::bytea)::text END FROM done;

-- name: connection_memberships :many
-- On whose lists members are. $1 members, $2 limit. → member, list, its owner, exclusive.
SELECT m.member_id, m.list_id, m.owner_id, l.exclusive FROM list_members m JOIN lists l ON l.id = m.list_id
WHERE m.member_id = ANY ($1::bigint[]) LIMIT $2;
