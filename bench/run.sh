#!/usr/bin/env bash
# Measures speed and memory, side by side in one run. docs/bench.md explains the table that it prints.
#
#   bench/run.sh [BUILD] [--quick] [--only ROW[,ROW]] [--graph FILE] [--seconds N]
#                [--shape single|split|both] [--streams]
#
#   BUILD         where the program was built (build)
#   --quick       shorter measurements: a minute and a half instead of five
#   --only        some rows: home api-home fragment profile-anonymous profile post-anonymous post like compose
#                 mix
#   --graph FILE  the members' friendships, two numbers a line (or $GRAPH); else such a network is generated
#   --shape       one pool with all services (single), a pool a service that call each other by gRPC (split),
#                 or one after the other and both in one table (both); and what a call by gRPC costs
#   --streams     open streams alone: how long from a like to its event in another client, memory, deliveries
#   --seconds N   how long each of our measurements takes, for example to look on with a profiler
#
# The site is a private one on servers of its own, with the settings of production: PostgreSQL makes every
# commit durable. Only limits on how often somebody may do something are off. All of it is taken away again.
. "$(dirname "${BASH_SOURCE[0]}")/../stack/lib.sh"
. "$ROOT/stack/site.sh"

BEGAN=$EPOCHREALTIME
BUILD=$ROOT/build
GRAPH=${GRAPH:-}
BUDGET=320
WORKERS=${WORKERS:-4}
PASSWORD='bench the quiet harbour' # of every member, as in members.py
OPTIONS=()
DIR=''
measuring=''

SHAPES=single
STREAMS=
RESULT=''

usage() {
    die "usage: bench/run.sh [BUILD] [--quick] [--only ROW[,ROW]] [--graph FILE] [--seconds N]" \
        "[--shape single|split|both] [--streams]"
}

read_arguments() {
    while [ $# -gt 0 ]; do
        case $1 in
            --only | --seconds | --graph | --shape) [ $# -ge 2 ] || usage ;;
        esac
        case $1 in
            --streams) STREAMS=yes && shift ;;
            --quick) BUDGET=84 OPTIONS+=(--quick) && shift ;;
            --only | --seconds) OPTIONS+=("$1" "$2") && shift 2 ;;
            --shape) SHAPES=$2 && shift 2 ;;
            --graph) GRAPH=$2 && shift 2 ;;
            -*) usage ;;
            *) BUILD=$(realpath -m "$1") && shift ;;
        esac
    done
}

# compile NAME LIBRARY...
compile() {
    local program=$BUILD/bench/$1 source=$ROOT/bench/$1.c
    shift
    mkdir -p "$BUILD/bench"
    [ "$program" -nt "$source" ] ||
        "${CC:-gcc}" -std=gnu11 -O2 -Wall -Wextra -Werror -o "$program" "$source" "$@"
}

# ---- the site --------------------------------------------------------------------------------------------

# server NAME DIR: starts it, or says what it said last.
server() {
    "$ROOT/stack/$1.sh" start "$2" && "$ROOT/stack/$1.sh" ready "$2" && return 0
    last_lines "$2/log"
    die "bench: $1 did not start"
}

start_servers() {
    PURPOSE='run' server postgres "$POSTGRES"
    PURPOSE='test' server redis "$REDIS"
    PG_URL=$("$ROOT/stack/postgres.sh" url "$POSTGRES")
    psql -X -q -c "CREATE DATABASE $DATABASE" "$PG_URL user=postgres dbname=postgres"
}

admin() { psql -X -q -A -t -v ON_ERROR_STOP=1 "$PG_URL user=postgres dbname=$DATABASE" -c "$1"; }

# The cheapest hashing of passwords: a thousand people log in within seconds.
write_conf() {
    {
        site_settings "http://$ADDRESS" "$PG_URL" "$("$ROOT/stack/redis.sh" url "$REDIS")" postgresql
        say "registration = open"
        say "workers = $WORKERS"
        say "rate_limits = no"
        say "log_level = warn"
        say "mail_from = DeepLink <noreply@bench.example>"
        say "argon2_memory_kib = 8192"
        say "argon2_ops = 1"
    } >"$CONF"
    chmod a+r "$CONF"
}

start_gateway() {
    local try line further
    for try in 1 2 3; do
        ADDRESS=127.0.0.1:$(free_port)
        write_conf
        further=()
        while IFS= read -r line; do further+=("$line"); done < <(site_gateway)
        if "$ROOT/stack/nginx.sh" start "$NGINX" "listen=$ADDRESS" "app=$SOCKETS/fcgi.sock" \
            "static=$APP/static" "pages=$PAGES" "media=$STATE/media" "spool=$STATE/spool" limits=off \
            "bench=$SOCKETS/null.sock" \
            "bench_file=$APP/bench.html" "${further[@]}"; then
            return 0
        fi
        warn "bench: nginx did not start, try $try"
    done
    die "bench: nginx did not start"
}

