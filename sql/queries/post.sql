-- Queries of the post service (role deeplink_post, schema posts).
-- Changes are one statement each: the row, the counters and the event, or nothing of it.

-- ---- Posts ------------------------------------------------------------------------------------------------

-- name: post_by_ids :many
-- Everything of some posts, tombstones too. $1 ids.
SELECT p.id, p.author_id, p.in_reply_to_id, p.in_reply_to_author_id, p.root_id, p.repost_of_id,
       p.repost_of_author_id,
       p.audience, p.sensitive, p.revision, p.html, p.excerpt, p.warning, p.language, p.mentions, p.handles,
       p.tags,
       p.created_at, p.edited_at, p.pinned_at, p.deleted_at IS NOT NULL,
       s.version, s.likes, s.reposts, s.comments, p.app_name, p.app_website, m.views, p.card
FROM posts p LEFT JOIN stats s ON s.post_id = p.id LEFT JOIN media m ON m.post_id = p.id
WHERE p.id = ANY ($1::bigint[]);

-- name: post_after :many
-- The same of those with a greater id that are not deleted. $1 the last id that is known, $2 how many.
SELECT p.id, p.author_id, p.in_reply_to_id, p.in_reply_to_author_id, p.root_id, p.repost_of_id,
       p.repost_of_author_id,
       p.audience, p.sensitive, p.revision, p.html, p.excerpt, p.warning, p.language, p.mentions, p.handles,
       p.tags,
       p.created_at, p.edited_at, p.pinned_at, false,
       s.version, s.likes, s.reposts, s.comments, p.app_name, p.app_website, m.views, p.card
FROM posts p LEFT JOIN stats s ON s.post_id = p.id LEFT JOIN media m ON m.post_id = p.id
WHERE p.id > $1 AND p.deleted_at IS NULL ORDER BY p.id LIMIT $2;

-- name: post_create :maybe
-- $1 id, $2 author, $3 parent or NULL, $4 parent's author or NULL, $5 root, $6 audience, $7 sensitive, $8
-- counted, $9 source, $10 html, $11 excerpt, $12 warning, $13 language, $14 mentions, $15 handles, $16 tags,
-- $17 tags folded, $18 created, $19 client's key or NULL, $20 event body, $21 app's name, $22 its website,
-- $23 media or NULL, $24 their words. Nothing when the key was used before, the parent is gone, or attaching
-- the media was given up. Gives the parent's counters (NULLs without a counted parent).
WITH attaching_it AS (
    SELECT FROM attaching WHERE $23::bytea IS NOT NULL AND post_id = $1 AND NOT given_up FOR UPDATE
), claimed AS (
    INSERT INTO create_keys (author_id, key, post_id) SELECT $2, $19, $1 WHERE $19::text IS NOT NULL
    ON CONFLICT DO NOTHING RETURNING 1
), old_keys AS (
    DELETE FROM create_keys WHERE $19::text IS NOT NULL AND author_id = $2
        AND created_at < now() - interval '2 days'
), p AS (
    INSERT INTO posts (id, author_id, in_reply_to_id, in_reply_to_author_id, root_id, audience, sensitive,
        counted, source,
                       html, excerpt, warning, language, mentions, handles, tags, created_at,
                       app_name, app_website)
    SELECT $1::bigint, $2::bigint, $3::bigint, $4::bigint, $5::bigint, $6::smallint, $7::boolean, $8::boolean,
           $9::text, $10::text,
           $11::text, $12::text, $13::text, $14::bigint[], $15::text[], $16::text[], $18::timestamptz,
           $21::text, $22::text
    WHERE ($19::text IS NULL OR EXISTS (SELECT FROM claimed))
      AND ($23::bytea IS NULL OR EXISTS (SELECT FROM attaching_it))
      AND ($3::bigint IS NULL OR EXISTS (SELECT FROM posts WHERE id = $3 AND deleted_at IS NULL))
    RETURNING id
), tagged AS (
    INSERT INTO tags (tag, post_id, author_id, name)
    SELECT t.tag, p.id, $2, t.name FROM p, unnest($17::text[], $16::text[]) AS t (tag, name)
           WHERE $6::smallint = 0
), author AS (
    INSERT INTO authors AS a (user_id, posts, last_at) SELECT $2, 1, $18 FROM p WHERE $6::smallint < 3
    ON CONFLICT (user_id) DO UPDATE SET posts = a.posts + 1, last_at = greatest(a.last_at, excluded.last_at)
), parent AS (
    INSERT INTO stats AS s (post_id, comments) SELECT $3, 1 FROM p WHERE $3::bigint IS NOT NULL
        AND $8::boolean
    ON CONFLICT (post_id) DO UPDATE SET version = s.version + 1, comments = s.comments + 1
    RETURNING s.version, s.likes, s.reposts, s.comments
), said AS (
    INSERT INTO events.outbox (topic, key, type, body)
    SELECT 'post.v1', $2, 'post.created', $20::bytea FROM p
), with_media AS (
    INSERT INTO media (post_id, author_id, views, words)
    SELECT p.id, $2, $23, $24::text FROM p WHERE $23::bytea IS NOT NULL
), attached AS (
    DELETE FROM attaching USING p WHERE $23::bytea IS NOT NULL AND post_id = p.id
), said_media AS (
    INSERT INTO events.outbox (topic, key, type, body)
    SELECT 'post.media.v1', p.id, 'post.attached', '' FROM p WHERE $23::bytea IS NOT NULL
)
SELECT parent.version, parent.likes, parent.reposts, parent.comments FROM p LEFT JOIN parent ON true;

-- name: post_create_plain :exec
-- The same for the most frequent case, at two thirds of the cost: no key, no parent, no media. $1 id, $2
-- author, $3 audience, $4 sensitive, $5 source, $6 html, $7 excerpt, $8 warning, $9 language, $10 mentions,
-- $11 handles, $12 created, $13 event body, $14 app's name, $15 its website, $16 tags, $17 tags folded.
WITH p AS (
    INSERT INTO posts (id, author_id, root_id, audience, sensitive, source, html, excerpt, warning, language,
                       mentions, handles, tags, created_at, app_name, app_website)
    VALUES ($1, $2, $1, $3, $4, $5, $6, $7, $8, $9, $10, $11, $16, $12, $14, $15)
), tagged AS (
    INSERT INTO tags (tag, post_id, author_id, name)
    SELECT t.tag, $1, $2, t.name FROM unnest($17::text[], $16::text[]) AS t (tag, name) WHERE $3 = 0
), author AS (
    INSERT INTO authors AS a (user_id, posts, last_at) SELECT $2, 1, $12 WHERE $3 < 3
    ON CONFLICT (user_id) DO UPDATE SET posts = a.posts + 1, last_at = greatest(a.last_at, excluded.last_at)
)
INSERT INTO events.outbox (topic, key, type, body) VALUES ('post.v1', $2, 'post.created', $13);

