-- Lists that members keep of those they follow, each with a timeline of its own. Posts of members of an exclusive one stay
-- out of its owner's home timeline.
CREATE TABLE connections.lists (
    id bigint PRIMARY KEY,
    owner_id bigint NOT NULL,
    title text NOT NULL,
    replies smallint NOT NULL CHECK (replies BETWEEN 1 AND 3), -- shown: to members of the list, to anybody followed, none
    exclusive boolean NOT NULL
);
CREATE INDEX lists_by_owner ON connections.lists (owner_id, id);

-- Who is followed no longer is on no list.
CREATE TABLE connections.list_members (
    list_id bigint NOT NULL REFERENCES connections.lists ON DELETE CASCADE,
    owner_id bigint NOT NULL,               -- the list's
    member_id bigint NOT NULL,
    id bigint NOT NULL,                     -- orders by when they were added
    PRIMARY KEY (list_id, member_id),
    FOREIGN KEY (owner_id, member_id) REFERENCES connections.follows (follower_id, followee_id) ON DELETE CASCADE
);
CREATE INDEX list_members_by_id ON connections.list_members (list_id, id DESC) INCLUDE (member_id);
CREATE INDEX list_members_by_follow ON connections.list_members (owner_id, member_id);
CREATE INDEX list_members_by_member ON connections.list_members (member_id) INCLUDE (list_id, owner_id);
