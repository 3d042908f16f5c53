#!/usr/bin/env bash
# A private Kafka broker (KRaft, one node), out of jars that Maven brings.
#
#   stack/kafka.sh install            brings the jars
#   stack/kafka.sh start DIR [PORT]   listens on 127.0.0.1:PORT; without PORT on the one it had before, or a
#                                     free one
#   stack/kafka.sh ready DIR          waits until it answers
#   stack/kafka.sh url DIR            prints kafka://127.0.0.1:PORT, as the setting `bus` has it
#   stack/kafka.sh stop DIR | status DIR
#
# PURPOSE=test starts faster, and lets a consumer that has gone be missed within a second.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

WORD=kafka.Kafka

# Where the jars are, for the servers' user: the cache, or a copy of it where that cannot be entered.
libraries() {
    local dir=$1 from
    from=$(printf '%s/kafka-%s' "$CACHE" "$(sha256sum <"$ROOT/stack/kafka/pom.xml" | cut -c1-12)")
    [ -d "$from" ] || die "the jars of Kafka are missing: stack/install.sh kafka installs them"
    if ! reachable "$from"; then
        [ -d "$dir/libs" ] || cp -r "$from" "$dir/libs"
        from=$dir/libs
    fi
    printf '%s\n' "$from"
}

write_properties() {
    local dir=$1 port=$2 controller=$3
    cat <<END
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:$controller
listeners=PLAINTEXT://127.0.0.1:$port,CONTROLLER://127.0.0.1:$controller
advertised.listeners=PLAINTEXT://127.0.0.1:$port
controller.listener.names=CONTROLLER
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT
log.dirs=$dir/data
auto.create.topics.enable=false
offsets.topic.num.partitions=4
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
END
    if [ "${PURPOSE:-run}" = test ]; then
        say group.initial.rebalance.delay.ms=0
        say group.min.session.timeout.ms=500
    fi
}

start() {
    local dir=$1 port=${2:-} libs quick=()
    own "$dir"
    if status "$dir" >/dev/null; then return 0; fi
    [ -n "$port" ] || port=$(cat "$dir/port" 2>/dev/null || free_port)
    libs=$(libraries "$dir")
    cp "$ROOT/stack/kafka/log4j.properties" "$dir/"
    printf '%s\n' "$port" >"$dir/port"
    write_properties "$dir" "$port" "$(free_port)" >"$dir/server.properties"
    : >"$dir/log"
    if [ ! -d "$dir/data" ]; then
        own "$dir/data"
        "${AS_USER[@]}" java -cp "$libs/*" "-Dlog4j.configuration=file:$dir/log4j.properties" \
            -XX:TieredStopAtLevel=1 kafka.tools.StorageTool format -c "$dir/server.properties" \
            -t "$(head -c 16 /dev/urandom | base64 | tr '+/' '-_' | cut -c1-22)" >"$dir/log" 2>&1 ||
            { last_lines "$dir/log"; return 1; }
        : >"$dir/log"
    fi
    [ "${PURPOSE:-run}" != test ] || quick=(-XX:+UseSerialGC -XX:TieredStopAtLevel=1)
    launch "$dir/pid" "$dir/log" java -Xmx256m "${quick[@]}" -cp "$libs/*" \
        "-Dlog4j.configuration=file:$dir/log4j.properties" "$WORD" "$dir/server.properties"
}

ready() {
    local end=$((SECONDS + 60))
    until grep -q 'Kafka Server started' "$1/log" && ! port_free "$(cat "$1/port")"; do
        alive "$1/pid" "$WORD" >/dev/null || return 1
        [ "$SECONDS" -lt "$end" ] || return 1
        sleep 0.05
    done
}

url() { printf 'kafka://127.0.0.1:%s\n' "$(cat "$1/port")"; }

status() {
    local pid
    if pid=$(alive "$1/pid" "$WORD"); then
        say "Kafka runs, pid $pid, $(url "$1")"
    else
        say "Kafka is stopped"
        return 3
    fi
}

stop() { end_process "$1/pid" "$WORD" TERM 30; }

case ${1:-} in
    install) exec "$ROOT/stack/install.sh" kafka ;;
    start | ready | url | status | stop)
        [ $# -ge 2 ] || die "usage: stack/kafka.sh $1 DIR"
        verb=$1 dir=$(realpath -m "$2")
        "$verb" "$dir" "${@:3}"
        ;;
    *) die "usage: stack/kafka.sh install | start DIR [PORT] | ready DIR | url DIR | status DIR | stop DIR" ;;
esac
