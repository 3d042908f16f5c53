-- Follows that do not bring all posts are few: streams ask for those of an author.
CREATE INDEX follows_narrow ON connections.follows (followee_id) WHERE NOT reposts OR languages <> '{}';
