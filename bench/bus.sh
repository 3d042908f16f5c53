#!/usr/bin/env bash
# Measures what the bus carries, the built-in one and a Kafka broker beside each other. docs/bench.md explains
# the table.
#
#   bench/bus.sh [BUILD] [EVENTS]    BUILD: where the program was built (build); EVENTS: 50000
#
# The servers are its own, with the settings of production, and taken away again.
. "$(dirname "${BASH_SOURCE[0]}")/../stack/lib.sh"

BUILD=$(realpath -m "${1:-$ROOT/build}")
EVENTS=${2:-50000}
RATE=500
SECONDS_STEADY=10

if [ "${TEST_KAFKA:-}" = '' ]; then
    exec env PURPOSE=run TEST_KAFKA=own "$ROOT/tests/harness/stack.sh" --build "$BUILD" database \
        "$0" "$BUILD" "$EVENTS"
fi

libraries() {
    local flags
    flags=$(pkg-config --libs libnghttp2 libpq hiredis libmongoc-1.0 json-c libprotobuf-c libsodium libcmark \
        libutf8proc libcurl libidn2 zlib rdkafka)
    printf '%s -lfcgi -lmagic -lpthread -lm' "$flags"
}

mkdir -p "$BUILD/bench"
# shellcheck disable=SC2046 # flags are words
"${CC:-gcc}" -std=gnu11 -O2 -D_GNU_SOURCE -Wall -Wextra -Werror "-I$ROOT" "-I$BUILD" "-I$BUILD/gen" \
    $(pkg-config --cflags-only-I libpq) -o "$BUILD/bench/bus" "$ROOT/bench/bus.c" "$BUILD/libdeeplink.a" \
    $(libraries)

say "bench: $EVENTS events at once; then $RATE events/s for $SECONDS_STEADY s"
say
say "| bus      | events/s | CPU us | events/s, each written | CPU us | p50 ms | p99 ms |"
say "|---|--:|--:|--:|--:|--:|--:|"
"$BUILD/bench/bus" builtin "$EVENTS" "$RATE" "$SECONDS_STEADY"
"$BUILD/bench/bus" "$TEST_KAFKA/bench" "$EVENTS" "$RATE" "$SECONDS_STEADY" "$(cat "$TEST_DIR/kafka/pid")"
