#!/usr/bin/env bash
# A private MongoDB: a real mongod from the PATH; for the tests mongo-java-server, which speaks the same wire
# from memory.
#
#   stack/mongo.sh install            brings mongo-java-server (mongod comes from MongoDB's own packages)
#   stack/mongo.sh start DIR [PORT]   mongod listens on a unix socket that only the servers' user and root can
#                                     reach, and on 127.0.0.1:PORT where one is given
#   stack/mongo.sh ready DIR          waits until it answers
#   stack/mongo.sh url DIR            prints mongodb://…, without a database
#   stack/mongo.sh stop DIR | status DIR
#
# ENGINE=java starts mongo-java-server (PORT is needed). ENGINE=mongod, the default, starts the real one.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

WORD=ongo # in the command line of both, mongod and MongoWire

start_mongod() {
    local dir=$1 port=${2:-} run
    run=$(socket_dir "$dir")
    own "$dir/data"
    # The socket's path, percent-encoded, stands where a host would.
    local bind=$run/mongod.sock url
    url=mongodb://${bind//\//%2F}
    if [ -n "$port" ]; then
        bind+=",127.0.0.1"
        url=mongodb://127.0.0.1:$port
    fi
    printf '%s\n' "$url" >"$dir/url"
    printf '%s\n' "$run/mongod.sock" >"$dir/socket"
    rm -f "$run/mongod.sock"
    launch "$dir/pid" "$dir/log" "$(command -v mongod)" --dbpath "$dir/data" --bind_ip "$bind" \
        --port "${port:-27017}" --filePermissions 0700 --unixSocketPrefix "$run" --wiredTigerCacheSizeGB 0.25
}

start_java() {
    local dir=$1 port=$2 from
    from=$(printf '%s/mongo-%s' "$CACHE" \
        "$(cat "$ROOT/stack/mongo/pom.xml" "$ROOT/stack/mongo/MongoWire.java" | sha256sum | cut -c1-12)")
    [ -d "$from" ] || die "mongo-java-server is missing: stack/install.sh test installs it"
    rm -rf "$dir/classes"
    cp -r "$from" "$dir/classes" # the cache may be in a home that the servers' user cannot enter
    printf 'mongodb://127.0.0.1:%s\n' "$port" >"$dir/url"
    rm -f "$dir/socket"
    launch "$dir/pid" "$dir/log" java -Xmx256m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 \
        -cp "$dir/classes:$dir/classes/*" MongoWire "$port"
}

start() {
    local dir=$1
    own "$dir"
    if status "$dir" >/dev/null; then return 0; fi
    : >"$dir/log"
    case ${ENGINE:-mongod} in
        java) start_java "$dir" "${2:?mongo-java-server needs a PORT}" ;;
        mongod) start_mongod "$dir" "${2:-}" ;;
        *) die "ENGINE is java or mongod, not $ENGINE" ;;
    esac
}

answers() {
    if [ -s "$1/socket" ]; then
        [ -S "$(cat "$1/socket")" ] && grep -qi 'waiting for connections' "$1/log"
    else
        local url
        url=$(url "$1")
        ! port_free "${url##*:}"
    fi
}

ready() { answers_soon "$1/pid" "$WORD" answers "$1"; }

url() { cat "$1/url"; }

status() { tell_status "$1" "$1/pid" "$WORD" "MongoDB's wire is answered" "MongoDB is stopped"; }

stop() { end_process "$1/pid" "$WORD" TERM 30; }

run_verb mongo test "start ready url status stop" \
    "install | start DIR [PORT] | ready DIR | url DIR | status DIR | stop DIR" "$@"
