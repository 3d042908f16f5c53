-- Whoever makes files is woken when a medium is due at once: uploaded, tried again, made anew, given back. What is due
-- later (a lease that runs out, another try after a failure) is found by looking every few seconds. NOTIFY lets such
-- transactions commit one after the other, which is nothing beside the making.

CREATE FUNCTION media.items_due() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('media_due', '');
    RETURN NULL;
END $$;
CREATE TRIGGER items_due AFTER INSERT OR UPDATE OF due_at ON media.items FOR EACH ROW
    WHEN (NEW.due_at <= now() AND NEW.version > 0) EXECUTE FUNCTION media.items_due();