-- name: post_by_key :maybe
-- What a client's key made. $1 author, $2 key.
SELECT post_id FROM create_keys WHERE author_id = $1 AND key = $2;

-- name: post_edit :maybe
-- $1 id, $2 author, $3 source, $4 html, $5 excerpt, $6 warning, $7 sensitive, $8 language, $9 mentions, $10
-- handles, $11 tags, $12 tags folded, $13 edited, $14 event body (its field 3, the version, is added), $15
-- whether its media change: to $16 (NULL: none), with their words $17. What it said before becomes a
-- revision.
WITH old AS (
    SELECT id, revision, source, html, warning, sensitive, coalesce(edited_at, created_at) AS at, audience,
           (SELECT views FROM media WHERE post_id = posts.id) AS views
    FROM posts WHERE id = $1 AND author_id = $2 AND deleted_at IS NULL AND repost_of_id IS NULL FOR UPDATE
), kept AS (
    INSERT INTO revisions (post_id, number, source, html, warning, sensitive, at, media)
    SELECT id, revision, source, html, warning, sensitive, at, views FROM old
), p AS (
    UPDATE posts SET source = $3, html = $4, excerpt = $5, warning = $6, sensitive = $7, language = $8,
        mentions = $9, handles = $10,
                     tags = $11, edited_at = $13, revision = posts.revision + 1
    FROM old WHERE posts.id = old.id RETURNING posts.revision
), untagged AS (
    DELETE FROM tags WHERE post_id = (SELECT id FROM old) AND tag <> ALL ($12::text[])
), tagged AS (
    INSERT INTO tags (tag, post_id, author_id, name)
    SELECT t.tag, old.id, $2, t.name FROM old, unnest($12::text[], $11::text[]) AS t (tag, name)
           WHERE old.audience = 0
    ON CONFLICT DO NOTHING
), without_media AS (
    DELETE FROM media USING old WHERE $15::boolean AND $16::bytea IS NULL AND post_id = old.id
), with_media AS (
    INSERT INTO media (post_id, author_id, views, words)
    SELECT old.id, $2, $16, $17::text FROM old WHERE $15::boolean AND $16::bytea IS NOT NULL
    ON CONFLICT (post_id) DO UPDATE SET views = excluded.views, words = excluded.words
), attached AS (
    DELETE FROM attaching USING old WHERE $15::boolean AND post_id = old.id
), said_media AS (
    INSERT INTO events.outbox (topic, key, type, body)
    SELECT 'post.media.v1', old.id, 'post.attached', '' FROM old WHERE $15::boolean
)
SELECT p.revision, events.emit('post.v1', $2, 'post.changed', $14::bytea || pb_int(3, p.revision)) FROM p;

-- name: post_delete :maybe
-- $1 id, $2 when, $3 event body. Leaves a tombstone. Gives revision, parent's id and counters (NULLs where
-- nothing was counted), and what the post said.
WITH old AS (
    SELECT id, author_id, in_reply_to_id, counted, audience, source, warning, sensitive, language, tags
    FROM posts WHERE id = $1 AND deleted_at IS NULL AND repost_of_id IS NULL FOR UPDATE
), p AS (
    UPDATE posts SET deleted_at = $2, source = '', html = '', excerpt = '', warning = '', mentions = '{}',
        handles = '{}', tags = '{}', app_name = '', app_website = '',
                     card = NULL, pinned_at = NULL, revision = posts.revision + 1
    FROM old WHERE posts.id = old.id RETURNING posts.revision
), untagged AS (
    DELETE FROM tags WHERE post_id = (SELECT id FROM old)
), said_media AS (
    INSERT INTO events.outbox (topic, key, type, body)
    SELECT 'post.media.v1', old.id, 'post.emptied', '' FROM old
    WHERE EXISTS (SELECT FROM media WHERE post_id = old.id)
       OR EXISTS (SELECT FROM revisions WHERE post_id = old.id AND media IS NOT NULL)
), without_media AS (
    DELETE FROM media WHERE post_id = (SELECT id FROM old)
), unrevised AS (
    DELETE FROM revisions WHERE post_id = (SELECT id FROM old)
), author AS (
    UPDATE authors SET posts = greatest(posts - 1, 0) FROM old WHERE user_id = old.author_id
        AND old.audience < 3
), parent AS (
    UPDATE stats s SET version = s.version + 1, comments = greatest(s.comments - 1, 0)
    FROM old WHERE s.post_id = old.in_reply_to_id AND old.counted
    RETURNING s.post_id, s.version, s.likes, s.reposts, s.comments
)
SELECT p.revision, parent.post_id, parent.version, parent.likes, parent.reposts, parent.comments,
       old.source, old.warning, old.sensitive, old.language, old.audience, old.tags,
       events.emit('post.v1', old.author_id, 'post.deleted', $3::bytea)
FROM p JOIN old ON true LEFT JOIN parent ON true;

-- name: post_source :maybe
-- What the author typed. $1 id.
SELECT source, warning, sensitive, language, audience FROM posts WHERE id = $1 AND deleted_at IS NULL
       AND repost_of_id IS NULL;

-- name: post_revisions :many
-- Oldest first, the current one last. $1 id.
SELECT number, source, html, warning, sensitive, at, media FROM revisions WHERE post_id = $1
UNION ALL
SELECT revision, source, html, warning, sensitive, coalesce(edited_at, created_at),
       (SELECT views FROM media WHERE post_id = id) FROM posts WHERE id = $1
ORDER BY 1;

-- ---- What is attached to posts ----------------------------------------------------------------------------

-- name: post_attaching :exec
-- Media are about to be attached to a post. $1 post.
INSERT INTO attaching (post_id) VALUES ($1) ON CONFLICT (post_id) DO UPDATE SET begun_at = now();

