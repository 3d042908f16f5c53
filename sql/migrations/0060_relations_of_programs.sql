-- What members note about others for themselves, and whom they do not want to be suggested again.

CREATE TABLE connections.notes (
    user_id bigint NOT NULL,
    about_id bigint NOT NULL,
    text text NOT NULL CHECK (length(text) BETWEEN 1 AND 2000),
    PRIMARY KEY (user_id, about_id)
);

CREATE TABLE connections.dismissed (
    user_id bigint NOT NULL,
    dismissed_id bigint NOT NULL,
    at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (user_id, dismissed_id)
);
