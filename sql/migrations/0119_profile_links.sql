-- Links in profiles, and whether the page behind one links back with rel=me.
CREATE TABLE users.profile_links (
    user_id bigint NOT NULL REFERENCES users.accounts (id) ON DELETE CASCADE,
    url text COLLATE "C" NOT NULL,          -- as it stands in a field of the profile
    verified_at timestamptz,                -- since when it does; NULL: it does not
    checked_at timestamptz,                 -- when it was last looked at
    due_at timestamptz NOT NULL DEFAULT now(), -- when it is to be looked at next …
    lease bigint,                           -- … by whom and until when
    lease_until timestamptz,
    attempts smallint NOT NULL DEFAULT 0,   -- that came to nothing, one after the other
    PRIMARY KEY (user_id, url)
);
CREATE INDEX profile_links_due ON users.profile_links (due_at);

-- Since when each of these links of a member is verified, in Unix ms, 0 for not; NULL where none is, which costs profiles
-- without links nothing.
CREATE FUNCTION users.verified_ms(member bigint, urls text[]) RETURNS bigint[] LANGUAGE sql STABLE STRICT PARALLEL SAFE AS $$
    SELECT CASE WHEN urls <> '{}' THEN (
        SELECT array_agg(coalesce((extract(epoch FROM l.verified_at) * 1000)::bigint, 0) ORDER BY v.n)
        FROM unnest(urls) WITH ORDINALITY AS v (url, n)
        LEFT JOIN users.profile_links l ON l.user_id = member AND l.url = v.url
    ) END
$$;