-- name: post_attaching_now :many
-- Those of the posts that are being made or edited. $1 posts. → id.
SELECT post_id FROM attaching WHERE post_id = ANY ($1::bigint[]);

-- name: post_attaching_over :exec
-- What is attached to these posts is what they have. $1 posts.
DELETE FROM attaching WHERE post_id = ANY ($1::bigint[]);

-- name: post_attaching_stop :maybe
-- From now on the post cannot be made. $1 post. No row: it is made, or nobody was about to.
UPDATE attaching SET given_up = true WHERE post_id = $1 RETURNING post_id;

-- name: post_attaching_left :many
-- Those that a failure left behind; they cannot be made from now on. $1 how many.
UPDATE attaching SET given_up = true WHERE post_id IN (
    SELECT post_id FROM attaching WHERE begun_at < now() - interval '5 minutes'
    ORDER BY begun_at LIMIT $1 FOR UPDATE SKIP LOCKED)
RETURNING post_id;

-- name: post_media_of :many
-- What posts have, and each of their versions: post, author, audience, revision, number of the version (0:
-- the post as it is), media. Nothing for a post that has none, ever had none, or is deleted. $1 posts.
SELECT p.id, p.author_id, p.audience, p.revision, 0, m.views FROM posts p JOIN media m ON m.post_id = p.id
WHERE p.id = ANY ($1::bigint[]) AND p.deleted_at IS NULL
UNION ALL
SELECT p.id, p.author_id, p.audience, p.revision, r.number, r.media
FROM posts p JOIN revisions r ON r.post_id = p.id
WHERE p.id = ANY ($1::bigint[]) AND p.deleted_at IS NULL AND r.media IS NOT NULL
ORDER BY 1, 5;

-- name: post_media_renew :maybe
-- What is known of a post's media has changed. $1 post, $2 the revision that this was made of, $3 media
-- (NULL: none), $4 their words, $5 event body (see post_edit). No row: the post has changed meanwhile.
WITH p AS (
    UPDATE posts SET revision = revision + 1 WHERE id = $1 AND revision = $2 AND deleted_at IS NULL
    RETURNING id, revision
), without_media AS (
    DELETE FROM media USING p WHERE $3::bytea IS NULL AND post_id = p.id
), with_media AS (
    UPDATE media SET views = $3, words = $4::text FROM p WHERE $3::bytea IS NOT NULL AND post_id = p.id
)
SELECT revision, events.emit('post.v1', $1, 'post.changed', $5::bytea || pb_int(3, revision)) FROM p;

-- name: post_media_renew_version :exec
-- The same of one of its versions, which nobody is told of. $1 post, $2 number, $3 media or NULL.
UPDATE revisions SET media = $3 WHERE post_id = $1 AND number = $2;

-- name: post_pin :maybe
-- $1 id, $2 author, $3 when, $4 how many at most, $5 event body (see post_edit).
WITH p AS (
    UPDATE posts SET pinned_at = $3, revision = revision + 1
    WHERE id = $1 AND author_id = $2 AND deleted_at IS NULL AND repost_of_id IS NULL
        AND in_reply_to_id IS NULL AND audience < 2
      AND pinned_at IS NULL
      AND (SELECT count(*) FROM posts WHERE author_id = $2 AND pinned_at IS NOT NULL
          AND deleted_at IS NULL) < $4::int
    RETURNING revision
)
SELECT revision, events.emit('post.v1', $2, 'post.changed', $5::bytea || pb_int(3, revision)) FROM p;

-- name: post_unpin :maybe
-- $1 id, $2 author, $3 event body (see post_edit).
WITH p AS (
    UPDATE posts SET pinned_at = NULL, revision = revision + 1
    WHERE id = $1 AND author_id = $2 AND deleted_at IS NULL AND pinned_at IS NOT NULL RETURNING revision
)
SELECT revision, events.emit('post.v1', $2, 'post.changed', $3::bytea || pb_int(3, revision)) FROM p;

-- name: post_set_card :maybe
-- What is known of the page that a post links to. $1 id, $2 a packed LinkCard or NULL, $3 event body (see
-- post_edit). Nothing when it is so already, or the post is gone or not for everybody.
WITH p AS (
    UPDATE posts SET card = $2, revision = revision + 1
    WHERE id = $1 AND deleted_at IS NULL AND repost_of_id IS NULL AND audience < 2
      AND card IS DISTINCT FROM $2::bytea
    RETURNING revision
)
SELECT revision, events.emit('post.v1', $1, 'post.changed', $3::bytea || pb_int(3, revision)) FROM p;

-- ---- Reactions: nothing happens, and no row comes, when it is so already ----------------------------------

-- name: post_like :maybe
-- $1 viewer, $2 post, $3 the like's id, $4 event body, which ends where the version's 8 bytes follow.
WITH made AS (
    INSERT INTO likes (user_id, post_id, id) SELECT $1, $2, $3
    WHERE EXISTS (SELECT FROM posts WHERE id = $2 AND deleted_at IS NULL AND repost_of_id IS NULL)
    ON CONFLICT DO NOTHING RETURNING 1
), n AS (
    INSERT INTO stats AS s (post_id, likes) SELECT $2, 1 FROM made
    ON CONFLICT (post_id) DO UPDATE SET version = s.version + 1, likes = s.likes + 1
    RETURNING s.version, s.likes, s.reposts, s.comments
), said AS (
    INSERT INTO events.outbox (topic, key, type, body)
    SELECT 'engagement.v1', $2, 'post.reacted', $4::bytea || int8send(version) FROM n
)
SELECT * FROM n;

-- name: post_unlike :maybe
-- $1 viewer, $2 post, $3 event body (see post_like).
WITH gone AS (
    DELETE FROM likes WHERE user_id = $1 AND post_id = $2 RETURNING 1
), n AS (
    UPDATE stats s SET version = s.version + 1, likes = greatest(s.likes - 1, 0)
        WHERE s.post_id = $2 AND EXISTS (SELECT FROM gone)
    RETURNING s.version, s.likes, s.reposts, s.comments
), said AS (
    INSERT INTO events.outbox (topic, key, type, body)
    SELECT 'engagement.v1', $2, 'post.reacted', $3::bytea || int8send(version) FROM n
)
SELECT * FROM n;

