-- What the page that a post links to says of itself: a copy of what the media service found (packed LinkCard). NULL, as of
-- nearly all posts, takes no room.
ALTER TABLE posts.posts ADD COLUMN card bytea;
