-- Events by way of a broker: where each consumer is in each partition, what the relay has published, and what has
-- acted already.

-- A row is a place in the outbox (name: the consumer, or `relay`), or a consumer's place in one partition of a broker's
-- topic (name: consumer/topic/partition); then (xid, id) is the last event that was handled, whatever comes twice after
-- it, and next_offset what is to be read next.
ALTER TABLE events.consumer
    ADD COLUMN consumer text,
    ADD COLUMN topic text,
    ADD COLUMN partition integer,
    ADD COLUMN next_offset bigint NOT NULL DEFAULT -1;      -- -1: not known yet
CREATE UNIQUE INDEX consumer_partition ON events.consumer (consumer, topic, partition) WHERE topic IS NOT NULL;

-- What the relay has published: the offset after the last event of each partition. Lag is told by it without asking the
-- broker.
CREATE TABLE events.published (
    topic text NOT NULL,
    partition integer NOT NULL,
    partitions integer NOT NULL,            -- that the topic has
    next_offset bigint NOT NULL,
    PRIMARY KEY (topic, partition)
) WITH (fillfactor = 50);

-- The partition that a key's events go to. fcgi/drivers/bus_relay.c computes the same.
CREATE FUNCTION events.partition_of(key bigint, partitions integer) RETURNS integer
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT ((((key >> 22) # key) & 9223372036854775807) % partitions)::integer
$$;

-- A broker takes messages of up to a megabyte.
ALTER TABLE events.outbox ADD CONSTRAINT outbox_body_size CHECK (octet_length(body) <= 900000) NOT VALID;

-- Which events have acted already, for consumers whose work cannot simply be repeated.
CREATE TABLE events.acted (
    consumer text NOT NULL,
    event_id bigint NOT NULL,
    at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (consumer, event_id)
);
CREATE INDEX acted_at ON events.acted (at);
ALTER TABLE events.settings ADD COLUMN remember interval NOT NULL DEFAULT '10 days';

-- True once for each event and consumer, in the transaction that does what the event asks for: both are there after it,
-- or neither is. Longer remembered than any event is kept.
CREATE FUNCTION events.once(consumer text, event_id bigint) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$
BEGIN
    INSERT INTO events.acted (consumer, event_id) VALUES ($1, $2) ON CONFLICT DO NOTHING;
    RETURN FOUND;
END $$;
REVOKE ALL ON FUNCTION events.once(text, bigint) FROM PUBLIC;

CREATE OR REPLACE FUNCTION deeplink.let_emit(login text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('GRANT INSERT (topic, key, type, body) ON events.outbox TO %I', login);
    EXECUTE format('GRANT EXECUTE ON FUNCTION events.once(text, bigint) TO %I', login);
END $$;
SELECT deeplink.let_emit(role) FROM deeplink.services WHERE name <> 'events';
