-- What came of sending, counted: for metrics. Rows of what went out are swept, these stay.
CREATE TABLE notifications.sendings (
    way text NOT NULL CHECK (way IN ('email', 'digest', 'push', 'webhook')),
    outcome text NOT NULL CHECK (outcome IN ('sent', 'failed', 'dropped', 'unknown')),
    n bigint NOT NULL,
    PRIMARY KEY (way, outcome)
) WITH (fillfactor = 50);

-- What a list says of the group that a notification is in: how many there are up to this state, the oldest one's
-- id, the latest 8 who did it. Planned as part of the query that asks.
CREATE FUNCTION notifications.group_of(of_user bigint, of_key text, up_to_state bigint)
RETURNS TABLE (n bigint, oldest bigint, sample bigint[]) LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT count(*), min(m.id),
           ARRAY(SELECT s.actor_id FROM notifications.notifications s
                 WHERE s.user_id = of_user AND s.group_key = of_key AND s.state < 2 AND NOT s.hidden
                     AND s.state <= up_to_state ORDER BY s.id DESC LIMIT 8)
    FROM notifications.notifications m
    WHERE m.user_id = of_user AND m.group_key = of_key AND m.state < 2 AND NOT m.hidden
        AND m.state <= up_to_state
$$;
