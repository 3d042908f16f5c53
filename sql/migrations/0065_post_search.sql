-- Words of posts, as they were typed, for the search. Without a dictionary: members write in many languages.

CREATE INDEX posts_words ON posts.posts USING gin (to_tsvector('simple', source))
    WHERE deleted_at IS NULL AND repost_of_id IS NULL;
