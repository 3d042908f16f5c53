#!/usr/bin/env bash
# A private Redis.
#
#   stack/redis.sh install
#   stack/redis.sh start DIR [PORT]   listens on a unix socket that only the servers' user and root can reach,
#                                     and on 127.0.0.1:PORT where one is given
#   stack/redis.sh ready DIR          waits until it answers
#   stack/redis.sh url DIR            prints redis://127.0.0.1:PORT or unix:///path
#   stack/redis.sh stop DIR | status DIR
#
# DIR/redis.conf is written once and is yours to tune. PURPOSE=test makes one that keeps nothing on disk.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

write_conf() {
    cat <<END
# Written once by stack/redis.sh. Change what you like; socket and port are given on the command line.
# Sessions live here, so what is written is kept (at most the last second is lost in a power cut). All else is
# rebuilt.
timeout 0
tcp-keepalive 60
tcp-backlog 511
databases 64
maxclients 2000
lazyfree-lazy-user-del yes
latency-tracking no
# Every open page has a stream of its own, most of them short: room for little is set aside at first.
stream-node-max-bytes 1024
END
    if [ "${PURPOSE:-run}" = test ]; then
        printf 'appendonly no\nsave ""\n'
    else
        printf 'appendonly yes\nappendfsync everysec\nsave 900 1\n'
        printf '# Nothing is dropped when memory runs out: a session could be among it.\n'
        printf 'maxmemory-policy noeviction\n'
    fi
}

start() {
    local dir=$1 port=${2:-0} run
    need redis-server run >/dev/null
    own "$dir" "$dir/data"
    [ -s "$dir/redis.conf" ] || write_conf >"$dir/redis.conf"
    run=$(socket_dir "$dir")
    if status "$dir" >/dev/null; then return 0; fi
    printf '%s\n' "$run/redis.sock" >"$dir/socket"
    if [ "$port" = 0 ]; then
        printf 'unix://%s\n' "$run/redis.sock" >"$dir/url"
    else
        printf 'redis://127.0.0.1:%s\n' "$port" >"$dir/url"
    fi
    launch "$dir/pid" "$dir/log" "$(need redis-server run)" "$dir/redis.conf" --dir "$dir/data" \
        --daemonize no --unixsocket "$run/redis.sock" --unixsocketperm 700 --bind 127.0.0.1 --port "$port" \
        --loglevel notice
}

answers() { [ "$(redis-cli -s "$(cat "$1/socket")" PING 2>/dev/null)" = PONG ]; }

ready() { answers_soon "$1/pid" redis-server answers "$1"; }

url() { cat "$1/url"; }

status() { tell_status "$1" "$1/pid" redis-server "Redis runs" "Redis is stopped"; }

stop() { end_process "$1/pid" redis-server TERM 30; }

run_verb redis run "start ready url status stop" \
    "install | start DIR [PORT] | ready DIR | url DIR | status DIR | stop DIR" "$@"