-- name: post_bookmark :maybe
-- Private: no event. The version moves so that what is published of it stays in order. $1 viewer, $2 post, $3
-- the bookmark's id.
WITH made AS (
    INSERT INTO bookmarks (user_id, post_id, id) SELECT $1, $2, $3
    WHERE EXISTS (SELECT FROM posts WHERE id = $2 AND deleted_at IS NULL AND repost_of_id IS NULL)
    ON CONFLICT DO NOTHING RETURNING 1
)
INSERT INTO stats AS s (post_id) SELECT $2 FROM made
ON CONFLICT (post_id) DO UPDATE SET version = s.version + 1
RETURNING s.version, s.likes, s.reposts, s.comments;

-- name: post_unbookmark :maybe
-- $1 viewer, $2 post.
WITH gone AS (
    DELETE FROM bookmarks WHERE user_id = $1 AND post_id = $2 RETURNING 1
)
UPDATE stats s SET version = s.version + 1 WHERE s.post_id = $2 AND EXISTS (SELECT FROM gone)
RETURNING s.version, s.likes, s.reposts, s.comments;

-- name: post_repost :maybe
-- $1 viewer, $2 post, $3 the repost's id, $4 audience, $5 post's author, $6 when, $7 body of post.created, $8
-- of post.reacted (see post_like).
WITH made AS (
    INSERT INTO posts (id, author_id, root_id, repost_of_id, repost_of_author_id, audience, created_at)
    SELECT $3, $1, $3, $2, $5, $4::smallint, $6
    WHERE EXISTS (SELECT FROM posts WHERE id = $2 AND deleted_at IS NULL AND repost_of_id IS NULL
        AND audience < 2)
    ON CONFLICT (author_id, repost_of_id) WHERE repost_of_id IS NOT NULL AND deleted_at IS NULL DO NOTHING
        RETURNING 1
), n AS (
    INSERT INTO stats AS s (post_id, reposts) SELECT $2, 1 FROM made
    ON CONFLICT (post_id) DO UPDATE SET version = s.version + 1, reposts = s.reposts + 1
    RETURNING s.version, s.likes, s.reposts, s.comments
)
SELECT n.*, events.emit('post.v1', $1, 'post.created', $7::bytea),
       events.emit('engagement.v1', $2, 'post.reacted',
       $8::bytea || int8send(version)) FROM n;

-- name: post_unrepost :maybe
-- $1 viewer, $2 post, $3 when, $4 body of post.reacted (see post_like), $5 body of post.deleted (the repost's
-- id, field 1, is added). Gives the counters, the repost's id and its revision.
WITH gone AS (
    UPDATE posts SET deleted_at = $3, revision = revision + 1
    WHERE author_id = $1 AND repost_of_id = $2 AND deleted_at IS NULL RETURNING id, revision
), n AS (
    UPDATE stats s SET version = s.version + 1, reposts = greatest(s.reposts - 1, 0) FROM gone
        WHERE s.post_id = $2
    RETURNING s.version, s.likes, s.reposts, s.comments
)
SELECT n.*, gone.id, gone.revision,
       events.emit('post.v1', $1, 'post.deleted', $5::bytea || pb_int(1, gone.id)),
       events.emit('engagement.v1', $2, 'post.reacted',
       $4::bytea || int8send(version)) FROM n, gone;

-- name: post_mine :many
-- What a viewer did lately, newest posts first: post and bit (ACT_…). $1 viewer, $2 how many of each kind.
(SELECT post_id, 1 FROM likes WHERE user_id = $1 ORDER BY post_id DESC LIMIT $2)
UNION ALL
(SELECT repost_of_id, 2 FROM posts WHERE author_id = $1 AND repost_of_id IS NOT NULL AND deleted_at IS NULL
 ORDER BY repost_of_id DESC LIMIT $2)
UNION ALL
(SELECT post_id, 4 FROM bookmarks WHERE user_id = $1 ORDER BY post_id DESC LIMIT $2);

-- name: post_mine_of :many
-- The same for some posts. $1 viewer, $2 posts.
SELECT post_id, 1 FROM likes WHERE user_id = $1 AND post_id = ANY ($2::bigint[])
UNION ALL
SELECT repost_of_id, 2 FROM posts WHERE author_id = $1 AND repost_of_id = ANY ($2::bigint[])
       AND deleted_at IS NULL
UNION ALL
SELECT post_id, 4 FROM bookmarks WHERE user_id = $1 AND post_id = ANY ($2::bigint[]);

-- name: post_stats :many
-- $1 posts.
SELECT post_id, version, likes, reposts, comments FROM stats WHERE post_id = ANY ($1::bigint[]);

-- name: post_reactions_now :many
-- $1 who reacted, $2 to which posts: pairs. → which pair, from 1; the post's counters; bits (ACT_…). None of
-- a post without counters.
SELECT a.n, s.version, s.likes, s.reposts, s.comments,
       coalesce((SELECT 1 FROM likes WHERE user_id = a.who AND post_id = a.post), 0)
       + coalesce((SELECT 2 FROM posts r WHERE r.author_id = a.who AND r.repost_of_id = a.post
                   AND r.deleted_at IS NULL), 0)
FROM unnest($1::bigint[], $2::bigint[]) WITH ORDINALITY AS a (who, post, n)
JOIN stats s ON s.post_id = a.post;

-- name: post_acts :many
-- $1 who acted, $2 posts, $3 who is to be told: triples. → bits (ACT_…), of each in order.
-- Each is looked up by its key: of EXISTS PostgreSQL might make a table of all likes there are.
SELECT CASE WHEN p.id IS NULL OR p.deleted_at IS NOT NULL THEN 0 ELSE 8
       + coalesce((SELECT 1 FROM likes WHERE user_id = a.who AND post_id = p.id), 0)
       + coalesce((SELECT 2 FROM posts r WHERE r.author_id = a.who AND r.repost_of_id = p.id
                   AND r.deleted_at IS NULL), 0)
       + coalesce((SELECT 16 FROM muted_threads WHERE user_id = a.told AND root_id = p.root_id), 0)
       + CASE WHEN a.told = ANY (p.mentions) THEN 32 ELSE 0 END END
FROM unnest($1::bigint[], $2::bigint[], $3::bigint[]) WITH ORDINALITY AS a (who, post, told, n)
LEFT JOIN posts p ON p.id = a.post ORDER BY n;

