# One DeepLink site in one folder: its configuration, its copy of the program, its two processes. Sourced by
# run.sh, stop.sh and the test harness, after lib.sh. site_at() comes first.
# shellcheck shell=bash

# The shape of a site: `single`, one pool with all services; `split`, a pool for each, that call each other by
# gRPC over unix sockets, behind a secret; `tls`, the same over loopback ports, by certificates alone.
SITE_SHAPE=${SHAPE:-single}
# The pool that answers "/" goes by the plain names: serve, work, serve.pid, serve.log.
SITE_HOME=post

# site_at FOLDER: names everything in the site's folder. Nothing is made yet.
site_at() {
    STATE=$1
    CONF=$STATE/deeplink.conf
    APP=$STATE/app
    LOGS=$STATE/log
    PAGES=$STATE/pages
    POSTGRES=$STATE/postgresql
    REDIS=$STATE/redis
    MONGO=$STATE/mongodb
    KAFKA=$STATE/kafka
    NGINX=$STATE/nginx
}

# site_make: the folders. What is secret stays with the servers' user.
site_make() {
    own "$STATE" "$APP" "$LOGS" "$PAGES" "$STATE/mail" "$STATE/secrets" "$STATE/media" "$STATE/spool"
    chmod 700 "$STATE/secrets" "$STATE/mail"
    SOCKETS=$(socket_dir "$STATE")
    if [ "$SITE_SHAPE" = split ] && [ ! -s "$STATE/secrets/grpc" ]; then
        (umask 077 && head -c 30 /dev/urandom | base64 | tr '+/' '-_' >"$STATE/secrets/grpc")
        own_file "$STATE/secrets/grpc"
    fi
}

# site_is_apart: has each service a pool of its own?
site_is_apart() { [ "$SITE_SHAPE" != single ]; }

own_file() { if is_root; then chown "$RUN_USER:" "$1"; fi; }

# stage_program FROM TO: also while TO runs.
stage_program() {
    if ! cmp -s "$1" "$2"; then
        install -m 755 "$1" "$2.new"
        mv "$2.new" "$2"
    fi
}

# site_stage BUILD: copies what was built into the site, where the servers' user can read it, and where the
# next build does not disturb it.
site_stage() {
    local build=$1
    [ -x "$build/deeplink" ] || die "$build/deeplink is missing: run make first"
    stage_program "$build/deeplink" "$APP/deeplink"
    stage_program "$build/deeplink-derive" "$APP/deeplink-derive"
    stage_program "$build/deeplink-markup" "$APP/deeplink-markup"
    # Files of earlier builds stay: pages that browsers and caches hold still name them.
    mkdir -p "$APP/static"
    [ ! -d "$build/static" ] || cp -ru "$build/static/." "$APP/static/"
    chmod -R a+rX "$APP"
}

# site_settings BASE_URL POSTGRESQL REDIS DOCS: the settings that make this site, as lines of its
# configuration file.
site_settings() {
    cat <<END
base_url = $1
listen = unix:$SOCKETS/fcgi.sock
stream_listen = unix:$SOCKETS/stream.sock
postgresql = $2 dbname=$DATABASE
postgresql_admin = $2 dbname=$DATABASE user=postgres
postgresql_secrets = $STATE/secrets/postgresql
redis = $3
docs = $4
static_dir = $APP/static
pages_dir = $PAGES
secret_file = $STATE/secrets/key
mail = folder:$STATE/mail
media = folder:$STATE/media
media_spool = $STATE/spool
END
}

# site_run COMMAND...: a subcommand of deeplink, as the servers' user.
site_run() { (cd "$STATE" && "${AS_USER[@]}" "$APP/deeplink" --config "$CONF" "$@"); }

# site_services: the services that have a pool, the home of "/" first.
site_services() {
    say "$SITE_HOME"
    "$APP/deeplink" routes --nginx | grep -o 'deeplink_[a-z]*;$' | tr -d ';' | sed 's/^deeplink_//' |
        sort -u | grep -v -x "$SITE_HOME"
}

# site_processes serve|work|stream|all: the names of its processes.
site_processes() {
    local kind service
    for kind in serve work; do
        [ "$1" = all ] || [ "$1" = "$kind" ] || continue
        say "$kind"
        site_is_apart || continue
        for service in $(site_services | tail -n +2); do say "$kind-$service"; done
    done
    if [ "$1" = all ] || [ "$1" = stream ]; then say stream; fi
}

# site_gateway: writes what the configuration says to nginx, and which pool answers which path; prints what
# stack/nginx.sh is to be told.
site_gateway() {
    site_run config nginx >"$STATE/nginx-settings.conf"
    say "settings=$STATE/nginx-settings.conf"
    site_is_apart || return 0
    "$APP/deeplink" routes --nginx >"$STATE/pools.conf"
    ln -sfn "fcgi-$SITE_HOME.sock" "$SOCKETS/fcgi.sock"
    say "pools=$STATE/pools.conf"
    say "pool_socket=$SOCKETS/fcgi-%s.sock"
}

