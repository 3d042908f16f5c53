#!/usr/bin/env bash
# A private Kafka (KRaft), out of jars that Maven brings.
#
#   stack/kafka.sh install            brings the jars
#   stack/kafka.sh start DIR [PORT]   listens on 127.0.0.1:PORT; without PORT on the one it had before, or a
#                                     free one
#   stack/kafka.sh ready DIR          waits until it answers
#   stack/kafka.sh url DIR            prints kafka://127.0.0.1:PORT, as the setting `bus` has it
#   stack/kafka.sh stop DIR | status DIR
#   stack/kafka.sh topics DIR         prints each partition with its leader and its copies
#   stack/kafka.sh messages DIR TOPIC N   prints the headers and keys of the first N messages of a topic
#
# BROKERS=3 start makes a cluster of three, in DIR/1, DIR/2 and DIR/3: each of them is a DIR, too.
# SECURE=yes start makes brokers that are spoken to by TLS (kafkas://), ask for a certificate, and for the
# user and password in DIR/secrets by PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512; `settings DIR` prints what
# deeplink.conf has to say for them.
# PURPOSE=test starts faster, and lets consumers and brokers that have gone be missed within a second or two.
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

# The folders of the brokers of DIR.
nodes() {
    if [ -d "$1/1" ]; then printf '%s\n' "$1"/[0-9]; else say "$1"; fi
}

# What a broker of a cluster was given when it was made; one that is alone gets its controller's port anew.
number_of() { cat "$1/number" 2>/dev/null || say 1; }
quorum_of() { cat "$1/quorum" 2>/dev/null || say "1@127.0.0.1:$(free_port)"; }
is_secure() { [ -d "$1/secrets" ]; }

# At most three copies of what the cluster keeps for itself, and most of them in step.
write_properties() {
    local dir=$1 port=$2 number quorum brokers copies listener=PLAINTEXT
    number=$(number_of "$dir")
    quorum=$(quorum_of "$dir")
    brokers=$(tr ',' '\n' <<<"$quorum" | wc -l)
    copies=$((brokers < 3 ? brokers : 3))
    if is_secure "$dir"; then listener=SASL_SSL; fi
    cat <<END
process.roles=broker,controller
node.id=$number
controller.quorum.voters=$quorum
listeners=$listener://127.0.0.1:$port,CONTROLLER://$(tr ',' '\n' <<<"$quorum" | sed -n "s/^$number@//p")
advertised.listeners=$listener://127.0.0.1:$port
inter.broker.listener.name=$listener
controller.listener.names=CONTROLLER
listener.security.protocol.map=CONTROLLER:PLAINTEXT,$listener:$listener
log.dirs=$dir/data
auto.create.topics.enable=false
log.cleaner.dedupe.buffer.size=16777216
offsets.topic.num.partitions=4
offsets.topic.replication.factor=$copies
transaction.state.log.replication.factor=$copies
transaction.state.log.min.isr=$((copies > 2 ? 2 : 1))
END
    if is_secure "$dir"; then write_security "$dir"; fi
    if [ "${PURPOSE:-run}" = test ]; then
        say group.initial.rebalance.delay.ms=0
        say group.min.session.timeout.ms=500
        say broker.session.timeout.ms=6000
        say broker.heartbeat.interval.ms=500
    fi
}

# ---- brokers that ask who we are ---------------------------------------------------------------------------

# Certificates of an authority of its own, a user and a password.
make_secrets() {
    local dir=$1 name
    own "$dir/secrets"
    "$ROOT/stack/certificates.sh" "$dir/secrets" broker client
    (umask 077 && head -c 18 /dev/urandom | base64 | tr '+/' '-_' >"$dir/secrets/password")
    for name in broker client; do
        (umask 077 && cat "$dir/secrets/$name.key" "$dir/secrets/$name.pem" >"$dir/secrets/$name.both")
    done
    (umask 077 && write_client "$dir/secrets" >"$dir/secrets/client.properties")
    if is_root; then chown -R "$RUN_USER:" "$dir/secrets"; fi
    chmod 700 "$dir/secrets"
}