ready_or_dead() { site_ready "$ADDRESS" || ! site_alive serve; }

# A picture that everybody may have, as the store has it.
make_picture() {
    local key
    head -c 60000 /dev/urandom >"$APP/picture"
    key=$(sha256sum <"$APP/picture" | cut -c1-64).webp
    own "$STATE/media/public" "$STATE/media/public/${key:0:2}" "$STATE/media/public/${key:0:2}/${key:2:2}"
    install -m 644 "$APP/picture" "$STATE/media/public/${key:0:2}/${key:2:2}/$key"
    export BENCH_MEDIA=/m/$key
}

start_site() {
    site_make
    site_stage "$BUILD"
    install -m 755 "$BUILD/bench/null" "$APP/null"
    touch "$APP/bench.html"
    make_picture
    start_servers
    start_gateway
    run_command migrate
    site_launch serve
    site_launch work
    site_launch stream
    if ! wait_for 30 ready_or_dead || ! site_ready "$ADDRESS" 2>/dev/null; then
        die "bench: the site is not ready"
    fi
    : >"$NGINX/error.log" # it asked before somebody answered
}

# pids_of serve|work: of all its processes, 1+2+3.
pids_of() {
    local name list=''
    for name in $(site_processes "$1"); do list+="${list:++}$(cat "$STATE/$name.pid")"; done
    say "$list"
}

# run_command SUBCOMMAND...: of deeplink, for two minutes at most; what it says is shown when it fails.
run_command() {
    (AS_USER=(timeout 120 "${AS_USER[@]}") && site_run "$@") >"$LOGS/command.log" 2>&1 && return 0
    last_lines "$LOGS/command.log"
    die "bench: deeplink $1 failed"
}

# The null handler sends the headers that the product's pages have.
start_null() {
    local names='content-type|content-security-policy|x-content-type-options|referrer-policy'
    names+='|cross-origin-[a-z-]*|cache-control|vary'
    {
        curl -s -o /dev/null -D - "http://$ADDRESS/login" | grep -iE "^($names):"
        say "X-Request-Id: 0123456789abcdef0123456789abcdef"
    } >"$APP/null.headers"
    launch "$DIR/null.pid" "$LOGS/null.log" "$APP/null" "$SOCKETS/null.sock" "$WORKERS" "$APP/null.headers"
}

make_graphs() {
    if [ -n "$GRAPH" ]; then
        cp "$GRAPH" "$APP/graph"
    else
        python3 "$ROOT/bench/graph.py" >"$APP/graph"
    fi
    python3 "$ROOT/bench/graph.py" --authors >"$APP/authors"
    chmod a+r "$APP/graph" "$APP/authors"
}

# Somebody gets a password by the command, and all others the same.
load_members() {
    local before=$EPOCHREALTIME first
    run_command import graph "$APP/graph"
    IMPORT_SECONDS=$(awk "BEGIN { print $EPOCHREALTIME - $before }")
    run_command import graph "$APP/authors"
    first=$(admin "SELECT handle FROM users.accounts ORDER BY id LIMIT 1")
    run_command user password "$first" --password "$PASSWORD"
    admin "UPDATE users.accounts SET password_hash =
           (SELECT password_hash FROM users.accounts WHERE handle = '$first')"
    admin "VACUUM ANALYZE" # as autovacuum does within a minute; measure.py does it again
    # A thousand people log in and write. measure.py makes commits durable again before it measures.
    admin "ALTER SYSTEM SET synchronous_commit = off"
    admin "SELECT pg_reload_conf()" >/dev/null
}

# ---- measuring -------------------------------------------------------------------------------------------

measure() {
    local results=$ROOT/bench/results
    mkdir -p "$results" 2>/dev/null && [ -w "$results" ] || results=$BUILD/bench
    RESULT=$results/$(date +%Y%m%d-%H%M%S).json
    PYTHONDONTWRITEBYTECODE=1 timeout --kill-after=10 $((BUDGET + 60)) python3 "$ROOT/bench/measure.py" \
        --address "$ADDRESS" --load "$BUILD/bench/load" --site "$DIR" --static-file "$APP/bench.html" \
        --graph "$APP/graph" --graph-name "$(basename "${GRAPH:-generated}")" --authors "$APP/authors" \
        --import-seconds "$IMPORT_SECONDS" --began "$BEGAN" --budget "$BUDGET" \
        --database "$PG_URL user=postgres dbname=$DATABASE" \
        --deeplink "${AS_USER[*]} $APP/deeplink --config $CONF" \
        --results "$RESULT" --shape "$SITE_SHAPE" \
        --group "nginx=$(cat "$NGINX/nginx.pid")" --group "null=$(cat "$DIR/null.pid")" \
        --group "workers=$(pids_of serve)" --group "work=$(pids_of work)" \
        --group "stream=$(pids_of stream)" --group "redis=$(cat "$REDIS/pid")" \
        --group "postgresql=$(head -n 1 "$POSTGRES/data/postmaster.pid")" "${OPTIONS[@]}" &
    measuring=$!
    wait "$measuring"
}

