-- The connection service: who follows, asks to follow, blocks and mutes whom. Each edge has an id that orders lists by when it was made.

CREATE TABLE connections.follows (
    follower_id bigint NOT NULL,
    followee_id bigint NOT NULL,
    id bigint NOT NULL,
    PRIMARY KEY (follower_id, followee_id),
    CHECK (follower_id <> followee_id)
);
CREATE INDEX follows_by_followee ON connections.follows (followee_id, id DESC) INCLUDE (follower_id);
CREATE INDEX follows_by_follower ON connections.follows (follower_id, id DESC) INCLUDE (followee_id);
CREATE INDEX follows_in_member_order ON connections.follows (followee_id, follower_id);

CREATE TABLE connections.requests (
    requester_id bigint NOT NULL,
    target_id bigint NOT NULL,
    id bigint NOT NULL,
    PRIMARY KEY (requester_id, target_id),
    CHECK (requester_id <> target_id)
);
CREATE INDEX requests_by_target ON connections.requests (target_id, id DESC) INCLUDE (requester_id);

CREATE TABLE connections.blocks (
    blocker_id bigint NOT NULL,
    blocked_id bigint NOT NULL,
    id bigint NOT NULL,
    PRIMARY KEY (blocker_id, blocked_id),
    CHECK (blocker_id <> blocked_id)
);
CREATE INDEX blocks_by_blocked ON connections.blocks (blocked_id, blocker_id);
CREATE INDEX blocks_by_id ON connections.blocks (blocker_id, id DESC) INCLUDE (blocked_id);

CREATE TABLE connections.mutes (
    muter_id bigint NOT NULL,
    muted_id bigint NOT NULL,
    id bigint NOT NULL,
    until timestamptz,
    PRIMARY KEY (muter_id, muted_id),
    CHECK (muter_id <> muted_id)
);
CREATE INDEX mutes_by_id ON connections.mutes (muter_id, id DESC) INCLUDE (muted_id, until);

CREATE TABLE connections.counts (
    user_id bigint PRIMARY KEY,
    followers bigint NOT NULL DEFAULT 0 CHECK (followers >= 0),
    following bigint NOT NULL DEFAULT 0 CHECK (following >= 0),
    requests bigint NOT NULL DEFAULT 0 CHECK (requests >= 0)
) WITH (fillfactor = 80);

-- Adds to one member's counts.
CREATE FUNCTION connections.bump_one(member bigint, d_followers int, d_following int, d_requests int)
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF d_followers = 0 AND d_following = 0 AND d_requests = 0 THEN
        RETURN;
    END IF;
    INSERT INTO connections.counts (user_id) VALUES (member) ON CONFLICT DO NOTHING;
    UPDATE connections.counts
    SET followers = followers + d_followers, following = following + d_following, requests = requests + d_requests
    WHERE user_id = member;
END $$;

-- Adds to two members' counts, always in the order of their ids, so that two changes at once cannot wait for each other in a circle.
CREATE FUNCTION connections.bump(a bigint, a_followers int, a_following int, a_requests int,
                                 b bigint, b_followers int, b_following int, b_requests int)
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF a < b THEN
        PERFORM connections.bump_one(a, a_followers, a_following, a_requests);
    END IF;
    PERFORM connections.bump_one(b, b_followers, b_following, b_requests);
    IF a > b THEN
        PERFORM connections.bump_one(a, a_followers, a_following, a_requests);
    END IF;
END $$;

-- After many edges came at once: until the tables are looked at anew, the planner takes them for empty.
CREATE FUNCTION connections.refresh_statistics() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    ANALYZE connections.follows;
    ANALYZE connections.counts;
END $$;
REVOKE ALL ON FUNCTION connections.refresh_statistics() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION connections.refresh_statistics() TO deeplink_connection;
