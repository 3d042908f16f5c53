-- Documents in JSONB: one table a collection. A row is the document itself; what it is found by is derived from it.

-- How much a field counts after adding to it. A field that is no whole number cannot be added to.
CREATE FUNCTION docs.plus(doc jsonb, field text, amount bigint) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    old jsonb := doc -> field;
BEGIN
    IF old IS NULL THEN
        RETURN doc || jsonb_build_object(field, amount);
    END IF;
    IF jsonb_typeof(old) <> 'number' OR (old #>> '{}')::numeric % 1 <> 0 THEN
        RAISE EXCEPTION 'the field % is no whole number', field USING ERRCODE = 'invalid_parameter_value';
    END IF;
    RETURN doc || jsonb_build_object(field, (old #>> '{}')::numeric::bigint + amount);
END $$;

-- Does every field of `expected` have that value? An absent one counts as null.
CREATE FUNCTION docs.matches(doc jsonb, expected jsonb) RETURNS boolean
LANGUAGE sql IMMUTABLE AS $$
    SELECT NOT EXISTS (SELECT FROM jsonb_each(expected) AS e WHERE coalesce(doc -> e.key, 'null') <> e.value)
$$;

-- A field as an index or a condition has it.
CREATE FUNCTION docs.field_expression(field text) RETURNS text
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    IF field !~ '^(_id|[a-z][a-z0-9_]{0,39})$' THEN
        RAISE EXCEPTION 'not the name of a field: %', field USING ERRCODE = 'invalid_parameter_value';
    END IF;
    RETURN CASE field WHEN 'p' THEN 'p' WHEN 't' THEN 't' WHEN '_id' THEN 'id'
           ELSE format('(doc -> %L)', field) END;
END $$;

CREATE FUNCTION docs.check_collection(collection text) RETURNS void
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    IF collection !~ '^[a-z][a-z0-9_]{0,39}$' THEN
        RAISE EXCEPTION 'not the name of a collection: %', collection USING ERRCODE = 'invalid_parameter_value';
    END IF;
END $$;

-- Makes what is missing of a collection. fields: 'p,kind,-t', '-' for descending. Runs as the owner, so that the role of
-- the documents needs no right to create anything else.
CREATE FUNCTION docs.ensure_index(collection text, fields text) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    names text[] := string_to_array(fields, ',');
    wanted text;
    columns text;
BEGIN
    IF NOT '_id' = ANY (names) AND NOT '-_id' = ANY (names) THEN
        names := names || '-_id'::text;
    END IF;
    wanted := collection || '_' || left(md5(array_to_string(names, ',')), 12);
    IF EXISTS (SELECT FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
               WHERE n.nspname = 'docs' AND c.relname = wanted) THEN
        RETURN;
    END IF;
    SELECT string_agg(docs.field_expression(ltrim(f, '-')) || CASE WHEN f LIKE '-%' THEN ' DESC' ELSE '' END, ', ' ORDER BY i)
    INTO columns FROM unnest(names) WITH ORDINALITY AS u (f, i);
    EXECUTE format('CREATE INDEX %I ON docs.%I (%s)', wanted, collection, columns);
END $$;

CREATE FUNCTION docs.ensure_collection(collection text, expires boolean, indexes text[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    fields text;
BEGIN
    PERFORM docs.check_collection(collection);
    PERFORM pg_advisory_xact_lock(hashtextextended('documents ' || collection, 0));
    IF to_regclass(format('docs.%I', collection)) IS NULL THEN
        EXECUTE format(
            'CREATE TABLE docs.%I (
                 doc jsonb NOT NULL CHECK (jsonb_typeof(doc) = ''object''),
                 p bigint GENERATED ALWAYS AS ((doc ->> ''p'')::bigint) STORED NOT NULL,
                 t bigint GENERATED ALWAYS AS ((doc ->> ''t'')::bigint) STORED NOT NULL,
                 id text COLLATE "C" GENERATED ALWAYS AS (doc ->> ''_id'') STORED PRIMARY KEY)', collection);
    END IF;
    PERFORM docs.ensure_index(collection, 'p,-t');
    IF expires THEN
        PERFORM docs.ensure_index(collection, 't');
    END IF;
    FOREACH fields IN ARRAY indexes LOOP
        PERFORM docs.ensure_index(collection, fields);
    END LOOP;
END $$;

-- The text of each statement about a collection; `fields` are those that must be equal in a list or a count. Asked once by
-- each connection and then prepared there.
CREATE FUNCTION docs.statement(op text, collection text, fields text[]) RETURNS text
LANGUAGE plpgsql STABLE AS $$
DECLARE
    template text;
    conditions text := '';
    first_value integer := CASE op WHEN 'list' THEN 5 ELSE 2 END;
BEGIN
    PERFORM docs.check_collection(collection);
    SELECT coalesce(string_agg(format(' AND %s = $%s::%s', docs.field_expression(f), i - 1 + first_value,
                               CASE f WHEN 'p' THEN 'bigint' WHEN 't' THEN 'bigint' WHEN '_id' THEN 'text' ELSE 'jsonb' END),
                               '' ORDER BY i), '')
    INTO conditions FROM unnest(fields) WITH ORDINALITY AS u (f, i);
    template := CASE op
        WHEN 'insert' THEN 'INSERT INTO docs.%1$I (doc) VALUES ($1::jsonb)'
        WHEN 'insert_many' THEN
            'INSERT INTO docs.%1$I (doc) SELECT d::jsonb FROM unnest($1::text[]) AS d ON CONFLICT DO NOTHING'
        WHEN 'get' THEN 'SELECT doc FROM docs.%1$I WHERE p = $1::bigint AND id = $2::text'
        WHEN 'put' THEN
            'INSERT INTO docs.%1$I AS c (doc) VALUES ($1::jsonb)
             ON CONFLICT (id) DO UPDATE SET doc = excluded.doc WHERE c.p = excluded.p'
        WHEN 'set' THEN 'UPDATE docs.%1$I SET doc = doc || $3::jsonb WHERE p = $1::bigint AND id = $2::text'
        WHEN 'set_if' THEN
            'UPDATE docs.%1$I SET doc = doc || $3::jsonb
             WHERE p = $1::bigint AND id = $2::text AND docs.matches(doc, $4::jsonb)'
        WHEN 'add' THEN
            'UPDATE docs.%1$I SET doc = docs.plus(doc, $3::text, $4::bigint) WHERE p = $1::bigint AND id = $2::text
             RETURNING (doc ->> $3::text)::bigint'
        WHEN 'add_or_create' THEN
            'INSERT INTO docs.%1$I AS c (doc)
             VALUES (jsonb_build_object(''_id'', $2::text, ''p'', $1::bigint, ''t'', $5::bigint, $3::text, $4::bigint))
             ON CONFLICT (id) DO UPDATE SET doc = docs.plus(c.doc, $3::text, $4::bigint) WHERE c.p = excluded.p
             RETURNING (doc ->> $3::text)::bigint'
        WHEN 'remove' THEN 'DELETE FROM docs.%1$I WHERE p = $1::bigint AND id = $2::text'
        WHEN 'remove_all' THEN 'DELETE FROM docs.%1$I WHERE p = $1::bigint'
        WHEN 'list' THEN
            'SELECT doc FROM docs.%1$I WHERE p = $1::bigint%2$s AND (t, id) < ($2::bigint, $3::text)
             ORDER BY t DESC, id DESC LIMIT $4::bigint'
        WHEN 'count' THEN 'SELECT count(*) FROM docs.%1$I WHERE p = $1::bigint%2$s'
        WHEN 'expire' THEN
            'DELETE FROM docs.%1$I WHERE id IN (SELECT id FROM docs.%1$I WHERE t < $1::bigint ORDER BY t LIMIT 1000)'
        END;
    IF template IS NULL THEN
        RAISE EXCEPTION 'no such statement: %', op USING ERRCODE = 'invalid_parameter_value';
    END IF;
    RETURN format(template, collection, conditions);
END $$;

REVOKE ALL ON FUNCTION docs.ensure_index(text, text), docs.ensure_collection(text, boolean, text[]) FROM PUBLIC;
REVOKE ALL ON FUNCTION docs.ensure_index(text, text) FROM deeplink_docs;