MODULES=org.apache.kafka.common.security

# write_stores SECRETS NAME: what NAME shows, and whom it believes.
write_stores() {
    cat <<END
ssl.keystore.type=PEM
ssl.keystore.location=$1/$2.both
ssl.truststore.type=PEM
ssl.truststore.location=$1/ca.pem
END
}

# What Kafka's own programs have to say to such a broker.
write_client() {
    write_stores "$1" client
    cat <<END
security.protocol=SASL_SSL
sasl.mechanism=PLAIN
sasl.jaas.config=$MODULES.plain.PlainLoginModule required username="deeplink" password="$(cat "$1/password")";
END
}

# The brokers are users of their own to each other.
write_security() {
    local secrets=$1/secrets password
    password=$(cat "$secrets/password")
    write_stores "$secrets" broker
    cat <<END
listener.name.sasl_ssl.ssl.client.auth=required
sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512
sasl.mechanism.inter.broker.protocol=PLAIN
listener.name.sasl_ssl.plain.sasl.jaas.config=$MODULES.plain.PlainLoginModule required username="deeplink" \
  password="$password" user_deeplink="$password";
listener.name.sasl_ssl.scram-sha-256.sasl.jaas.config=$MODULES.scram.ScramLoginModule required;
listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config=$MODULES.scram.ScramLoginModule required;
END
}

settings() {
    local secrets=$1/secrets
    say "bus = $(url "$1")"
    is_secure "$1" || return 0
    say "bus_ca = $secrets/ca.pem"
    say "bus_cert = $secrets/client.pem"
    say "bus_key = $secrets/client.key"
    say "bus_sasl = SCRAM-SHA-512"
    say "bus_user = deeplink"
    say "bus_password = @$secrets/password"
}

# ---- starting and stopping ---------------------------------------------------------------------------------

# java_of DIR WORD...: a program out of the jars.
java_of() {
    local dir=$1 libs
    shift
    libs=$(libraries "$dir")
    "${AS_USER[@]}" java -cp "$libs/*" "-Dlog4j.configuration=file:$dir/log4j.properties" \
        -XX:TieredStopAtLevel=1 "$@"
}

# A dash at the beginning would be taken for an option.
cluster_id() { head -c 16 /dev/urandom | base64 | tr '+/' '-_' | cut -c1-22 | sed 's/^-/A/'; }

format_data() {
    local dir=$1 scram=() hash
    if is_secure "$dir"; then
        for hash in 256 512; do
            scram+=(--add-scram "SCRAM-SHA-$hash=[name=deeplink,password=$(cat "$dir/secrets/password")]")
        done
    fi
    own "$dir/data"
    java_of "$dir" kafka.tools.StorageTool format -c "$dir/server.properties" \
        -t "$(cat "$dir/cluster" 2>/dev/null || cluster_id)" "${scram[@]}" >"$dir/log" 2>&1 ||
        { last_lines "$dir/log"; return 1; }
}

start_one() {
    local dir=$1 port=${2:-} quick=() heap=-Xmx256m
    own "$dir"
    if status_of "$dir" >/dev/null; then return 0; fi
    [ -n "$port" ] || port=$(cat "$dir/port" 2>/dev/null || free_port)
    if [ "${SECURE:-}" = yes ] && ! is_secure "$dir"; then make_secrets "$dir"; fi
    cp "$ROOT/stack/kafka/log4j.properties" "$dir/"
    printf '%s\n' "$port" >"$dir/port"
    (umask 027 && write_properties "$dir" "$port" >"$dir/server.properties")
    if is_root; then chown "$RUN_USER:" "$dir/server.properties"; fi
    [ -d "$dir/data" ] || format_data "$dir"
    : >"$dir/log"
    [ ! -s "$dir/quorum" ] || heap=-Xmx192m
    [ "${PURPOSE:-run}" != test ] || quick=(-XX:+UseSerialGC -XX:TieredStopAtLevel=1)
    launch "$dir/pid" "$dir/log" java "$heap" "${quick[@]}" -cp "$(libraries "$dir")/*" \
        "-Dlog4j.configuration=file:$dir/log4j.properties" "$WORD" "$dir/server.properties"
}

