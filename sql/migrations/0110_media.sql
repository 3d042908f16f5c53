-- The media service: whose a file is, what it is attached to, what became of it, which blobs it needs. What is shown of it
-- (sizes, blurhash, description) is a document of the collection `media`.

CREATE TABLE media.items (
    id bigint PRIMARY KEY,
    owner_id bigint NOT NULL,
    state smallint NOT NULL DEFAULT 0 CHECK (state BETWEEN 0 AND 2), -- MediaState
    kind smallint NOT NULL DEFAULT 0,       -- MediaKind
    purpose text NOT NULL,                  -- post, avatar, banner
    bytes bigint NOT NULL,                  -- as uploaded; counts against the member's quota
    source text NOT NULL,                   -- what was uploaded: a file's name in the spool until there is a blob; then ''
    target_kind text,                       -- what it is attached to; NULL: nothing
    target_id bigint,
    place smallint NOT NULL DEFAULT 0,      -- among those of the target
    public boolean NOT NULL DEFAULT false,
    version bigint NOT NULL DEFAULT 1,      -- grows with every change; 0: it is being made, nobody sees it yet
    -- the work that is to be done: by whom and until when, how often it was begun, when next
    lease bigint,
    lease_until timestamptz,
    attempts smallint NOT NULL DEFAULT 0,
    due_at timestamptz,                     -- NULL: there is nothing to do
    progress smallint NOT NULL DEFAULT 0,
    error text NOT NULL DEFAULT '',         -- for the operator
    created_at timestamptz NOT NULL DEFAULT now(),
    changed_at timestamptz NOT NULL DEFAULT now() -- since when it has been attached to nothing, among other things
);
CREATE INDEX items_by_owner ON media.items (owner_id, id);
CREATE INDEX items_by_target ON media.items (target_kind, target_id, place) WHERE target_id IS NOT NULL;
CREATE INDEX items_due ON media.items (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX items_loose ON media.items (changed_at) WHERE target_id IS NULL;

-- A blob in the store: a content that some medium needs. Written before the store has it; removed after the store has lost it.
CREATE TABLE media.blobs (
    key text COLLATE "C" PRIMARY KEY,       -- SHA-256 in hex, '.', extension
    bytes bigint NOT NULL,
    public boolean NOT NULL DEFAULT false,  -- the store has been told to show it to everybody
    created_at timestamptz NOT NULL DEFAULT now()
);

-- Which blobs a medium is made of.
CREATE TABLE media.files (
    media_id bigint NOT NULL REFERENCES media.items ON DELETE CASCADE,
    name text NOT NULL,                     -- MediaFile.name, or a piece of one: hls/0001
    key text COLLATE "C" NOT NULL REFERENCES media.blobs,
    PRIMARY KEY (media_id, name)
);
CREATE INDEX files_by_key ON media.files (key);

-- Uploads in pieces. The medium that one becomes has its id, so that it becomes one only once.
CREATE TABLE media.uploads (
    id bigint PRIMARY KEY,
    owner_id bigint NOT NULL,
    bytes bigint NOT NULL,                  -- in all
    here bigint NOT NULL DEFAULT 0,         -- so many have come
    sha256 text NOT NULL DEFAULT '',        -- as the client announced it
    file_name text NOT NULL DEFAULT '',
    purpose text NOT NULL DEFAULT 'post',
    created_at timestamptz NOT NULL DEFAULT now(),
    changed_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX uploads_by_owner ON media.uploads (owner_id, id);
CREATE INDEX uploads_by_age ON media.uploads (changed_at);
