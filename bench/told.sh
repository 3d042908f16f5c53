#!/usr/bin/env bash
# Measures events on their whole way: follows that are told at once, through the outbox, the bus and the
# notification service, until each is a stored notification; by the built-in bus and by a Kafka broker.
#
#   bench/told.sh [BUILD] [EVENTS]    BUILD: where the program was built (build); EVENTS: 20000
#
# A site of its own for each bus, with the settings of production; the middle of RUNS (3).
. "$(dirname "${BASH_SOURCE[0]}")/../stack/lib.sh"

BUILD=$(realpath -m "${1:-$ROOT/build}")
EVENTS=${2:-20000}
RUNS=${RUNS:-3}
PATIENCE=60

admin() { psql -X -q -A -t -v ON_ERROR_STOP=1 "$TEST_PG_ADMIN" -c "$1"; }

nothing_waits() {
    curl -s "$TEST_BASE_URL/metrics" |
        awk '/^deeplink_events_waiting/ { n += $2; seen = 1 } END { exit !seen || n > 0 }'
}
all_stored() { [ "$(admin 'SELECT count(*) FROM notifications.notifications')" -ge "$EVENTS" ]; }

# The members and who follows whom; an import tells nobody of it.
fill_site() {
    python3 "$ROOT/bench/graph.py" >"$TEST_DIR/graph"
    chmod a+r "$TEST_DIR/graph"
    "$TEST_DEEPLINK" --config "$TEST_CONFIG" import graph "$TEST_DIR/graph" >/dev/null 2>&1 ||
        die "bench: the import failed"
    admin "VACUUM ANALYZE"
    wait_for "$PATIENCE" nothing_waits || die "bench: the import's events are not handled"
}

# Seconds until all are stored.
tell() {
    local begun=$EPOCHREALTIME
    admin "INSERT INTO events.outbox (topic, key, type, body)
           SELECT 'graph.v1', follower_id, 'follow.added',
                  posts.pb_int(1, follower_id) || posts.pb_int(2, followee_id)
           FROM connections.follows LIMIT $EVENTS; NOTIFY outbox"
    wait_for "$PATIENCE" all_stored || die "bench: the notifications did not come"
    awk "BEGIN { print $EPOCHREALTIME - $begun }"
    wait_for "$PATIENCE" nothing_waits || die "bench: the events are not handled"
    admin "DELETE FROM notifications.notifications"
}

measure() {
    local i seconds
    fill_site
    seconds=$(for ((i = 0; i < RUNS; i++)); do tell; done | sort -n | sed -n "$(((RUNS + 1) / 2))p")
    awk "BEGIN { printf \"| %-8s | %8.0f | %5.2f |\\n\", \"$BUS\", $EVENTS / $seconds, $seconds }"
}

# in_site BUS [VARIABLE=VALUE]
in_site() {
    PURPOSE=run BUS=$1 "$ROOT/tests/harness/stack.sh" --build "$BUILD" servers env "${@:2}" \
        "$ROOT/tests/harness/stack.sh" --build "$BUILD" site "$0" "$BUILD" "$EVENTS"
}

if [ -n "${TEST_BASE_URL:-}" ]; then
    measure
else
    say "bench: $EVENTS follows at once become stored notifications"
    say
    say "| bus      | events/s | seconds |"
    say "|---|--:|--:|"
    in_site builtin
    in_site Kafka TEST_KAFKA=own
fi
