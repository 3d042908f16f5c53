-- A member with what its profile says. `verified`: since when each of its links is verified, in Unix ms, 0 for not;
-- NULL where it has none. An expression, since a function in SQL would be planned anew by each statement that calls it.
CREATE VIEW users.profiles AS
    SELECT a.id, a.handle, CASE WHEN a.name = '' THEN a.handle ELSE a.name END AS name, a.headline,
        r.permissions, a.role,
        a.locked, a.state, a.discoverable, a.hide_network, a.created_at, a.version, a.noindex,
        a.avatar, a.avatar_large, a.avatar_words, a.banner, a.banner_words,
        a.bio, a.bio_html, a.field_names, a.field_values,
        CASE WHEN a.field_values <> '{}' THEN (
            SELECT array_agg(coalesce((extract(epoch FROM l.verified_at) * 1000)::bigint, 0) ORDER BY v.n)
            FROM unnest(a.field_values) WITH ORDINALITY AS v (url, n)
            LEFT JOIN users.profile_links l ON l.user_id = a.id AND l.url = v.url
        ) END AS verified
    FROM users.accounts a JOIN users.roles r ON r.name = a.role;