-- name: post_likers :many
-- $1 post, $2 below this like, $3 above this one, $4 how many.
SELECT id, user_id FROM likes WHERE post_id = $1 AND id < $2 AND id > $3 ORDER BY id DESC LIMIT $4;

-- name: post_likers_above :many
-- Oldest first. $1 post, $2 above this like, $3 how many.
SELECT id, user_id FROM likes WHERE post_id = $1 AND id > $2 ORDER BY id LIMIT $3;

-- name: post_reposters :many
-- $1 post, $2 below this repost, $3 above this one, $4 how many.
SELECT id, author_id FROM posts WHERE repost_of_id = $1 AND deleted_at IS NULL AND id < $2 AND id > $3
       ORDER BY id DESC LIMIT $4;

-- name: post_reposters_above :many
-- Oldest first. $1 post, $2 above this repost, $3 how many.
SELECT id, author_id FROM posts WHERE repost_of_id = $1 AND deleted_at IS NULL AND id > $2 ORDER BY id
       LIMIT $3;

-- name: post_own_repost :maybe
-- $1 reposter, $2 post.
SELECT id FROM posts WHERE author_id = $1 AND repost_of_id = $2 AND deleted_at IS NULL;

-- name: post_forget :exec
-- What a deleted post leaves behind: likes of it, and its reposts. $1 post, $2 when.
WITH unliked AS (
    DELETE FROM likes WHERE post_id = $1
)
UPDATE posts SET deleted_at = $2, revision = revision + 1 WHERE repost_of_id = $1 AND deleted_at IS NULL;

-- ---- Timelines. Rows are (cursor, post, author, original or NULL, its author or NULL); …_below: newest
-- first under $max and above $since; …_above: oldest first above $min
-- ---------------------------------------------------------------------------

-- name: post_home_below :many
-- Candidates of a home timeline: by authors, and by others with tags that the viewer follows; the rules
-- decide on the rest. $1 viewer, $2 authors (viewer included), $3 max, $4 since, $5 limit.
SELECT p.id, p.id, p.author_id, p.repost_of_id, p.repost_of_author_id
FROM (
    SELECT w.* FROM unnest($2::bigint[]) AS a (id) CROSS JOIN LATERAL (
        SELECT id, author_id, repost_of_id, repost_of_author_id FROM posts
        WHERE author_id = a.id AND deleted_at IS NULL AND id < $3 AND id > $4
          AND (in_reply_to_author_id IS NULL OR in_reply_to_author_id = author_id)
          AND (audience < 3 OR author_id = $1
              OR EXISTS (SELECT FROM posts d WHERE d.id = posts.id AND $1 = ANY (d.mentions)))
        ORDER BY id DESC LIMIT $5
    ) w
    UNION ALL
    SELECT DISTINCT t.id, t.author_id, NULL::bigint, NULL::bigint
    FROM followed_tags f CROSS JOIN LATERAL (
        SELECT q.id, q.author_id FROM tags g JOIN posts q ON q.id = g.post_id
        WHERE g.tag = f.tag AND g.post_id < $3 AND g.post_id > $4 AND q.deleted_at IS NULL
          AND (q.in_reply_to_author_id IS NULL OR q.in_reply_to_author_id = q.author_id)
          AND q.author_id <> ALL ($2::bigint[])
        ORDER BY g.post_id DESC LIMIT $5
    ) t
    WHERE f.user_id = $1
) p
ORDER BY p.id DESC LIMIT $5;

-- name: post_home_above :many
-- The same, oldest first. $1 viewer, $2 authors, $3 min, $4 limit.
SELECT p.id, p.id, p.author_id, p.repost_of_id, p.repost_of_author_id
FROM (
    SELECT w.* FROM unnest($2::bigint[]) AS a (id) CROSS JOIN LATERAL (
        SELECT id, author_id, repost_of_id, repost_of_author_id FROM posts
        WHERE author_id = a.id AND deleted_at IS NULL AND id > $3
          AND (in_reply_to_author_id IS NULL OR in_reply_to_author_id = author_id)
          AND (audience < 3 OR author_id = $1
              OR EXISTS (SELECT FROM posts d WHERE d.id = posts.id AND $1 = ANY (d.mentions)))
        ORDER BY id LIMIT $4
    ) w
    UNION ALL
    SELECT DISTINCT t.id, t.author_id, NULL::bigint, NULL::bigint
    FROM followed_tags f CROSS JOIN LATERAL (
        SELECT q.id, q.author_id FROM tags g JOIN posts q ON q.id = g.post_id
        WHERE g.tag = f.tag AND g.post_id > $3 AND q.deleted_at IS NULL
          AND (q.in_reply_to_author_id IS NULL OR q.in_reply_to_author_id = q.author_id)
          AND q.author_id <> ALL ($2::bigint[])
        ORDER BY g.post_id LIMIT $4
    ) t
    WHERE f.user_id = $1
) p
ORDER BY p.id LIMIT $4;

-- name: post_list_below :many
-- Candidates of a list's timeline: by its members, of comments on others' posts those on some members' alone.
-- $1 viewer, $2 members, $3 whom they answer, $4 max, $5 since, $6 limit.
SELECT p.id, p.id, p.author_id, p.repost_of_id, p.repost_of_author_id
FROM unnest($2::bigint[]) AS a (id) CROSS JOIN LATERAL (
    SELECT id, author_id, repost_of_id, repost_of_author_id FROM posts
    WHERE author_id = a.id AND deleted_at IS NULL AND id < $4 AND id > $5
      AND (in_reply_to_author_id IS NULL OR in_reply_to_author_id = author_id
          OR in_reply_to_author_id = ANY ($3::bigint[]))
      AND (audience < 3 OR in_reply_to_author_id = $1
          OR EXISTS (SELECT FROM posts d WHERE d.id = posts.id AND $1 = ANY (d.mentions)))
    ORDER BY id DESC LIMIT $6
) p
ORDER BY p.id DESC LIMIT $6;

