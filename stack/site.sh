# One DeepLink site in one folder: its configuration, its copy of the program, its two processes. Sourced by
# run.sh, stop.sh and the test harness, after lib.sh. site_at() comes first.
# shellcheck shell=bash

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
    NGINX=$STATE/nginx
}

# site_make: the folders. What is secret stays with the servers' user.
site_make() {
    own "$STATE" "$APP" "$LOGS" "$PAGES" "$STATE/mail" "$STATE/secrets"
    chmod 700 "$STATE/secrets" "$STATE/mail"
    SOCKETS=$(socket_dir "$STATE")
}

# site_stage BUILD: copies what was built into the site, where the servers' user can read it, and where the
# next build does not disturb it.
site_stage() {
    local build=$1
    [ -x "$build/deeplink" ] || die "$build/deeplink is missing: run make first"
    if ! cmp -s "$build/deeplink" "$APP/deeplink"; then
        install -m 755 "$build/deeplink" "$APP/deeplink.new"
        mv "$APP/deeplink.new" "$APP/deeplink"
    fi
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
postgresql = $2 dbname=$DATABASE
postgresql_admin = $2 dbname=$DATABASE user=postgres
postgresql_secrets = $STATE/secrets/postgresql
redis = $3
docs = $4
static_dir = $APP/static
pages_dir = $PAGES
secret_file = $STATE/secrets/key
mail = folder:$STATE/mail
END
}

# site_run COMMAND...: a subcommand of deeplink, as the servers' user.
site_run() { (cd "$STATE" && "${AS_USER[@]}" "$APP/deeplink" --config "$CONF" "$@"); }

# site_launch serve|work
site_launch() { launch "$STATE/$1.pid" "$LOGS/$1.log" "$APP/deeplink" --config "$CONF" "$1"; }

# site_alive serve|work
site_alive() { alive "$STATE/$1.pid" deeplink; }

# site_end serve|work: TERM drains, what was begun is finished. A process that launch() started leads a group:
# whoever of it is left after that is killed.
site_end() {
    local pid
    pid=$(site_alive "$1") || pid=
    end_process "$STATE/$1.pid" deeplink TERM 20
    [ -z "$pid" ] || kill -KILL -- "-$pid" 2>/dev/null || true
}

# site_stop: both processes, at the same time.
site_stop() {
    site_end serve &
    local one=$!
    site_end work
    wait "$one" || true
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
