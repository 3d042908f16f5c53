-- Services look up rows by keys. Their statements are prepared when a process starts, maybe while a table is empty, and a
-- plan that reads the whole of it would stay while the table grows, until statistics are taken again: a minute in which
-- each look costs more than the one before. So they read by an index wherever there is one. And each statement is planned
-- once: PostgreSQL would plan those that take arrays anew for each call, since it believes that the arrays of a general
-- plan have ten elements, and planning costs ten times what a look-up does.
DO $$
DECLARE
    login text;
    setting text;
BEGIN
    FOR login, setting IN SELECT role, unnest(ARRAY['enable_seqscan=off', 'plan_cache_mode=force_generic_plan'])
                          FROM deeplink.services LOOP
        -- Roles belong to the whole server: another database there may have done it.
        IF NOT EXISTS (SELECT FROM pg_catalog.pg_db_role_setting s JOIN pg_catalog.pg_roles r ON r.oid = s.setrole
                       WHERE s.setdatabase = 0 AND r.rolname = login AND setting = ANY (s.setconfig)) THEN
            EXECUTE format('ALTER ROLE %I SET %s', login, replace(setting, '=', ' = '));
        END IF;
    END LOOP;
END $$;