# Who belongs to a cluster is said once: its brokers keep their ports.
make_cluster() {
    local dir=$1 n=$2 i quorum='' id
    own "$dir"
    id=$(cluster_id)
    for ((i = 1; i <= n; i++)); do quorum+=",$i@127.0.0.1:$(free_port)"; done
    if [ "${SECURE:-}" = yes ]; then make_secrets "$dir"; fi
    for ((i = 1; i <= n; i++)); do
        own "$dir/$i"
        say "$i" >"$dir/$i/number"
        say "${quorum#,}" >"$dir/$i/quorum"
        say "$id" >"$dir/$i/cluster"
        if is_secure "$dir"; then ln -s ../secrets "$dir/$i/secrets"; fi
    done
}

# each_of FUNCTION DIR: for each broker, all at the same time.
each_of() {
    local dir job jobs=() failed=''
    while IFS= read -r dir; do
        "$1" "$dir" &
        jobs+=($!)
    done < <(nodes "$2")
    for job in "${jobs[@]}"; do wait "$job" || failed=yes; done
    [ -z "$failed" ]
}

start() {
    if [ "${BROKERS:-1}" -gt 1 ] && [ ! -d "$1/1" ] && [ ! -e "$1/number" ]; then
        make_cluster "$1" "$BROKERS"
    fi
    if [ -d "$1/1" ]; then each_of start_one "$1"; else start_one "$@"; fi
}

answers() { grep -q 'Kafka Server started' "$1/log" && ! port_free "$(cat "$1/port")"; }

ready_one() { answers_soon "$1/pid" "$WORD" answers "$1"; }

ready() { each_of ready_one "$1"; }

addresses() {
    nodes "$1" | while IFS= read -r dir; do say "127.0.0.1:$(cat "$dir/port")"; done | paste -s -d ,
}

url() {
    local scheme=kafka
    if is_secure "$1"; then scheme=kafkas; fi
    say "$scheme://$(addresses "$1")"
}

status_of() { tell_status "$1" "$1/pid" "$WORD" "Kafka runs" "Kafka is stopped"; }

status() { each_of status_of "$1"; }

stop_one() { end_process "$1/pid" "$WORD" TERM 30; }

stop() { each_of stop_one "$1"; }

# ---- looking -----------------------------------------------------------------------------------------------

# Words for one of Kafka's own programs: OPTION and a file, where brokers ask who it is.
as_client() { if is_secure "$1"; then printf '%s\n' "$2" "$1/secrets/client.properties"; fi; }

topics() {
    local options
    mapfile -t options < <(as_client "$1" --command-config)
    java_of "$(nodes "$1" | head -n 1)" org.apache.kafka.tools.TopicCommand \
        --bootstrap-server "$(addresses "$1")" --describe "${options[@]}"
}

messages() {
    local options
    mapfile -t options < <(as_client "$1" --consumer.config)
    java_of "$(nodes "$1" | head -n 1)" org.apache.kafka.tools.consumer.ConsoleConsumer \
        --bootstrap-server "$(addresses "$1")" --topic "$2" --from-beginning \
        --max-messages "$3" --timeout-ms 30000 --property print.partition=true \
        --property print.headers=true --property print.key=true --property print.value=false \
        "${options[@]}"
}

run_verb kafka kafka "start ready url settings status stop topics messages" \
    "install | start DIR [PORT] | ready DIR | url DIR | settings DIR | status DIR | stop DIR | topics DIR |
    messages DIR TOPIC N" "$@"
