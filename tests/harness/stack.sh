#!/usr/bin/env bash
# Gives a test program servers of its own, runs it, and takes them away again, whatever happens.
#
#   tests/harness/stack.sh [--build DIR] [--set 'NAME = VALUE']... KIND COMMAND...
#
# KIND says how much:
#   servers    PostgreSQL, Redis and MongoDB's wire in a folder of their own, on sockets and free loopback
#              ports, tuned for tests; and the database dl_template, migrated once
#   database   the servers (those of an outer `servers`, else new ones), and a fresh database and Redis number
#   site       the same, and nginx and deeplink (serve and work) on top
#   alone      a site on servers that nobody else uses: for tests that stop them
#
# What COMMAND finds in its environment:
#   TEST_ROOT TEST_BUILD   the tree; the folder of what was built
#   TEST_DIR               a folder of its own, removed afterwards
#   TEST_SERVERS           the servers' folder
#   TEST_PG                libpq conninfo without user; TEST_PG_ADMIN: the same as superuser
#   TEST_PG_SECRETS        the roles' passwords, in a file of role=password lines
#   TEST_REDIS             redis://127.0.0.1:PORT/NUMBER
#   TEST_MONGO             mongodb://127.0.0.1:PORT/NAME
#   TEST_KAFKA             kafka://127.0.0.1:PORT, when it was `own` before: a broker of its own; `cluster`:
#                          three of them; `secure`: one that asks for TLS, a certificate, a user and a
#                          password, which are in files of TEST_DIR/kafka/secrets; `cluster secure`: three
#                          that do
#   TEST_S3                s3://media?endpoint=…, when it was `own` before: a bucket of its own; its keys
#                          are in files of TEST_S3_DIR, key and secret
#   TEST_DEEPLINK          the program
# and with a site:
#   TEST_BASE_URL          where nginx listens
#   TEST_CONFIG            its deeplink.conf, for `$TEST_DEEPLINK --config $TEST_CONFIG …`
#   TEST_SHAPE             single, split or tls
#   TEST_SOCKETS           the folder of its sockets; in a split site grpc-SERVICE.sock among them
#   TEST_SITE/secrets      in a tls site: grpc-SERVICE.port, and tls/ with certificates of the pools
#   TEST_GRPC_SECRET       the file of what services show each other, in a split site
#   TEST_SITE              its folder: log/, pages/, mail/, serve.pid, work.pid
#
# TEST_SHAPE=split gives the site a pool a service (stack/site.sh), TEST_SHAPE=tls the same over TLS;
# TEST_SHAPE=single, or none, one for all.
#
# `--set` adds a line to the site's configuration. By hand, a site to look at: tests/harness/stack.sh site
# bash A test that stops servers says `tests/harness/stack.sh server stop|start|kill
# postgres|redis|mongo|kafka|s3|nginx|serve|work`; `serve-user` and the like are pools of a split site,
# `kafka-2` one broker of a cluster, `server start twin` gives it a twin in one pool. KEEP=yes leaves TEST_DIR
# there. For a benchmark: PURPOSE=run gives servers that keep what they are told, as `make run` does, and
# TEST_NGINX='log=off bench=SOCKET bench_file=FILE' goes to stack/nginx.sh.
. "$(dirname "${BASH_SOURCE[0]}")/../../stack/lib.sh"
. "$ROOT/stack/site.sh"

BUILD=${TEST_BUILD:-$ROOT/build}
SETTINGS=()
SITE_SHAPE=${TEST_SHAPE:-$SITE_SHAPE}
export PURPOSE=${PURPOSE:-test}

# ---- servers -----------------------------------------------------------------------------------------------

start_one() {
    "$ROOT/stack/$1.sh" start "${@:2}" && "$ROOT/stack/$1.sh" ready "$2" && return 0
    warn "$1 did not start:"
    last_lines "$2/log"
    return 1
}

start_servers() {
    local job jobs=() failed=''
    own "$TEST_SERVERS"
    printf '%s\n' "$(free_port)" >"$TEST_SERVERS/redis.port"
    printf '%s\n' "$(free_port)" >"$TEST_SERVERS/mongo.port"
    start_one postgres "$TEST_SERVERS/postgres" &
    jobs+=($!)
    start_one redis "$TEST_SERVERS/redis" "$(cat "$TEST_SERVERS/redis.port")" &
    jobs+=($!)
    ENGINE=java start_one mongo "$TEST_SERVERS/mongo" "$(cat "$TEST_SERVERS/mongo.port")" &
    jobs+=($!)
    for job in "${jobs[@]}"; do wait "$job" || failed=yes; done
    [ -z "$failed" ]
}

stop_servers() {
    local name
    for name in mongo redis postgres; do "$ROOT/stack/$name.sh" stop "$TEST_SERVERS/$name" & done
    wait
}

