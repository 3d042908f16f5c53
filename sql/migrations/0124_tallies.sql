-- What each like and each event is held to, as the types of their columns: PostgreSQL reads a check of a table anew
-- from its text for every statement that writes, and that of a type once.
CREATE DOMAIN posts.tally AS integer CHECK (VALUE >= 0);
ALTER TABLE posts.stats DROP CONSTRAINT stats_check, ALTER likes TYPE posts.tally, ALTER reposts TYPE posts.tally,
    ALTER comments TYPE posts.tally;

-- A broker takes messages of up to a megabyte.
CREATE DOMAIN events.body AS bytea CHECK (octet_length(VALUE) <= 900000);
ALTER TABLE events.outbox DROP CONSTRAINT outbox_body_size, ALTER body TYPE events.body;
