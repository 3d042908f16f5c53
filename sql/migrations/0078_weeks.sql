-- How many members were here in each week: counted when one comes for the first time in it. Weeks are numbered from that of
-- the smallest id, which begins on a Monday (2024-01-01, UTC).
CREATE TABLE users.weeks (
    week integer PRIMARY KEY,
    members bigint NOT NULL
);

CREATE FUNCTION users.week_of(id bigint) RETURNS integer LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT ((id >> 22) / 604800000)::integer
$$;

CREATE FUNCTION users.came_this_week() RETURNS trigger
LANGUAGE plpgsql SET search_path = users, pg_temp AS $$
BEGIN
    INSERT INTO weeks AS w (week, members) VALUES (week_of(NEW.active_id), 1)
    ON CONFLICT (week) DO UPDATE SET members = w.members + 1;
    RETURN NULL;
END
$$;
-- A new account's active_id is its id: nobody has been there yet.
CREATE TRIGGER came_this_week AFTER UPDATE OF active_id ON users.accounts FOR EACH ROW
    WHEN (OLD.active_id = OLD.id OR users.week_of(OLD.active_id) <> users.week_of(NEW.active_id))
    EXECUTE FUNCTION users.came_this_week();
