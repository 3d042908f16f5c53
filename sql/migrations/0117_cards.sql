-- Link cards: what linked pages say of themselves, by address, and which posts show it.

CREATE TABLE media.cards (
    id bigint PRIMARY KEY,
    url text COLLATE "C" NOT NULL UNIQUE,   -- as posts link to it, in the one form of fetch_url(), <= 2,000 bytes
    state smallint NOT NULL DEFAULT 0 CHECK (state BETWEEN 0 AND 2), -- 0 nobody has looked yet, 1 there is a card, 2 there is none
    card bytea,                             -- packed LinkCard without its picture; NULL: none
    image_url text NOT NULL DEFAULT '',     -- of the picture; '': none
    image_id bigint,                        -- the medium that was made of it
    image bytea,                            -- packed MediaView, once it is ready
    -- the look at the page that is to be taken: by whom and until when, how often it was begun, when
    lease bigint,
    lease_until timestamptz,
    attempts smallint NOT NULL DEFAULT 0,
    due_at timestamptz,                     -- NULL: nothing is to be done
    fetched_at timestamptz,                 -- the last time that something came of it, or nothing for good
    used_at timestamptz NOT NULL DEFAULT now(), -- when a post last linked to it
    error text NOT NULL DEFAULT ''          -- for the operator
);
CREATE INDEX cards_due ON media.cards (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX cards_by_image ON media.cards (image_id) WHERE image_id IS NOT NULL;
CREATE INDEX cards_unused ON media.cards (used_at);

-- A post that shows a card or waits for one. The post service is told when tell_at comes.
CREATE TABLE media.card_posts (
    post_id bigint PRIMARY KEY,
    card_id bigint REFERENCES media.cards,  -- NULL: it links to nothing any more, and the post service is to hear so
    tell_at timestamptz,                    -- NULL: it has heard, or there is nothing to say yet
    version bigint NOT NULL DEFAULT 1       -- grows with everything that is to be told
);
CREATE INDEX card_posts_by_card ON media.card_posts (card_id);
CREATE INDEX card_posts_tell ON media.card_posts (tell_at) WHERE tell_at IS NOT NULL;