# What a process of a split site is told beside the configuration: where it listens, where the others live,
# and the passwords of its own roles only.
site_apart() {
    local kind=${1%%-*} service=${1#*-} other roles
    [ "$service" != "$1" ] || service=$SITE_HOME
    roles="$service|events"
    case $service in user | media) roles+='|docs' ;; esac
    (umask 077 && grep -E "^deeplink_($roles)=" "$(site_get postgresql_secrets)" \
        >"$STATE/secrets/postgresql-$service-$kind")
    own_file "$STATE/secrets/postgresql-$service-$kind"
    export DEEPLINK_POSTGRESQL_SECRETS=$STATE/secrets/postgresql-$service-$kind
    export DEEPLINK_LISTEN=unix:$SOCKETS/fcgi-$service.sock
    if [ "$SITE_SHAPE" = tls ]; then
        site_certificate "$service"
        other=$(site_port "$service")
        export DEEPLINK_GRPC_LISTEN=grpcs://127.0.0.1:$other
    else
        export DEEPLINK_GRPC_SECRET=@$STATE/secrets/grpc
        export DEEPLINK_GRPC_LISTEN=unix:$SOCKETS/grpc-$service.sock
    fi
    for other in $(site_services); do export "DEEPLINK_SERVICE_${other^^}=$(site_address "$other")"; done
    SERVICE=$service
}

# site_port SERVICE: where its pool listens with TLS; chosen once.
site_port() {
    local file=$STATE/secrets/grpc-$1.port
    [ -s "$file" ] || free_port >"$file"
    cat "$file"
}

# site_address SERVICE: how the others call it.
site_address() {
    if [ "$SITE_SHAPE" = tls ]; then
        say "grpcs://localhost:$(site_port "$1")"
    else
        say "grpc+unix:$SOCKETS/grpc-$1.sock"
    fi
}

# site_certificate SERVICE: what its pool shows, and whom it believes.
site_certificate() {
    local dir=$STATE/secrets/tls
    "$ROOT/stack/certificates.sh" "$dir" "$1"
    if is_root; then chown -R "$RUN_USER:" "$dir"; fi
    export DEEPLINK_GRPC_CA=$dir/ca.pem DEEPLINK_GRPC_CERT=$dir/$1.pem DEEPLINK_GRPC_KEY=$dir/$1.key
}

# site_launch_one NAME: one process, by its name.
site_launch_one() {
    local name=$1 SERVICE=
    (
        # The hub is no service's: it needs Redis and the site's secret, and no login.
        if site_is_apart && [ "$name" != stream ]; then site_apart "$name"; fi
        # shellcheck disable=SC2086 # no service is no word
        launch "$STATE/$name.pid" "$LOGS/$name.log" "$APP/deeplink" --config "$CONF" "${name%%-*}" $SERVICE
    )
}

# site_launch serve|work|stream: all processes of that kind.
site_launch() {
    local name
    for name in $(site_processes "$1"); do site_alive "$name" >/dev/null || site_launch_one "$name"; done
}

# site_alive NAME
site_alive() { alive "$STATE/$1.pid" deeplink; }

# site_end_one NAME: TERM drains, what was begun is finished. A process that launch() started leads a group:
# whoever of it is left after that is killed.
site_end_one() {
    local pid
    pid=$(site_alive "$1") || pid=
    end_process "$STATE/$1.pid" deeplink TERM 20
    [ -z "$pid" ] || kill -KILL -- "-$pid" 2>/dev/null || true
}

# site_end serve|work|stream: all processes of that kind, at the same time.
site_end() {
    local file job jobs=()
    for file in "$STATE/$1".pid "$STATE/$1"-*.pid; do
        [ -e "$file" ] || continue
        site_end_one "$(basename "$file" .pid)" &
        jobs+=($!)
    done
    for job in "${jobs[@]}"; do wait "$job" || true; done
}

# site_stop: all processes, at the same time.
site_stop() {
    site_end serve &
    local one=$!
    site_end stream &
    local two=$!
    site_end work
    wait "$one" || true
    wait "$two" || true
}

# site_ready ADDRESS:PORT: does the site have all that it needs?
site_ready() { [ "$(http_status "${1%:*}" "${1##*:}" /readyz)" = 200 ]; }

# site_set NAME VALUE: changes one line of the configuration file, keeping all others.
site_set() {
    local line
    line="$1 = $(printf '%s' "$2" | sed 's/[&|\\]/\\&/g')"
    sed -i "s|^$1 *=.*|$line|" "$CONF"
}

# site_get NAME
site_get() { sed -n "s/^$1 *= *//p" "$CONF" | tail -n 1; }

# state_folder: where `make run` keeps everything: DEEPLINK_STATE or ./var. Below a folder that only root may
# enter (/root) the servers could not reach it, since they do not run as root; then ./var is a link to a
# folder in /var/lib.
state_folder() {
    local dir=${DEEPLINK_STATE:-$ROOT/var} away
    dir=$(realpath -m "$dir")
    if reachable "$dir"; then
        printf '%s\n' "$dir"
        return 0
    fi
    [ -z "${DEEPLINK_STATE:-}" ] || die "the user $RUN_USER cannot enter $dir; choose another DEEPLINK_STATE"
    away=/var/lib/deeplink/$(basename "$ROOT")-$(printf '%s' "$ROOT" | sha256sum | cut -c1-8)
    mkdir -p "$away"
    ln -sfn "$away" "$ROOT/var"
    printf '%s\n' "$away"
}