-- name: post_list_above :many
-- The same, oldest first. $1 viewer, $2 members, $3 whom they answer, $4 min, $5 limit.
SELECT p.id, p.id, p.author_id, p.repost_of_id, p.repost_of_author_id
FROM unnest($2::bigint[]) AS a (id) CROSS JOIN LATERAL (
    SELECT id, author_id, repost_of_id, repost_of_author_id FROM posts
    WHERE author_id = a.id AND deleted_at IS NULL AND id > $4
      AND (in_reply_to_author_id IS NULL OR in_reply_to_author_id = author_id
          OR in_reply_to_author_id = ANY ($3::bigint[]))
      AND (audience < 3 OR in_reply_to_author_id = $1
          OR EXISTS (SELECT FROM posts d WHERE d.id = posts.id AND $1 = ANY (d.mentions)))
    ORDER BY id LIMIT $5
) p
ORDER BY p.id LIMIT $5;

-- name: post_local_below :many
-- $1 max, $2 since, $3 limit.
SELECT id, id, author_id, NULL::bigint, NULL::bigint FROM posts
WHERE deleted_at IS NULL AND audience = 0 AND in_reply_to_id IS NULL AND repost_of_id IS NULL AND id < $1
    AND id > $2
ORDER BY id DESC LIMIT $3;

-- name: post_local_above :many
-- $1 min, $2 limit.
SELECT id, id, author_id, NULL::bigint, NULL::bigint FROM posts
WHERE deleted_at IS NULL AND audience = 0 AND in_reply_to_id IS NULL AND repost_of_id IS NULL AND id > $1
ORDER BY id LIMIT $2;

-- name: post_local_media_below :many
-- Those that have media. $1 max, $2 since, $3 limit.
SELECT p.id, p.id, p.author_id, NULL::bigint, NULL::bigint FROM media m JOIN posts p ON p.id = m.post_id
WHERE p.deleted_at IS NULL AND p.audience = 0 AND p.in_reply_to_id IS NULL AND m.post_id < $1
    AND m.post_id > $2
ORDER BY m.post_id DESC LIMIT $3;

-- name: post_local_media_above :many
-- $1 min, $2 limit.
SELECT p.id, p.id, p.author_id, NULL::bigint, NULL::bigint FROM media m JOIN posts p ON p.id = m.post_id
WHERE p.deleted_at IS NULL AND p.audience = 0 AND p.in_reply_to_id IS NULL AND m.post_id > $1
ORDER BY m.post_id LIMIT $2;

-- name: post_tag_below :many
-- $1 folded tag, $2 max, $3 since, $4 limit.
SELECT post_id, post_id, author_id, NULL::bigint, NULL::bigint FROM tags
WHERE tag = $1 AND post_id < $2 AND post_id > $3 ORDER BY post_id DESC LIMIT $4;

-- name: post_tag_above :many
-- $1 folded tag, $2 min, $3 limit.
SELECT post_id, post_id, author_id, NULL::bigint, NULL::bigint FROM tags
WHERE tag = $1 AND post_id > $2 ORDER BY post_id LIMIT $3;

-- name: post_tags_below :many
-- Posts with one of some tags, all of others and none of others yet: as many of each tag as the page has room
-- for, together. $1 one of, $2 all of, $3 none of (folded), $4 max, $5 since, $6 limit, $7 those with media.
SELECT DISTINCT t.post_id, t.post_id, t.author_id, NULL::bigint, NULL::bigint
FROM unnest($1::text[]) AS a (tag) CROSS JOIN LATERAL (
    SELECT t.post_id, t.author_id FROM tags t
    WHERE t.tag = a.tag AND t.post_id < $4 AND t.post_id > $5
      AND (SELECT count(*) FROM tags x WHERE x.post_id = t.post_id AND x.tag = ANY ($2::text[]))
          = cardinality($2::text[])
      AND NOT EXISTS (SELECT FROM tags x WHERE x.post_id = t.post_id AND x.tag = ANY ($3::text[]))
      AND (NOT $7::boolean OR EXISTS (SELECT FROM media m WHERE m.post_id = t.post_id))
    ORDER BY t.post_id DESC LIMIT $6
) t
ORDER BY t.post_id DESC LIMIT $6;

-- name: post_tags_above :many
-- The same, oldest first. $1 one of, $2 all of, $3 none of, $4 min, $5 limit, $6 those with media.
SELECT DISTINCT t.post_id, t.post_id, t.author_id, NULL::bigint, NULL::bigint
FROM unnest($1::text[]) AS a (tag) CROSS JOIN LATERAL (
    SELECT t.post_id, t.author_id FROM tags t
    WHERE t.tag = a.tag AND t.post_id > $4
      AND (SELECT count(*) FROM tags x WHERE x.post_id = t.post_id AND x.tag = ANY ($2::text[]))
          = cardinality($2::text[])
      AND NOT EXISTS (SELECT FROM tags x WHERE x.post_id = t.post_id AND x.tag = ANY ($3::text[]))
      AND (NOT $6::boolean OR EXISTS (SELECT FROM media m WHERE m.post_id = t.post_id))
    ORDER BY t.post_id LIMIT $5
) t
ORDER BY t.post_id LIMIT $5;

-- name: post_author_below :many
-- $1 author, $2 max, $3 since, $4 limit, $5 widest audience number the reader may see at all, $6 reader, $7
-- comments too, $8 reposts too, $9 pinned ones too (else they stand at the top of the page and not here),
-- $10 with this tag alone, folded, or ''.
SELECT id, id, author_id, repost_of_id, repost_of_author_id FROM posts
WHERE author_id = $1 AND deleted_at IS NULL AND id < $2 AND id > $3
  AND (audience <= $5::smallint OR in_reply_to_author_id = $6
       OR EXISTS (SELECT FROM posts d WHERE d.id = posts.id AND $6 = ANY (d.mentions)))
  AND ($7::boolean OR in_reply_to_author_id IS NULL OR in_reply_to_author_id = author_id)
  AND ($8::boolean OR repost_of_id IS NULL) AND ($9::boolean OR pinned_at IS NULL)
  AND ($10::text = '' OR EXISTS (SELECT FROM tags WHERE tag = $10 AND post_id = posts.id))
ORDER BY id DESC LIMIT $4;

-- name: post_author_above :many
-- $1 author, $2 min, $3 limit, $4 widest audience, $5 reader, $6 comments too, $7 reposts too, $8 pinned ones
-- too, $9 tag or ''.
SELECT id, id, author_id, repost_of_id, repost_of_author_id FROM posts
WHERE author_id = $1 AND deleted_at IS NULL AND id > $2
  AND (audience <= $4::smallint OR in_reply_to_author_id = $5
       OR EXISTS (SELECT FROM posts d WHERE d.id = posts.id AND $5 = ANY (d.mentions)))
  AND ($6::boolean OR in_reply_to_author_id IS NULL OR in_reply_to_author_id = author_id)
  AND ($7::boolean OR repost_of_id IS NULL) AND ($8::boolean OR pinned_at IS NULL)
  AND ($9::text = '' OR EXISTS (SELECT FROM tags WHERE tag = $9 AND post_id = posts.id))
