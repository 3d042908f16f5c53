#!/usr/bin/env bash
# A private S3: versitygw, which checks signatures for real and keeps objects in a folder. For tests, and to
# try a bucket; not meant to be run for members.
#
#   stack/versitygw.sh install            builds it (Go 1.25 or newer)
#   stack/versitygw.sh start DIR [PORT]   on 127.0.0.1:PORT (a free one), with the bucket `media`
#   stack/versitygw.sh ready DIR          waits until it answers
#   stack/versitygw.sh url DIR            prints http://127.0.0.1:PORT
#   stack/versitygw.sh setting DIR        prints s3://media?endpoint=…, for `media` in deeplink.conf
#   stack/versitygw.sh stop DIR | status DIR
#
# Its keys stand in DIR/key and DIR/secret (media_s3_key and media_s3_secret).
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

WORD=versitygw
BUCKET=media

# The program, for the servers' user: in the cache, or a copy of it where that cannot be entered.
program() {
    local dir=$1 from
    from=$CACHE/versitygw-$(sha256sum <"$ROOT/stack/versitygw.version" | cut -c1-12)/versitygw
    [ -x "$from" ] || die "versitygw is missing: stack/install.sh s3 builds it"
    if ! reachable "$(dirname "$from")"; then
        [ -x "$dir/versitygw" ] || cp "$from" "$dir/versitygw"
        from=$dir/versitygw
    fi
    printf '%s\n' "$from"
}

make_keys() {
    local dir=$1 name
    for name in key secret; do
        [ ! -s "$dir/$name" ] || continue
        (umask 077 && head -c 18 /dev/urandom | base64 | tr '+/' 'AZ' >"$dir/$name")
    done
    if is_root; then chown "$RUN_USER:" "$dir/key" "$dir/secret"; fi
}

start() {
    local dir=$1 port=${2:-}
    own "$dir" "$dir/data" "$dir/data/$BUCKET" "$dir/meta"
    if status "$dir" >/dev/null; then return 0; fi
    [ -n "$port" ] || port=$(cat "$dir/port" 2>/dev/null || free_port)
    printf '%s\n' "$port" >"$dir/port"
    make_keys "$dir"
    : >"$dir/log"
    launch "$dir/pid" "$dir/log" env "ROOT_ACCESS_KEY=$(cat "$dir/key")" \
        "ROOT_SECRET_KEY=$(cat "$dir/secret")" "$(program "$dir")" --port "127.0.0.1:$port" --quiet \
        --health /healthz posix --sidecar "$dir/meta" "$dir/data"
}

answers() { [ "$(http_status 127.0.0.1 "$(cat "$1/port")" /healthz)" = 200 ]; }

ready() {
    local end=$((SECONDS + 30))
    until answers "$1"; do
        alive "$1/pid" "$WORD" >/dev/null || return 1
        [ "$SECONDS" -lt "$end" ] || return 1
        sleep 0.05
    done
}

url() { printf 'http://127.0.0.1:%s\n' "$(cat "$1/port")"; }

setting() { printf 's3://%s?endpoint=%s\n' "$BUCKET" "$(url "$1")"; }

status() {
    local pid
    if pid=$(alive "$1/pid" "$WORD"); then
        say "versitygw runs, pid $pid, $(url "$1")"
    else
        say "versitygw is stopped"
        return 3
    fi
}

stop() { end_process "$1/pid" "$WORD" TERM 10; }

case ${1:-} in
    install) exec "$ROOT/stack/install.sh" s3 ;;
    start | ready | url | setting | status | stop)
        [ $# -ge 2 ] || die "usage: stack/versitygw.sh $1 DIR"
        verb=$1 dir=$(realpath -m "$2")
        "$verb" "$dir" "${@:3}"
        ;;
    *) die "usage: stack/versitygw.sh install | start DIR [PORT] | ready|url|setting|status|stop DIR" ;;
esac
