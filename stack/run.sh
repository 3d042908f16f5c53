#!/usr/bin/env bash
# Runs a whole DeepLink on this machine, for as long as this script runs: `make run`.
#
#   stack/run.sh [BUILD]      BUILD: where the program was built (build)
#   ADDRESS=127.0.0.1 PORT=8080    where nginx listens; without PORT the next free one from 8080
#   BUS=kafka                 at the first start: a Kafka broker that carries events, for as long as the
#                             configuration says so
#   SHAPE=split               a pool of workers for each service, which call each other by gRPC
#   SHAPE=tls                 the same over TLS
#   DEEPLINK_STATE=./var      the folder of all data, sockets, logs and the configuration
#
# The first start makes private instances of PostgreSQL, Redis and, where mongod is on the PATH, MongoDB,
# writes deeplink.conf, migrates and loads a small demo community. A later start keeps all data and your
# changes to the files. Ctrl-C, SIGTERM or `make stop` ends everything. What runs already is not restarted;
# what crashes is.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
. "$ROOT/stack/site.sh"

BUILD=$(realpath -m "${1:-$ROOT/build}")
cd "$ROOT" || exit 1
STATE=$(state_folder)
site_at "$STATE"

# ---- what listens where ------------------------------------------------------------------------------------

choose_address() {
    local saved=127.0.0.1:8080 host port
    [ ! -s "$STATE/address" ] || saved=$(cat "$STATE/address")
    LISTEN=$saved
    if "$ROOT/stack/nginx.sh" status "$NGINX" >/dev/null; then return 0; fi
    host=${ADDRESS:-${saved%:*}}
    if [ -n "${PORT:-}" ]; then
        port=$PORT
        port_free "$port" "$host" || die "port $port of $host is taken; choose another PORT"
    else
        port=$(next_port "${saved##*:}" "$host") || die "no free port from ${saved##*:} on; choose a PORT"
    fi
    LISTEN=$host:$port
}