start_kafka() {
    local line brokers=1 secure=no
    case $TEST_KAFKA in *cluster*) brokers=3 ;; esac
    case $TEST_KAFKA in *secure*) secure=yes ;; esac
    BROKERS=$brokers SECURE=$secure start_one kafka "$TEST_DIR/kafka"
    TEST_KAFKA=$("$ROOT/stack/kafka.sh" url "$TEST_DIR/kafka")
    export TEST_KAFKA
    while IFS= read -r line; do
        SETTINGS+=("$line")
    done < <("$ROOT/stack/kafka.sh" settings "$TEST_DIR/kafka")
}

start_s3() {
    export TEST_S3_DIR=$TEST_DIR/s3
    start_one versitygw "$TEST_S3_DIR"
    TEST_S3=$("$ROOT/stack/versitygw.sh" setting "$TEST_S3_DIR")
    export TEST_S3
    SETTINGS+=("media = $TEST_S3" "media_s3_key = $(cat "$TEST_S3_DIR/key")"
        "media_s3_secret = $(cat "$TEST_S3_DIR/secret")")
}

admin() { psql -X -q -A -t -v ON_ERROR_STOP=1 "$PG_URL user=postgres dbname=$1" -c "$2"; }

# The database that all others are copies of.
make_template() {
    PG_URL=$("$ROOT/stack/postgres.sh" url "$TEST_SERVERS/postgres")
    export TEST_PG_SECRETS=$TEST_SERVERS/secrets/postgresql
    admin postgres 'CREATE DATABASE dl_template'
    [ -x "$BUILD/deeplink" ] || { warn "no $BUILD/deeplink yet: the databases will be empty"; return 0; }
    site_at "$TEST_SERVERS/template"
    site_make
    own "$TEST_SERVERS/secrets"
    site_stage "$BUILD"
    write_site_conf dl_template http://127.0.0.1 "$("$ROOT/stack/redis.sh" url "$TEST_SERVERS/redis")/0"
    site_run migrate >"$LOGS/migrate.log" 2>&1 && return 0
    warn "deeplink migrate failed:"
    last_lines "$LOGS/migrate.log"
    return 1
}

# ---- database ----------------------------------------------------------------------------------------------

# A number that no other test of these servers has; Redis number 0 is nobody's.
next_number() {
    local n
    for ((n = 1; n < 500; n++)); do
        if mkdir "$TEST_SERVERS/number-$n" 2>/dev/null; then
            printf '%s\n' "$n"
            return 0
        fi
    done
    die "more than 500 tests at once"
}

make_database() {
    local n name
    n=$(next_number)
    name=dl_test_$n
    PG_URL=$("$ROOT/stack/postgres.sh" url "$TEST_SERVERS/postgres")
    # Two copies of one template at once are refused.
    (
        flock 9
        admin postgres "CREATE DATABASE $name TEMPLATE dl_template"
    ) 9>>"$TEST_SERVERS/template.lock"
    NUMBER=$n
    export TEST_PG="$PG_URL dbname=$name" TEST_PG_ADMIN="$PG_URL dbname=$name user=postgres"
    export TEST_PG_SECRETS=$TEST_SERVERS/secrets/postgresql
    TEST_REDIS=$("$ROOT/stack/redis.sh" url "$TEST_SERVERS/redis")/$n
    TEST_MONGO=$("$ROOT/stack/mongo.sh" url "$TEST_SERVERS/mongo")/$name
    export TEST_REDIS TEST_MONGO
    redis-cli -u "$TEST_REDIS" FLUSHDB >/dev/null
}

# The number stays taken when the database cannot be dropped, for example because its server is stopped.
drop_database() {
    admin postgres "DROP DATABASE IF EXISTS dl_test_$NUMBER WITH (FORCE)" >/dev/null 2>&1 || return 0
    redis-cli -u "$TEST_REDIS" FLUSHDB >/dev/null 2>&1 || return 0
    rmdir "$TEST_SERVERS/number-$NUMBER" || true
}

# ---- site --------------------------------------------------------------------------------------------------

# write_site_conf DATABASE BASE_URL REDIS
write_site_conf() {
    local line
    DATABASE=$1
    {
        site_settings "$2" "$PG_URL" "$3" "${TEST_DOCS:-postgresql}"
        say "registration = open"
        say "workers = 2"
    } | sed "s|^postgresql_secrets = .*|postgresql_secrets = $TEST_PG_SECRETS|" >"$CONF"
    # A test's own setting takes the place of ours.
    for line in "${SETTINGS[@]}"; do
        sed -i "/^${line%%[ =]*} *=/d" "$CONF"
        say "$line" >>"$CONF"
    done
    chmod a+r "$CONF"
}

