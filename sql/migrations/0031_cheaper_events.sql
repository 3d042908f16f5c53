-- Events at less cost for each change.

-- Services add their events to the outbox in the statement that makes the change, without a call in between. Of a row
-- they say what happened; its place in the order of events, and when, are the table's own. They can neither read nor
-- change what is there.
CREATE FUNCTION deeplink.let_emit(login text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('GRANT INSERT (topic, key, type, body) ON events.outbox TO %I', login);
END $$;

SELECT deeplink.let_emit(role) FROM deeplink.services WHERE name <> 'events';

CREATE OR REPLACE FUNCTION deeplink.add_service(service text, home text) RETURNS void LANGUAGE plpgsql AS $$
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
        PERFORM deeplink.let_emit(login);
    END IF;
END $$;

-- The counters of a post behind the body of an event, as fields 6 to 9: those that most posts have in one step.
CREATE FUNCTION posts.pb_counters(body bytea, version bigint, likes int, reposts int, comments int) RETURNS bytea
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
BEGIN
    IF version < 16384 AND likes < 128 AND reposts < 128 AND comments < 128 THEN
        RETURN body || set_byte(set_byte(set_byte(set_byte(set_byte('\x308000380040004800'::bytea,
            1, version::int & 127 | 128), 2, version::int >> 7), 4, likes), 6, reposts), 8, comments);
    END IF;
    RETURN body || posts.pb_int(6, version) || posts.pb_int(7, likes) || posts.pb_int(8, reposts)
                || posts.pb_int(9, comments);
END $$;