# Where documents live is decided once, by the first start.
choose_documents() {
    WITH_MONGO=
    if [ ! -s "$CONF" ]; then
        if command -v mongod >/dev/null; then WITH_MONGO=yes; fi
    elif [ -s "$MONGO/url" ] && [[ $(site_get docs) == "$(cat "$MONGO/url")"/* ]]; then
        WITH_MONGO=yes
        command -v mongod >/dev/null || die "documents are in MongoDB, and mongod is no longer on the PATH"
    fi
}

# What carries events likewise.
choose_bus() {
    WITH_KAFKA=
    if [ ! -s "$CONF" ]; then
        if [ "${BUS:-builtin}" = kafka ]; then WITH_KAFKA=yes; fi
    elif [ -s "$KAFKA/port" ] && [[ $(site_get bus) == "$("$ROOT/stack/kafka.sh" url "$KAFKA")"* ]]; then
        WITH_KAFKA=yes
    fi
    [ -z "$WITH_KAFKA" ] || "$ROOT/stack/kafka.sh" install
}

# Where readers find the site, as far as this script can know.
public_address() {
    case $LISTEN in
        0.0.0.0:*) say "http://$(hostname):${LISTEN##*:}" ;;
        *) say "http://$LISTEN" ;;
    esac
}

# The configuration file is the operator's. Only what this script itself wrote earlier, and is no longer true,
# changes.
write_conf() {
    local docs=postgresql base
    base=$(public_address)
    [ -z "$WITH_MONGO" ] || docs=$("$ROOT/stack/mongo.sh" url "$MONGO")/$DATABASE
    if [ ! -s "$CONF" ]; then
        {
            say "# DeepLink's configuration, written by the first start; yours to change."
            say "# All settings and their meaning: deeplink config print"
            say
            say "registration = open"
            site_settings "$base" "$("$ROOT/stack/postgres.sh" url "$POSTGRES")" \
                "$("$ROOT/stack/redis.sh" url "$REDIS")" "$docs"
            [ -z "$WITH_KAFKA" ] || say "bus = $("$ROOT/stack/kafka.sh" url "$KAFKA")"
        } >"$CONF.new"
        chmod 640 "$CONF.new"
        if is_root; then chown "root:$(id -gn "$RUN_USER")" "$CONF.new"; fi
        mv "$CONF.new" "$CONF"
    elif [ "$(site_get base_url)" = "$(cat "$STATE/base_url" 2>/dev/null)" ]; then
        site_set base_url "$base"
    fi
    printf '%s\n' "$LISTEN" >"$STATE/address"
    printf '%s\n' "$base" >"$STATE/base_url"
}

# ---- starting ----------------------------------------------------------------------------------------------

# server SCRIPT WORDS DIR ARGUMENT...: starts a server and waits until it answers, or says what it said last.
server() {
    local script=$ROOT/stack/$1.sh words=$2 dir=$3 name=$1 log
    shift 3
    if "$script" start "$dir" "$@" && "$script" ready "$dir"; then return 0; fi
    log=$dir/log
    [ "$name" != nginx ] || log=$dir/error.log
    warn "$words did not start. Its last words ($log):"
    last_lines "$log"
    return 1
}

link_logs() {
    ln -sfn "$POSTGRES/log" "$LOGS/postgresql.log"
    ln -sfn "$REDIS/log" "$LOGS/redis.log"
    ln -sfn "$NGINX/error.log" "$LOGS/nginx-error.log"
    ln -sfn "$NGINX/access.log" "$LOGS/nginx-access.log"
    [ -z "$WITH_MONGO" ] || ln -sfn "$MONGO/log" "$LOGS/mongodb.log"
    [ -z "$WITH_KAFKA" ] || ln -sfn "$KAFKA/log" "$LOGS/kafka.log"
}

start_servers() {
    local failed='' jobs=() job
    server postgres PostgreSQL "$POSTGRES" &
    jobs+=($!)
    server redis Redis "$REDIS" &
    jobs+=($!)
    if [ -n "$WITH_MONGO" ]; then
        server mongo MongoDB "$MONGO" &
        jobs+=($!)
    fi
    if [ -n "$WITH_KAFKA" ]; then
        server kafka Kafka "$KAFKA" &
        jobs+=($!)
    fi
    for job in "${jobs[@]}"; do wait "$job" || failed=yes; done
    [ -z "$failed" ]
}

make_database() {
    local admin there
    admin="$("$ROOT/stack/postgres.sh" url "$POSTGRES") user=postgres dbname=postgres"
    there=$(psql -X -A -t -c "SELECT 1 FROM pg_database WHERE datname = '$DATABASE'" "$admin")
    [ -n "$there" ] || psql -X -q -c "CREATE DATABASE $DATABASE" "$admin"
}

start_app() {
    local name
    site_run migrate >"$LOGS/migrate.log" 2>&1 ||
        { warn "deeplink migrate failed:"; last_lines "$LOGS/migrate.log"; return 1; }
    for name in serve work stream; do site_launch "$name"; done
}

start_nginx() {
    # Pages kept by an earlier build may look otherwise.
    find "$PAGES" -mindepth 1 -delete 2>/dev/null || true
    local further=() line
    while IFS= read -r line; do further+=("$line"); done < <(site_gateway)
    server nginx nginx "$NGINX" "listen=$LISTEN" "app=$SOCKETS/fcgi.sock" "static=$APP/static" \
        "pages=$PAGES" "media=$STATE/media" "spool=$STATE/spool" "${further[@]}"
}

start_gateway() {
    start_nginx || return 1
    if wait_for 30 ready_or_dead && site_ready "$LISTEN" 2>/dev/null; then return 0; fi
    warn "DeepLink is not ready. Its last words ($LOGS/serve.log, $LOGS/work.log):"
    last_lines "$LOGS/serve.log"
    last_lines "$LOGS/work.log" 4
    return 1
}

ready_or_dead() { site_ready "$LISTEN" || ! site_alive serve; }

load_demo() {
    [ ! -e "$STATE/demo" ] || return 0
    say "loading a small demo community (only at the first start)"
    if site_run demo >"$LOGS/demo.log" 2>&1; then
        cp "$LOGS/demo.log" "$STATE/demo"
    else
        warn "deeplink demo failed:"
        last_lines "$LOGS/demo.log"
        return 1
    fi
}

announce() {
    say
    say "DeepLink runs at $(site_get base_url)"
    [ ! -s "$STATE/demo" ] || sed 's/^/    /' "$STATE/demo"
    say "configuration $CONF, logs in $LOGS"
    say "Ctrl-C or \`make stop\` ends it."
}

# ---- ending ------------------------------------------------------------------------------------------------

stop_all() {
    trap '' INT TERM HUP
    say "stopping"
    "$ROOT/stack/nginx.sh" stop "$NGINX"
    site_stop
    "$ROOT/stack/postgres.sh" stop "$POSTGRES" &
    "$ROOT/stack/redis.sh" stop "$REDIS" &
    "$ROOT/stack/mongo.sh" stop "$MONGO" &
    "$ROOT/stack/kafka.sh" stop "$KAFKA" &
    wait
    rm -f "$STATE/run.pid"
    say "stopped; the data stays in $STATE"
}

# ---- watching ----------------------------------------------------------------------------------------------

declare -A pids=() retry_at=() delay=()

pid_of() {
    case $1 in
        postgres) head -n 1 "$POSTGRES/data/postmaster.pid" ;;
        redis) cat "$REDIS/pid" ;;
        mongo) cat "$MONGO/pid" ;;
        kafka) cat "$KAFKA/pid" ;;
        nginx) cat "$NGINX/nginx.pid" ;;
        serve* | work* | stream) cat "$STATE/$1.pid" ;;
    esac 2>/dev/null
}

restart() {
    case $1 in
        postgres) server postgres PostgreSQL "$POSTGRES" ;;
        redis) server redis Redis "$REDIS" ;;
        mongo) server mongo MongoDB "$MONGO" ;;
        kafka) server kafka Kafka "$KAFKA" ;;
        nginx) start_nginx ;;
        serve* | work* | stream) site_launch_one "$1" ;;
    esac
}

# Who crashed is started again, after a pause that doubles to half a minute. Who was stopped by its script has
# no pid file any more: that was on purpose, and is left alone.
look_after() {
    local name=$1 pid=${pids[$1]:-}
    if [ -n "$pid" ] && ! gone "$pid"; then
        [ "${retry_at[$name]:-0}" -gt $((SECONDS - 60)) ] || delay[$name]=1
        return 0
    fi
    pid=$(pid_of "$name") || pid=
    if [ -n "$pid" ] && ! gone "$pid"; then
        pids[$name]=$pid
        return 0
    fi
    if [ -z "$pid" ]; then
        [ -z "${pids[$name]:-}" ] || say "$name was stopped"
        pids[$name]=
        return 0
    fi
    [ "$SECONDS" -ge "${retry_at[$name]:-0}" ] || return 0
    warn "$name has ended unexpectedly, starting it again"
    restart "$name" || true
    pids[$name]=
    delay[$name]=$((${delay[$name]:-1} * 2 > 30 ? 30 : ${delay[$name]:-1} * 2))
    retry_at[$name]=$((SECONDS + delay[$name]))
}

watch_all() {
    local name pause processes
    processes="$(site_processes all) ${WITH_MONGO:+mongo} ${WITH_KAFKA:+kafka}"
    while :; do
        for name in postgres redis $processes nginx; do look_after "$name"; done
        # A signal ends `wait` at once, but not `sleep`.
        sleep 0.4 &
        pause=$!
        wait "$pause" || true
    done
}

main() {
    local pid
    if pid=$(alive "$STATE/run.pid" run.sh); then
        say "DeepLink runs already (pid $pid) at $(site_get base_url); \`make stop\` ends it"
        return 0
    fi
    site_make
    printf '%s\n' "$$" >"$STATE/run.pid"
    trap stop_all EXIT
    trap 'exit 0' INT TERM HUP
    choose_documents
    choose_bus
    site_stage "$BUILD"
    choose_address
    link_logs
    say "starting PostgreSQL, Redis${WITH_MONGO:+, MongoDB}${WITH_KAFKA:+, Kafka}"
    start_servers || exit 1
    make_database
    write_conf
    say "starting deeplink and nginx"
    if ! start_app || ! start_gateway || ! load_demo; then exit 1; fi
    announce
    watch_all
}

main