# What a call by gRPC costs, beside a server on libnghttp2 that only answers the same bytes. Health is asked
# for nothing but a word; GetCounts is a query in PostgreSQL.
measure_calls() {
    local key
    key=$(cat "$STATE/secrets/grpc")
    install -m 755 "$BUILD/bench/null_grpc" "$APP/null_grpc"
    launch "$DIR/null_grpc.pid" "$LOGS/null_grpc.log" "$APP/null_grpc" "$SOCKETS/null-grpc.sock" "$WORKERS"
    wait_for 5 test -S "$SOCKETS/null-grpc.sock" || die "bench: the null gRPC server did not start"
    python3 "$ROOT/bench/calls.py" --key "$key" --null "$SOCKETS/null-grpc.sock=$(cat "$DIR/null_grpc.pid")" \
        --ours "$SOCKETS/grpc-connection.sock=$(cat "$STATE/serve-connection.pid")"
    end_process "$DIR/null_grpc.pid" null_grpc TERM 5
}

# Open streams: see bench/streams.py.
measure_streams() {
    local results=$ROOT/bench/results
    compile streams
    mkdir -p "$results" 2>/dev/null && [ -w "$results" ] || results=$BUILD/bench
    PYTHONDONTWRITEBYTECODE=1 timeout --kill-after=10 400 python3 "$ROOT/bench/streams.py" \
        --address "$ADDRESS" --load "$BUILD/bench/streams" --dir "$APP" \
        --database "$PG_URL user=postgres dbname=$DATABASE" \
        --redis "$("$ROOT/stack/redis.sh" url "$REDIS")" \
        --deeplink "${AS_USER[*]} $APP/deeplink --config $CONF" \
        --results "$results/$(date +%Y%m%d-%H%M%S)-streams.json" \
        --group "hub=$(pids_of stream)" --group "nginx=$(cat "$NGINX/nginx.pid")" \
        --group "workers=$(pids_of serve)" --group "work=$(pids_of work)" \
        --group "redis=$(cat "$REDIS/pid")" \
        --group "postgresql=$(head -n 1 "$POSTGRES/data/postmaster.pid")" &
    measuring=$!
    wait "$measuring"
}

stop_site() {
    local dir
    "$ROOT/stack/nginx.sh" stop "$NGINX" || true
    site_stop || true
    end_process "$DIR/null.pid" null TERM 5
    end_process "$DIR/null_grpc.pid" null_grpc TERM 5
    "$ROOT/stack/postgres.sh" stop "$POSTGRES" &
    "$ROOT/stack/redis.sh" stop "$REDIS" &
    wait
    for dir in "$STATE" "$POSTGRES" "$REDIS"; do
        [ ! -d "$dir" ] || rm -rf "$(socket_dir "$dir")"
    done
    rm -rf "$DIR"
}

clean_up() {
    local status=$?
    trap '' INT TERM HUP
    if [ -n "$measuring" ]; then kill "$measuring" 2>/dev/null || true; fi
    if [ -n "$DIR" ]; then
        last_words 6 "$LOGS"/serve*.log "$LOGS"/work*.log "$LOGS/stream.log" "$NGINX/error.log"
        stop_site
    fi
    exit "$status"
}

main() {
    local one
    read_arguments "$@"
    [ -z "$GRAPH" ] || [ -r "$GRAPH" ] || die "bench: cannot read $GRAPH"
    compile load
    compile null -lfcgi
    compile null_grpc -lnghttp2
    trap clean_up EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM HUP
    case $SHAPES in
        single | split) SITE_SHAPE=$SHAPES && run_shape ;;
        both)
            SITE_SHAPE="single" && run_shape
            one=$RESULT && stop_site && DIR='' BEGAN=$EPOCHREALTIME
            SITE_SHAPE="split" && run_shape
            python3 "$ROOT/bench/shapes.py" "$one" "$RESULT"
            ;;
        *) usage ;;
    esac
}

run_shape() {
    say "bench: the shape is $SITE_SHAPE"
    DIR=$(mktemp -d "${TMPDIR:-/tmp}/dl-bench-XXXXXX")
    own "$DIR"
    chmod 755 "$DIR"
    site_at "$DIR"
    say "bench: a site of its own starts in $DIR"
    start_site
    if [ -n "$STREAMS" ]; then
        measure_streams
        return
    fi
    start_null
    make_graphs
    load_members
    measure
    if [ "$SITE_SHAPE" = split ]; then measure_calls; fi
}

main "$@"
