#!/usr/bin/env bash
# A private PostgreSQL.
#
#   stack/postgres.sh install
#   stack/postgres.sh start DIR [PORT]   makes the database cluster the first time; listens on a unix socket
#                                        that only the servers' user and root can reach, and on 127.0.0.1:PORT
#                                        where one is given
#   stack/postgres.sh ready DIR          waits until it answers
#   stack/postgres.sh url DIR            prints how to connect (libpq, without user and database)
#   stack/postgres.sh stop DIR | status DIR
#
# DIR/postgresql.conf is written once and is yours to tune. PURPOSE=test makes one that forgets everything in
# a crash.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

NUMBER=5432 # names the socket, .s.PGSQL.5432

bin_dir() {
    local dir newest='' version=''
    [ ! -s "$1/data/PG_VERSION" ] || version=$(cat "$1/data/PG_VERSION")
    for dir in /usr/lib/postgresql/*/bin; do
        [ -x "$dir/postgres" ] || continue
        newest=$dir
        [ "$dir" != "/usr/lib/postgresql/$version/bin" ] || break
    done
    [ -n "$newest" ] || newest=$(dirname "$(need postgres run)")
    printf '%s\n' "$newest"
}

write_conf() {
    cat <<END
# Written once by stack/postgres.sh. Change what you like; sockets and port are given on the command line.
max_connections = 200
shared_buffers = 128MB
effective_cache_size = 1GB
work_mem = 8MB
wal_compression = lz4
wal_sync_method = open_datasync
max_wal_size = 1GB
checkpoint_completion_target = 0.9
random_page_cost = 1.1
jit = off
password_encryption = scram-sha-256
log_line_prefix = '%m [%p] %q%u@%d '
log_min_duration_statement = 500ms
log_lock_waits = on
timezone = 'UTC'
log_timezone = 'UTC'
END
    if [ "${PURPOSE:-run}" = test ]; then
        cat <<END
shared_buffers = 48MB
max_connections = 400
autovacuum_naptime = 10s
fsync = off
full_page_writes = off
synchronous_commit = off
wal_level = minimal
max_wal_senders = 0
END
    fi
}

make_cluster() {
    local dir=$1 bin=$2 sync=()
    [ "${PURPOSE:-run}" != test ] || sync=(--no-sync)
    "${AS_USER[@]}" "$bin/initdb" -D "$dir/data.new" -U postgres --encoding=UTF8 --locale=C.UTF-8 \
        --no-instructions --auth-local=peer --auth-host=scram-sha-256 "${sync[@]}" >"$dir/initdb.log" 2>&1 ||
        { last_lines "$dir/initdb.log"; die "PostgreSQL: initdb failed in $dir"; }
    cat >"$dir/data.new/pg_hba.conf" <<END
# Superuser is who owns the cluster, and root; the services log in with passwords.
local all postgres peer map=operators
local all all scram-sha-256
host all all 127.0.0.1/32 scram-sha-256
END
    printf 'operators %s postgres\n' "$RUN_USER" root >"$dir/data.new/pg_ident.conf"
    # initdb has found out what kind of shared memory this machine allows.
    grep '^dynamic_shared_memory_type' "$dir/data.new/postgresql.conf" >>"$dir/postgresql.conf" || true
    mv "$dir/data.new" "$dir/data"
}

start() {
    local dir=$1 port=${2:-} bin run
    bin=$(bin_dir "$dir")
    own "$dir"
    [ -s "$dir/postgresql.conf" ] || write_conf >"$dir/postgresql.conf"
    run=$(socket_dir "$dir")
    if status "$dir" >/dev/null; then return 0; fi
    if [ ! -s "$dir/data/PG_VERSION" ]; then
        rm -rf "$dir/data.new"
        make_cluster "$dir" "$bin"
    fi
    wait_for 15 forgotten "$dir/data/postmaster.pid" || true
    local listen=(-c "listen_addresses=" -p "$NUMBER")
    [ -z "$port" ] || listen=(-c "listen_addresses=127.0.0.1" -p "$port")
    printf "host=%s port=%s\n" "$run" "${port:-$NUMBER}" >"$dir/url"
    launch "$dir/launched.pid" "$dir/log" "$bin/postgres" -D "$dir/data" \
        -c "config_file=$dir/postgresql.conf" -c "hba_file=$dir/data/pg_hba.conf" \
        -c "ident_file=$dir/data/pg_ident.conf" \
        -c "unix_socket_directories=$run" -c unix_socket_permissions=0700 "${listen[@]}"
}

# forgotten PIDFILE: PostgreSQL does not start while there is a process with the number in its old pid file,
# and a crashed one may be there until its parent notices.
forgotten() {
    local pid
    { read -r pid <"$1"; } 2>/dev/null || return 0
    [ ! -d "/proc/$pid" ]
}

# A client asks instead of pg_isready: "starting up" counts as ready there when a hot standby would answer.
answers() { psql -X -q -w "$(url "$1") user=postgres dbname=postgres connect_timeout=2" -c 'SELECT 1'; }

ready() {
    local pid end=$((SECONDS + 60))
    until answers "$1" >/dev/null 2>&1; do
        pid=$(alive "$1/launched.pid" postgres) || pid=$(alive "$1/data/postmaster.pid" postgres) || return 1
        [ "$SECONDS" -lt "$end" ] || return 1
        sleep 0.05
    done
}

url() { cat "$1/url"; }

status() { tell_status "$1" "$1/data/postmaster.pid" postgres "PostgreSQL runs" "PostgreSQL is stopped"; }

stop() {
    # INT is the fast shutdown: it disconnects clients, rolls their transactions back and writes a checkpoint.
    end_process "$1/data/postmaster.pid" postgres INT 60
    rm -f "$1/launched.pid"
}

run_verb postgres run "start ready url status stop" \
    "install | start DIR [PORT] | ready DIR | url DIR | status DIR | stop DIR" "$@"