ORDER BY id LIMIT $3;

-- name: post_author_media_below :many
-- Those that have media; no repost has. $1 author, $2 max, $3 since, $4 limit, $5 widest audience, $6 reader,
-- $7 comments too, $8 pinned ones too, $9 tag or ''.
SELECT p.id, p.id, p.author_id, NULL::bigint, NULL::bigint FROM media m JOIN posts p ON p.id = m.post_id
WHERE m.author_id = $1 AND p.deleted_at IS NULL AND m.post_id < $2 AND m.post_id > $3
  AND (p.audience <= $5::smallint OR p.in_reply_to_author_id = $6 OR $6 = ANY (p.mentions))
  AND ($7::boolean OR p.in_reply_to_author_id IS NULL OR p.in_reply_to_author_id = p.author_id)
  AND ($8::boolean OR p.pinned_at IS NULL)
  AND ($9::text = '' OR EXISTS (SELECT FROM tags WHERE tag = $9 AND post_id = p.id))
ORDER BY m.post_id DESC LIMIT $4;

-- name: post_author_media_above :many
-- $1 author, $2 min, $3 limit, $4 widest audience, $5 reader, $6 comments too, $7 pinned ones too, $8 tag or
-- ''.
SELECT p.id, p.id, p.author_id, NULL::bigint, NULL::bigint FROM media m JOIN posts p ON p.id = m.post_id
WHERE m.author_id = $1 AND p.deleted_at IS NULL AND m.post_id > $2
  AND (p.audience <= $4::smallint OR p.in_reply_to_author_id = $5 OR $5 = ANY (p.mentions))
  AND ($6::boolean OR p.in_reply_to_author_id IS NULL OR p.in_reply_to_author_id = p.author_id)
  AND ($7::boolean OR p.pinned_at IS NULL)
  AND ($8::text = '' OR EXISTS (SELECT FROM tags WHERE tag = $8 AND post_id = p.id))
ORDER BY m.post_id LIMIT $3;

-- name: post_author_head :many
-- The beginning of an author's timeline, for everybody: rows without cursor, and 1 for those pinned (the last
-- one first), 2 for comments for somebody else, 0 for all others (newest first). $1 author, $2 how many that
-- are not pinned.
(SELECT id, author_id, repost_of_id, repost_of_author_id, 1 FROM posts
 WHERE author_id = $1 AND pinned_at IS NOT NULL AND deleted_at IS NULL ORDER BY pinned_at DESC, id DESC
     LIMIT 20)
UNION ALL
(SELECT id, author_id, repost_of_id, repost_of_author_id,
        CASE WHEN in_reply_to_author_id IS NULL OR in_reply_to_author_id = author_id THEN 0 ELSE 2 END
 FROM posts WHERE author_id = $1 AND deleted_at IS NULL AND pinned_at IS NULL ORDER BY id DESC LIMIT $2);

-- name: post_likes_below :many
-- $1 reader, $2 max, $3 since, $4 limit: ids of likes.
SELECT l.id, p.id, p.author_id, NULL::bigint, NULL::bigint FROM likes l JOIN posts p ON p.id = l.post_id
WHERE l.user_id = $1 AND l.id < $2 AND l.id > $3 AND p.deleted_at IS NULL ORDER BY l.id DESC LIMIT $4;

-- name: post_likes_above :many
-- $1 reader, $2 min, $3 limit.
SELECT l.id, p.id, p.author_id, NULL::bigint, NULL::bigint FROM likes l JOIN posts p ON p.id = l.post_id
WHERE l.user_id = $1 AND l.id > $2 AND p.deleted_at IS NULL ORDER BY l.id LIMIT $3;

-- name: post_bookmarks_below :many
-- $1 reader, $2 max, $3 since, $4 limit: ids of bookmarks.
SELECT b.id, p.id, p.author_id, NULL::bigint, NULL::bigint FROM bookmarks b JOIN posts p ON p.id = b.post_id
WHERE b.user_id = $1 AND b.id < $2 AND b.id > $3 AND p.deleted_at IS NULL ORDER BY b.id DESC LIMIT $4;

-- name: post_bookmarks_above :many
-- $1 reader, $2 min, $3 limit.
SELECT b.id, p.id, p.author_id, NULL::bigint, NULL::bigint FROM bookmarks b JOIN posts p ON p.id = b.post_id
WHERE b.user_id = $1 AND b.id > $2 AND p.deleted_at IS NULL ORDER BY b.id LIMIT $3;

-- ---- Threads ----------------------------------------------------------------------------------------------

-- name: post_ancestors :many
-- What a post answers, and so on, nearest first, tombstones too. $1 post, $2 how many at most.
WITH RECURSIVE up AS (
    SELECT p.id, p.author_id, p.in_reply_to_id, 0 AS height FROM posts p WHERE p.id = $1
    UNION ALL
    SELECT p.id, p.author_id, p.in_reply_to_id, up.height + 1 FROM up JOIN posts p ON p.id = up.in_reply_to_id
           WHERE up.height < $2::int
)
SELECT id, author_id FROM up WHERE height > 0 ORDER BY height;

-- name: post_descendants :many
-- Comments on a post after one of them, and the first ones on each of those, level by level, oldest first,
-- tombstones too. $1 post, $2 how many at most, $3 levels, $4 after this one (0: from the first), $5 direct
-- ones at most, $6 ones on each of them at most. What LIMIT cuts off is never made: levels come in turn.
WITH RECURSIVE down AS (
    (SELECT p.id, p.author_id, p.in_reply_to_id, 1 AS level FROM posts p
    WHERE p.in_reply_to_id = $1 AND p.id > $4 ORDER BY p.id LIMIT $5)
    UNION ALL
    SELECT c.id, c.author_id, c.in_reply_to_id, down.level + 1
    FROM down CROSS JOIN LATERAL (
        SELECT p.id, p.author_id, p.in_reply_to_id FROM posts p WHERE p.in_reply_to_id = down.id
        ORDER BY p.id LIMIT $6
    ) c
    WHERE down.level < $3::int
)
SELECT id, author_id, in_reply_to_id FROM (SELECT * FROM down LIMIT $2) AS few ORDER BY level, id;

