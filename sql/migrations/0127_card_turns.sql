-- Whose turn it is to have a linked page looked at. Each page that a member links to comes some seconds after
-- the one before of the same member, so that many of one stand behind the first of another. Nobody is put off
-- for ever: turns are moments, and moments pass.
ALTER TABLE media.cards
    ADD COLUMN host text COLLATE "C" NOT NULL DEFAULT '', -- of its address, without "www."; '': not known
    ADD COLUMN asked_by bigint NOT NULL DEFAULT 0,        -- the member in whose turn it is
    ADD COLUMN turn_at timestamptz NOT NULL DEFAULT now();
CREATE INDEX cards_turn ON media.cards (turn_at) WHERE due_at IS NOT NULL;
CREATE INDEX cards_turn_of ON media.cards (asked_by, turn_at) WHERE due_at IS NOT NULL;
CREATE INDEX cards_leased ON media.cards (lease_until) WHERE lease_until IS NOT NULL;

-- Links that are not by https are not verified any more: they are looked at now, and lose the mark.
UPDATE users.profile_links SET due_at = now() WHERE url LIKE 'http://%';
CREATE INDEX profile_links_leased ON users.profile_links (lease_until) WHERE lease_until IS NOT NULL;
