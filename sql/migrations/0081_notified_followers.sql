-- Followers who want to be told of each new post, for the notification service's question after every one.
CREATE INDEX follows_notified ON connections.follows (followee_id, follower_id) WHERE notify;
