-- Asked by `deeplink migrate` alone, as the owner of the database.

-- name: migrate_lock :one
SELECT pg_try_advisory_lock(hashtextextended('deeplink migrate', 0));

-- name: migrate_schema :exec
CREATE SCHEMA IF NOT EXISTS deeplink;

-- name: migrate_table :exec
CREATE TABLE IF NOT EXISTS deeplink.migrations (
    number integer PRIMARY KEY,
    name text NOT NULL,
    sha256 text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
);

-- name: migrate_begun :one
SELECT to_regclass('deeplink.migrations') IS NOT NULL;

-- name: migrate_applied :many
SELECT number, name, sha256 FROM deeplink.migrations ORDER BY number;

-- name: migrate_record :exec
INSERT INTO deeplink.migrations (number, name, sha256) VALUES ($1::integer, $2, $3);

-- name: migrate_roles :many
SELECT role FROM deeplink.services ORDER BY name;

-- name: migrate_password :exec
SELECT deeplink.set_password($1, $2);
