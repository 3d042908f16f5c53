-- Indexes for statements that run often and read the whole of a table that grows.

-- What is leased this moment, of all that went out and is kept for days.
CREATE INDEX outgoing_leased ON notifications.outgoing (lease) WHERE lease IS NOT NULL;

-- The most followed, whom every member's margin suggests. A row moves in it with a follow of its member alone.
CREATE INDEX counts_followers ON connections.counts (followers DESC, user_id) WHERE followers > 0;
