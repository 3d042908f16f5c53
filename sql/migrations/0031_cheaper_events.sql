-- Events at less cost for each change.

-- Services add their events to the outbox in the statement that makes the change, without a call in between. Of a row
-- they say what happened; its place in the order of events, and when, are the table's own. They can neither read nor
-- change what is there.
CREATE FUNCTION deeplink.let_emit(login text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('GRANT INSERT (topic, key, type, body) ON events.outbox TO %I', login);
END $$;

SELECT deeplink.let_emit(role) FROM deeplink.services WHERE name <> 'events';

-- A service that comes later is let, too.
ALTER FUNCTION deeplink.add_service(text, text) RENAME TO add_service_home;
CREATE FUNCTION deeplink.add_service(service text, home text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM deeplink.add_service_home(service, home);
    IF service <> 'events' THEN
        PERFORM deeplink.let_emit('deeplink_' || service);
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