-- name: post_comments_before :many
-- The direct comments before one ($2), the newest first, tombstones too. $1 post, $3 how many.
SELECT id FROM posts WHERE in_reply_to_id = $1 AND id < $2 ORDER BY id DESC LIMIT $3;

-- name: post_answered_after :many
-- Those of some posts that have comments after the last one known, of an audience that a reader may be in.
-- $1 posts, $2 the last comment known of each (0: none), $3 reader (0: nobody).
SELECT a.id FROM unnest($1::bigint[], $2::bigint[]) AS a (id, last)
WHERE EXISTS (
    SELECT FROM posts c WHERE c.in_reply_to_id = a.id AND c.id > a.last AND CASE
        WHEN c.deleted_at IS NOT NULL THEN EXISTS (SELECT FROM posts d WHERE d.in_reply_to_id = c.id)
        WHEN c.audience < 2 THEN true
        ELSE $3::bigint <> 0 AND (c.audience = 2 OR $3 IN (c.author_id, c.in_reply_to_author_id)
            OR $3 = ANY (c.mentions)) END);

-- ---- Erasing what is left of a member: $1 who, $2 how many at once ---------------------------------------

-- name: post_erase_posts :many
SELECT id, in_reply_to_id, tags, repost_of_id, repost_of_author_id FROM posts
WHERE author_id = $1 AND deleted_at IS NULL ORDER BY id LIMIT $2;

-- name: post_erase_likes :many
SELECT l.post_id, p.author_id FROM likes l LEFT JOIN posts p ON p.id = l.post_id WHERE l.user_id = $1
       LIMIT $2;

-- name: post_erase_bookmarks :many
SELECT post_id, 0::bigint FROM bookmarks WHERE user_id = $1 LIMIT $2;

-- name: post_erase_rest :exec
-- What is nobody else's. $1 who.
WITH keys AS (
    DELETE FROM create_keys WHERE author_id = $1
), tags_followed AS (
    DELETE FROM followed_tags WHERE user_id = $1
)
DELETE FROM authors WHERE user_id = $1;

-- name: post_erase_on :one
-- There is more: another batch, behind what others wait for meanwhile. $1 who.
SELECT events.emit('erase.post.v1', $1, 'user.erasing', ''::bytea)::text;

-- ---- Counts -----------------------------------------------------------------------------------------------

-- name: post_authors :many
-- $1 members.
SELECT user_id, posts, last_at FROM authors WHERE user_id = ANY ($1::bigint[]);

-- name: post_trending_tags :many
-- Tags of posts after $1 (an id), those of most people first. $2 how many.
SELECT (array_agg(name ORDER BY post_id DESC))[1], count(*), count(DISTINCT author_id) AS people FROM tags
       WHERE post_id > $1
GROUP BY tag ORDER BY people DESC, count(*) DESC, tag LIMIT $2;

-- name: post_tags_like :many
-- Tags that begin with something. $1 folded, as a pattern; $2 the same without '%'; $3 how many.
SELECT * FROM find_tags($1::text, $2::text, $3);

-- name: post_tag_counts :one
-- $1 folded tag.
SELECT count(*), count(DISTINCT author_id) FROM tags WHERE tag = $1;

-- name: post_tag_days :many
-- How often tags were used on each day (UTC, counted from that of the smallest id): which of them, from 0 on,
-- day, posts, people. $1 folded tags, $2 the first id of the first day.
SELECT array_position($1::text[], tag) - 1, (post_id >> 22) / 86400000, count(*), count(DISTINCT author_id)
FROM tags WHERE tag = ANY ($1::text[]) AND post_id >= $2
GROUP BY 1, 2;

-- name: post_weeks :many
-- From a week ($1, numbered from that of the smallest id) on: week, posts and comments written in it.
SELECT ((id >> 22) / 604800000)::integer, count(*) FROM posts
WHERE id >= $1::bigint * 604800000 << 22 AND deleted_at IS NULL AND repost_of_id IS NULL GROUP BY 1;

-- name: post_popular :many
-- Of the latest 20,000 public posts those after $1 that were liked and reposted, the most of that first; a
-- repost counts twice, and age takes away. $2 how many.
SELECT p.id, p.id, p.author_id, NULL::bigint, NULL::bigint
FROM (
    SELECT id, author_id, sensitive FROM posts
    WHERE deleted_at IS NULL AND audience = 0 AND in_reply_to_id IS NULL AND repost_of_id IS NULL AND id > $1
    ORDER BY id DESC LIMIT 20000
) AS p JOIN stats s ON s.post_id = p.id
WHERE s.likes + s.reposts > 0 AND NOT p.sensitive
ORDER BY (s.likes + 2 * s.reposts)::float8 * (p.id - $1) DESC, p.id DESC LIMIT $2;

-- ---- Muted conversations ----------------------------------------------------------------------------------

-- name: post_mute_thread :exec
-- $1 member, $2 the conversation's first post, $3 id.
INSERT INTO muted_threads (user_id, root_id, id) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING;

-- name: post_unmute_thread :exec
-- $1 member, $2 the conversation's first post.
DELETE FROM muted_threads WHERE user_id = $1 AND root_id = $2;

-- name: post_muted_threads :many
-- $1 member.
SELECT root_id FROM muted_threads WHERE user_id = $1 ORDER BY root_id;

-- name: post_search :many
-- Posts and comments that hold these words ($1), themselves or in what their media are described by, newest
-- first: below $2, above $3, by author $4 or anybody (NULL). Who may see them is judged by who asks.
SELECT find_words($1::text, $2, $3, $4, $5);

-- name: post_total :one
-- Posts and comments of the whole site: counted as far as that is quick, else as the planner estimates.
WITH few AS (
    SELECT count(*) AS n FROM (SELECT FROM posts WHERE deleted_at IS NULL AND repost_of_id IS NULL
        LIMIT 10000) AS counted
)
SELECT CASE WHEN n < 10000 THEN n
    ELSE greatest(n, (SELECT reltuples::bigint FROM pg_class WHERE oid = 'posts'::regclass)) END FROM few;
