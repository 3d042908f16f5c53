-- What a follow brings: reposts or not, a notification of each new post, posts in these languages alone ('{}': in all). A
-- request keeps them until it is answered.
ALTER TABLE connections.follows ADD COLUMN reposts boolean NOT NULL DEFAULT true;
ALTER TABLE connections.follows ADD COLUMN notify boolean NOT NULL DEFAULT false;
ALTER TABLE connections.follows ADD COLUMN languages text[] NOT NULL DEFAULT '{}';
ALTER TABLE connections.requests ADD COLUMN reposts boolean NOT NULL DEFAULT true;
ALTER TABLE connections.requests ADD COLUMN notify boolean NOT NULL DEFAULT false;
ALTER TABLE connections.requests ADD COLUMN languages text[] NOT NULL DEFAULT '{}';

-- As bits of handlers/common/edge.h.
CREATE FUNCTION connections.follow_bits(reposts boolean, notify boolean, languages text[]) RETURNS int
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN reposts THEN 0 ELSE 256 END + CASE WHEN notify THEN 512 ELSE 0 END
        + CASE WHEN languages = '{}' THEN 0 ELSE 1024 END
$$;
