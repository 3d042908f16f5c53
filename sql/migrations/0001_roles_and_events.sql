-- Who may do what, and the events.
--
-- A service has a schema of its own and logs in with a role of its own, which may read and write the rows of that schema
-- and touch nothing else. All tables belong to the owner who migrates. `deeplink.services` is the one place that says
-- which service has which role and schema (some services' names are reserved words in SQL, hence the plural).

CREATE TABLE deeplink.services (
    name text PRIMARY KEY CHECK (name ~ '^[a-z]{1,20}$'),
    role text NOT NULL UNIQUE,
    schema text NOT NULL UNIQUE CHECK (schema ~ '^[a-z]{1,20}$')
);
COMMENT ON TABLE deeplink.services IS 'the services, their login roles and schemas';

-- Makes a service at home: role, schema and rights. Roles belong to the whole server, and another database there may have
-- made them already, so what is as it should be is left alone.
CREATE FUNCTION deeplink.add_service(service text, home text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    login CONSTANT text := 'deeplink_' || service;
BEGIN
    INSERT INTO deeplink.services (name, role, schema) VALUES (service, login, home);
    BEGIN
        EXECUTE format('CREATE ROLE %I LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOINHERIT NOREPLICATION', login);
    EXCEPTION WHEN duplicate_object OR unique_violation THEN
        NULL;
    END;
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_db_role_setting s JOIN pg_catalog.pg_roles r ON r.oid = s.setrole
                   WHERE s.setdatabase = 0 AND r.rolname = login AND 'search_path=' || home = ANY (s.setconfig)) THEN
        EXECUTE format('ALTER ROLE %I SET search_path = %I', login, home);
    END IF;
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO %I', current_database(), login);
    EXECUTE format('CREATE SCHEMA %I', home);
    EXECUTE format('GRANT USAGE ON SCHEMA %I TO %I', home, login);
    EXECUTE format('ALTER DEFAULT PRIVILEGES IN SCHEMA %I GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO %I', home, login);
    EXECUTE format('ALTER DEFAULT PRIVILEGES IN SCHEMA %I GRANT USAGE ON SEQUENCES TO %I', home, login);
    EXECUTE format('ALTER DEFAULT PRIVILEGES IN SCHEMA %I GRANT EXECUTE ON FUNCTIONS TO %I', home, login);
    IF service <> 'events' THEN
        EXECUTE format('GRANT USAGE ON SCHEMA events TO %I', login);
        EXECUTE format('GRANT EXECUTE ON FUNCTION events.emit(text, bigint, text, bytea) TO %I', login);
        EXECUTE format('GRANT USAGE ON SEQUENCE events.node TO %I', login);
    END IF;
END $$;

-- A role's password, as a verifier (the password itself never reaches the server's log).
CREATE FUNCTION deeplink.set_password(login text, verifier text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM deeplink.services WHERE role = login) OR verifier !~ '^SCRAM-SHA-256\$' THEN
        RAISE EXCEPTION 'not a role of a service, or not a verifier: %', login;
    END IF;
    EXECUTE format('ALTER ROLE %I PASSWORD %L', login, verifier);
END $$;

DO $$
BEGIN
    EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database());
    REVOKE CREATE ON SCHEMA public FROM PUBLIC;
    PERFORM deeplink.add_service('events', 'events');
END $$;

-- The outbox. A row is written in the transaction that makes the change, and read in the order of (xid, id) up to the
-- oldest transaction still running: later rows of a transaction that took its number early would else be missed.
CREATE TABLE events.outbox (
    xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
    id bigint GENERATED ALWAYS AS IDENTITY (CACHE 1),
    topic text NOT NULL,                    -- 'post.v1'
    key bigint NOT NULL,                    -- aggregate; events of one key stay in order
    type text NOT NULL,                     -- 'post.created'
    body bytea NOT NULL,                    -- protobuf
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (xid, id)
);

-- What a service says happened. Runs as the owner, so that services can add events but neither read nor change any; every
-- name in it carries its schema, so the caller's search_path is of no consequence.
CREATE FUNCTION events.emit(topic text, key bigint, type text, body bytea) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    event_id bigint;
BEGIN
    INSERT INTO events.outbox (topic, key, type, body) VALUES ($1, $2, $3, coalesce($4, ''::pg_catalog.bytea))
    RETURNING id INTO event_id;
    RETURN event_id;
END $$;
REVOKE ALL ON FUNCTION events.emit(text, bigint, text, bytea) FROM PUBLIC;

-- How far each consumer is: it has handled everything up to and including (xid, id).
CREATE TABLE events.consumer (
    name text PRIMARY KEY,
    xid xid8 NOT NULL,
    id bigint NOT NULL,
    starts integer NOT NULL DEFAULT 0,      -- how often it was started since it last got on
    tries integer NOT NULL DEFAULT 0,       -- how often the event after this position was begun and never ended
    updated_at timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 50);

-- Events that a consumer failed on. Those with a time are tried again then; those without are dead letters.
-- The pair is unique, so that an event delivered twice is parked once.
CREATE TABLE events.failed (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    consumer text NOT NULL,
    event_id bigint NOT NULL,
    topic text NOT NULL,
    key bigint NOT NULL,
    type text NOT NULL,
    body bytea NOT NULL,
    created_at timestamptz NOT NULL,        -- of the event
    attempts integer NOT NULL,
    error text NOT NULL,
    failed_at timestamptz NOT NULL DEFAULT now(),
    next_at timestamptz,
    UNIQUE (consumer, event_id)
);
CREATE INDEX failed_due ON events.failed (consumer, next_at) WHERE next_at IS NOT NULL;

-- How long what every consumer has handled is kept, so that a consumer can be set back.
CREATE TABLE events.settings (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    keep interval NOT NULL DEFAULT '3 days'
);
INSERT INTO events.settings DEFAULT VALUES;
REVOKE INSERT, UPDATE, DELETE ON events.settings FROM deeplink_events;

-- Numbers for the node part of ids, one a process.
CREATE SEQUENCE events.node AS integer MINVALUE 1 MAXVALUE 1023 CYCLE;

-- Consumers may lose their last position in a crash of the server (they then see those events again); so they need not
-- wait for the disk.
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_db_role_setting s JOIN pg_catalog.pg_roles r ON r.oid = s.setrole
                   WHERE s.setdatabase = 0 AND r.rolname = 'deeplink_events' AND 'synchronous_commit=off' = ANY (s.setconfig)) THEN
        ALTER ROLE deeplink_events SET synchronous_commit = off;
    END IF;
    PERFORM deeplink.add_service('user', 'users');
    PERFORM deeplink.add_service('post', 'posts');
    PERFORM deeplink.add_service('connection', 'connections');
    PERFORM deeplink.add_service('chat', 'chats');
    PERFORM deeplink.add_service('media', 'media');
    PERFORM deeplink.add_service('analytics', 'analytics');
    PERFORM deeplink.add_service('notification', 'notifications');
    PERFORM deeplink.add_service('search', 'search');
    PERFORM deeplink.add_service('docs', 'docs');
END $$;
