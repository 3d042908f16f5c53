-- Who mutes a member: for the erasure of that member.
CREATE INDEX mutes_by_muted ON connections.mutes (muted_id);
