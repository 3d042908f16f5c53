-- What is to be done in the store of blobs: whatever makes a blob needed no more, or shows it to everybody, or not any
-- more, leaves its key here in the same transaction. Whoever does it looks at the blob's row anew, so a key may stand
-- here twice, or for nothing. Rows are only added and removed: they lock nobody.

CREATE TABLE media.unsettled (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    key text COLLATE "C" NOT NULL,
    at timestamptz NOT NULL DEFAULT now()       -- not before
);

CREATE FUNCTION media.files_gone() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO media.unsettled (key) SELECT DISTINCT key FROM gone;
    RETURN NULL;
END $$;
CREATE TRIGGER files_gone AFTER DELETE ON media.files REFERENCING OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION media.files_gone();

-- Files of a medium that is for everybody, whose blobs are not yet: as a worker has made them, or, under another name, is
-- at it. The original is never shown.
CREATE FUNCTION media.files_come() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO media.unsettled (key)
        SELECT DISTINCT f.key FROM come AS f JOIN media.items AS i ON i.id = f.media_id
            JOIN media.blobs AS b ON b.key = f.key
        WHERE i.public AND NOT b.public AND f.name <> 'original' AND f.name NOT LIKE 'new/%';
    RETURN NULL;
END $$;
CREATE FUNCTION media.files_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO media.unsettled (key)
        SELECT key FROM gone UNION
        SELECT f.key FROM come AS f JOIN media.items AS i ON i.id = f.media_id JOIN media.blobs AS b ON b.key = f.key
        WHERE i.public AND NOT b.public AND f.name <> 'original' AND f.name NOT LIKE 'new/%';
    RETURN NULL;
END $$;
CREATE TRIGGER files_come AFTER INSERT ON media.files REFERENCING NEW TABLE AS come
    FOR EACH STATEMENT EXECUTE FUNCTION media.files_come();
CREATE TRIGGER files_change AFTER UPDATE ON media.files REFERENCING OLD TABLE AS gone NEW TABLE AS come
    FOR EACH STATEMENT EXECUTE FUNCTION media.files_change();

-- A post's audience, an avatar that takes another's place: what is shown changes with what a medium is attached to.
CREATE FUNCTION media.items_shown() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO media.unsettled (key)
        SELECT DISTINCT f.key FROM now_so AS i JOIN was_so AS o USING (id) JOIN media.files AS f ON f.media_id = i.id
        WHERE i.public <> o.public AND f.name <> 'original' AND f.name NOT LIKE 'new/%';
    RETURN NULL;
END $$;
CREATE TRIGGER items_shown AFTER UPDATE ON media.items REFERENCING OLD TABLE AS was_so NEW TABLE AS now_so
    FOR EACH STATEMENT EXECUTE FUNCTION media.items_shown();

-- When the sweep last asked whether what a medium is attached to is still there.
ALTER TABLE media.items ADD COLUMN checked_at timestamptz NOT NULL DEFAULT now();
CREATE INDEX items_by_check ON media.items (checked_at) WHERE target_id IS NOT NULL;
CREATE INDEX items_failed ON media.items (id) WHERE state = 2;
