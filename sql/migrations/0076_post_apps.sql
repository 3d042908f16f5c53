-- The app by which a post was written, as it was then; '' for those written on the site itself.
ALTER TABLE posts.posts ADD COLUMN app_name text NOT NULL DEFAULT '';
ALTER TABLE posts.posts ADD COLUMN app_website text NOT NULL DEFAULT '';
