-- What the runtime itself asks: whether the server answers, and how it is set up.

-- name: runtime_ping :one
SELECT 1::bigint;

-- name: runtime_setup :one
-- For `deeplink doctor`: room for connections, encoding, clock.
SELECT current_setting('max_connections')::bigint, current_setting('server_encoding')::text, now(),
       current_setting('server_version')::text, (SELECT count(*) FROM pg_catalog.pg_stat_activity);
