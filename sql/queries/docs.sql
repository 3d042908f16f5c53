-- Documents in PostgreSQL, as role deeplink_docs. All that names a collection comes from docs.statement().

-- name: docs_ready :one
SELECT true;

-- name: docs_ensure_collection :exec
SELECT docs.ensure_collection($1, $2, $3);

-- name: docs_statement :one
SELECT docs.statement($1, $2, $3);
