-- Which index finds words fastest depends on how common they are: for most the index of words, for those that stand in
-- nearly every post the posts themselves, newest first. So this alone is planned for each search.
CREATE FUNCTION posts.find_words(sought text, below bigint, above bigint, author bigint, how_many bigint)
RETURNS SETOF bigint LANGUAGE plpgsql STABLE SET plan_cache_mode = force_custom_plan AS $$
BEGIN
    RETURN QUERY
    (SELECT p.id FROM posts.posts p
     WHERE to_tsvector('simple', p.source) @@ websearch_to_tsquery('simple', sought)
         AND p.deleted_at IS NULL AND p.repost_of_id IS NULL
         AND p.id < below AND p.id > above AND (author IS NULL OR p.author_id = author)
     ORDER BY p.id DESC LIMIT how_many)
    UNION
    (SELECT m.post_id FROM posts.media m
     WHERE to_tsvector('simple', m.words) @@ websearch_to_tsquery('simple', sought) AND m.words <> ''
         AND m.post_id < below AND m.post_id > above AND (author IS NULL OR m.author_id = author)
     ORDER BY m.post_id DESC LIMIT how_many)
    ORDER BY 1 DESC LIMIT how_many;
END $$;

-- And tags by their beginning: only of a known one a part of their index can be taken.
CREATE FUNCTION posts.find_tags(pattern text, beginning text, how_many bigint)
RETURNS TABLE (name text, n bigint, people bigint) LANGUAGE plpgsql STABLE SET plan_cache_mode = force_custom_plan AS $$
BEGIN
    RETURN QUERY
    SELECT (array_agg(t.name ORDER BY t.post_id DESC))[1], count(*), count(DISTINCT t.author_id) AS those
    FROM posts.tags t WHERE t.tag >= beginning AND t.tag LIKE pattern
    GROUP BY t.tag ORDER BY those DESC, t.tag LIMIT how_many;
END $$;