start_nginx() {
    local further=() line
    read -r -a further <<<"${TEST_NGINX:-}" || true
    while IFS= read -r line; do further+=("$line"); done < <(site_gateway)
    "$ROOT/stack/nginx.sh" start "$NGINX" "listen=$1" "app=$SOCKETS/fcgi.sock" "static=$APP/static" \
        "pages=$PAGES" "media=$STATE/media" "spool=$STATE/spool" "limits=${TEST_LIMITS:-off}" \
        "${further[@]}"
}

start_site() {
    local try address
    site_at "$TEST_DIR/site"
    site_make
    site_stage "$BUILD"
    for try in 1 2 3; do
        address=127.0.0.1:$(free_port)
        write_site_conf "dl_test_$NUMBER" "http://$address" "$TEST_REDIS"
        if start_nginx "$address" 2>"$STATE/nginx.words"; then break; fi
        [ "$try" -lt 3 ] || { cat "$STATE/nginx.words" >&2; return 1; }
    done
    export TEST_SOCKETS=$SOCKETS TEST_GRPC_SECRET=$STATE/secrets/grpc TEST_SHAPE=$SITE_SHAPE
    export TEST_BASE_URL=http://$address TEST_CONFIG=$CONF TEST_SITE=$STATE TEST_DEEPLINK=$APP/deeplink
    site_launch serve
    site_launch work
    site_launch stream
    wait_for 30 ready_or_dead "$address" && site_ready "$address" 2>/dev/null && return 0
    warn "the site is not ready:"
    last_lines "$LOGS/serve.log"
    last_lines "$LOGS/work.log"
    return 1
}

ready_or_dead() { site_ready "$1" || ! site_alive serve; }

stop_site() {
    if [ -e "$STATE/twin.pid" ]; then server stop twin; fi
    "$ROOT/stack/nginx.sh" stop "$NGINX"
    site_stop
}

# A sanitizer speaks into the site's logs, where no test looks: it says so here, and the test has failed.
sanitizers_are_silent() {
    ! grep -a -h -A 12 -E 'ERROR: (Address|Leak)Sanitizer|runtime error:' \
        "$LOGS"/serve*.log "$LOGS"/work*.log "$LOGS"/stream.log 2>/dev/null
}

# ---- one server, in the middle of a test -------------------------------------------------------------------

pid_file() {
    case $1 in
        postgres) say "$TEST_SERVERS/postgres/data/postmaster.pid" ;;
        redis | mongo) say "$TEST_SERVERS/$1/pid" ;;
        kafka) say "$TEST_DIR/kafka/pid" ;;
        kafka-*) say "$TEST_DIR/kafka/${1#kafka-}/pid" ;;
        s3) say "$TEST_S3_DIR/pid" ;;
        nginx) say "$NGINX/nginx.pid" ;;
        serve* | work* | stream) say "$STATE/$1.pid" ;;
    esac
}

# One pool with all services beside a split site, on the same servers and configuration, behind an nginx of
# its own, whose address is printed. It ends with the site, or by `server stop twin`.
start_twin() {
    local address
    SOCKETS=$(socket_dir "$STATE")
    address=127.0.0.1:$(free_port)
    own "$STATE/no-pages"
    (
        export DEEPLINK_LISTEN=unix:$SOCKETS/twin.sock DEEPLINK_PAGES_DIR=
        launch "$STATE/twin.pid" "$LOGS/twin.log" "$APP/deeplink" --config "$CONF" serve
    )
    "$ROOT/stack/nginx.sh" start "$STATE/twin" "listen=$address" "app=$SOCKETS/twin.sock" \
        "static=$APP/static" "pages=$STATE/no-pages" "media=$STATE/media" limits=off
    wait_for 20 site_ready "$address" || { last_lines "$LOGS/twin.log"; return 1; }
    say "http://$address"
}

