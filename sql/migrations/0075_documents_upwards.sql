-- Lists of documents are walked back, too: 'list_up' is 'list' the other way round.

CREATE OR REPLACE FUNCTION docs.statement(op text, collection text, fields text[]) RETURNS text
LANGUAGE plpgsql STABLE AS $$
DECLARE
    template text;
    conditions text := '';
    first_value integer := CASE WHEN op IN ('list', 'list_up') THEN 5 ELSE 2 END;
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
        WHEN 'list_up' THEN
            'SELECT doc FROM docs.%1$I WHERE p = $1::bigint%2$s AND (t, id) > ($2::bigint, $3::text)
             ORDER BY t, id LIMIT $4::bigint'
        WHEN 'count' THEN 'SELECT count(*) FROM docs.%1$I WHERE p = $1::bigint%2$s'
        WHEN 'expire' THEN
            'DELETE FROM docs.%1$I WHERE id IN (SELECT id FROM docs.%1$I WHERE t < $1::bigint ORDER BY t LIMIT 1000)'
        END;
    IF template IS NULL THEN
        RAISE EXCEPTION 'no such statement: %', op USING ERRCODE = 'invalid_parameter_value';
    END IF;
    RETURN format(template, collection, conditions);
END $$;