server() {
    local verb=$1 name=$2
    site_at "${TEST_SITE:-/nonexistent}"
    case $verb:$name in
        kill:*) kill -KILL "$(head -n 1 "$(pid_file "$name")")" ;;
        stop:serve | stop:work | stop:stream) site_end "$name" ;;
        stop:serve-* | stop:work-*) site_end_one "$name" ;;
        start:serve-* | start:work-*) SOCKETS=$(socket_dir "$STATE") && site_launch_one "$name" ;;
        start:twin) start_twin ;;
        stop:twin)
            "$ROOT/stack/nginx.sh" stop "$STATE/twin"
            site_end_one twin
            ;;
        start:serve | start:work | start:stream) SOCKETS=$(socket_dir "$STATE") && site_launch "$name" ;;
        stop:nginx) "$ROOT/stack/nginx.sh" stop "$NGINX" ;;
        start:nginx)
            SOCKETS=$(socket_dir "$STATE")
            start_nginx "${TEST_BASE_URL#http://}"
            ;;
        stop:kafka) "$ROOT/stack/kafka.sh" stop "$TEST_DIR/kafka" ;;
        start:kafka) start_one kafka "$TEST_DIR/kafka" ;;
        stop:kafka-*) "$ROOT/stack/kafka.sh" stop "$TEST_DIR/kafka/${name#kafka-}" ;;
        start:kafka-*) start_one kafka "$TEST_DIR/kafka/${name#kafka-}" ;;
        stop:s3) "$ROOT/stack/versitygw.sh" stop "$TEST_S3_DIR" ;;
        start:s3) start_one versitygw "$TEST_S3_DIR" ;;
        stop:*) "$ROOT/stack/$name.sh" stop "$TEST_SERVERS/$name" ;;
        start:postgres) start_one postgres "$TEST_SERVERS/postgres" ;;
        start:redis | start:mongo)
            ENGINE=java start_one "$name" "$TEST_SERVERS/$name" "$(cat "$TEST_SERVERS/$name.port")"
            ;;
        *) die "server stop|start|kill postgres|redis|mongo|kafka|s3|nginx|serve|work|stream" ;;
    esac
}

# ---- the command -------------------------------------------------------------------------------------------

command_pid=''

# In a process group of its own, so that it can be ended whole; but whoever sits at a terminal keeps it.
run_command() {
    if [ -t 0 ]; then
        "$@"
        return
    fi
    set -m
    "$@" &
    command_pid=$!
    set +m
    wait "$command_pid"
}

end_command() {
    [ -n "$command_pid" ] && kill -TERM -- "-$command_pid" 2>/dev/null || return 0
    wait_for 30 gone "$command_pid" || kill -KILL -- "-$command_pid" 2>/dev/null || true
}

# ---- all together ------------------------------------------------------------------------------------------

made_servers='' made_database='' made_site='' made_kafka='' made_s3=''

clean_up() {
    local status=$?
    trap '' INT TERM HUP
    end_command
    if [ -n "$made_site" ]; then
        if [ "$status" -ne 0 ]; then last_words 20 "$LOGS"/*.log; fi
        stop_site
        sanitizers_are_silent || status=1
    fi
    if [ -n "$made_kafka" ]; then "$ROOT/stack/kafka.sh" stop "$TEST_DIR/kafka"; fi
    if [ -n "$made_s3" ]; then "$ROOT/stack/versitygw.sh" stop "$TEST_S3_DIR"; fi
    if [ -n "$made_servers" ]; then stop_servers; elif [ -n "$made_database" ]; then drop_database; fi
    if [ "${KEEP:-}" = yes ]; then
        warn "kept: $TEST_DIR"
    else
        remove_sockets
        rm -rf "$TEST_DIR"
    fi
    exit "$status"
}

# Socket folders lie outside of TEST_DIR where its path is too long.
remove_sockets() {
    local dir
    for dir in "$TEST_DIR"/site "$TEST_DIR"/servers/{postgres,redis,mongo,template}; do
        [ ! -d "$dir" ] || rm -rf "$(socket_dir "$dir")"
    done
}

main() {
    local kind
    while [ $# -gt 0 ]; do
        case $1 in
            --build) BUILD=$(realpath -m "$2") && shift 2 ;;
            --set) SETTINGS+=("$2") && shift 2 ;;
            *) break ;;
        esac
    done
    [ $# -ge 2 ] || die "stack.sh [--build DIR] [--set LINE]... servers|database|site|alone COMMAND..."
    kind=$1
    shift
    if [ "$kind" = server ]; then
        server "$@"
        exit
    fi
    TEST_DIR=$(mktemp -d "${TMPDIR:-/tmp}/dl-test-XXXXXX")
    own "$TEST_DIR"
    chmod 755 "$TEST_DIR"
    trap clean_up EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM HUP
    export TEST_ROOT=$ROOT TEST_BUILD=$BUILD TEST_DIR TEST_DEEPLINK=$BUILD/deeplink
    if [ -z "${TEST_SERVERS:-}" ] || [ "$kind" = alone ] || [ "$kind" = servers ]; then
        export TEST_SERVERS=$TEST_DIR/servers
        made_servers=yes
        start_servers
        make_template
    fi
    case ${TEST_KAFKA:-} in own | cluster | secure | 'cluster secure') made_kafka=yes && start_kafka ;; esac
    if [ "${TEST_S3:-}" = own ]; then made_s3=yes && start_s3; fi
    case $kind in
        servers) ;;
        database) made_database=yes && make_database ;;
        site | alone)
            made_database=yes
            make_database
            made_site=yes
            start_site
            ;;
        *) die "no such kind of stack: $kind" ;;
    esac
    run_command "$@"
}

main "$@"
