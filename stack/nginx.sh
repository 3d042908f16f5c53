#!/usr/bin/env bash
# A private nginx from the files in nginx/.
#
#   stack/nginx.sh install
#   stack/nginx.sh start DIR KEY=VALUE...   fills the files in, checks them, starts nginx
#   stack/nginx.sh render DIR KEY=VALUE...  only fills them in, into DIR/conf, for the system's nginx
#   stack/nginx.sh ready DIR                waits until it answers
#   stack/nginx.sh url DIR | status DIR | reload DIR | stop DIR
#
#   listen=127.0.0.1:8080   where nginx listens
#   app=/path/fcgi.sock     the workers' FastCGI socket
#   pools=FILE pool_socket=/path/fcgi-%s.sock   services that live apart: what `deeplink routes --nginx` says,
#                           and where each one's pool listens (none)
#   grpc=/path/grpc.sock grpc_listen=127.0.0.1:8081   gRPC workers that programs from outside may call, and
#                           where, by HTTP/2 without TLS (nobody, nowhere)
#   stream=/path/stream.sock  the hub's socket (stream.sock beside app)
#   static=DIR pages=DIR    hash-named files; cached pages
#   media=DIR               the folder of uploaded files (none: they are in a bucket)
#   settings=FILE           what `deeplink config nginx` says; nginx reads it there (nginx/settings.conf)
#   spool=DIR               where uploads wait, media_spool of deeplink.conf (DIR/tmp, which is good for none)
#   upload=201m             the largest upload: the largest of media_image_mb …, and 1 MB for the form
#   limits=on|off           limits on requests a second (on)
#   log=FILE|off            the access log (DIR/access.log)
#   bench=SOCKET bench_file=FILE   the benchmark's further locations (none)
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

declare -A value=()

# fill NAME VALUE: the text of a replacement in sed.
fill() { printf 's|@%s@|%s|g\n' "$1" "$(printf '%s' "$2" | sed 's/[&|\\]/\\&/g')"; }

read_values() {
    local dir=$1 pair
    shift
    value=([listen]=127.0.0.1:8080 [limits]=on [log]=$dir/access.log [spool]=$dir/tmp [upload]=201m)
    for pair in "$@"; do
        case $pair in
            pools=* | pool_socket=* | grpc=* | grpc_listen=* | settings=*) ;;
            spool=* | upload=* | log=* | bench=* | bench_file=*) ;;
            listen=* | app=* | stream=* | static=* | pages=* | media=* | limits=*) ;;
            *) die "stack/nginx.sh does not know $pair" ;;
        esac
        value[${pair%%=*}]=${pair#*=}
    done
    for pair in app static pages; do
        [ -n "${value[$pair]:-}" ] || die "stack/nginx.sh needs $pair=…"
    done
}

mime_types() {
    local file
    for file in /etc/nginx/mime.types /usr/local/etc/nginx/mime.types; do
        [ ! -f "$file" ] || { printf '%s\n' "$file"; return 0; }
    done
    die "nginx's mime.types was not found: stack/install.sh run installs nginx"
}

# languages: the codes of the translations, "de|fr"; "-" matches no language.
languages() {
    local file list=''
    for file in "$ROOT"/templates/locale/*.po; do
        [ ! -f "$file" ] || list+="${list:+|}$(basename "$file" .po)"
    done
    printf '%s\n' "${list:--}"
}

script_of() {
    local dir=$1 limit='' log=off user='' pool=deeplink
    [ "${value[limits]}" = on ] || limit='# '
    [ "${value[log]}" = off ] || log="\"${value[log]}\" deeplink buffer=64k flush=1s"
    # A master that is root gives its workers to the servers' user; any other nginx is its user already.
    if is_root; then user="user $RUN_USER $(id -gn "$RUN_USER");"; fi
    fill USER "$user"
    fill RUN_DIR "$dir"
    fill NGINX_DIR "$dir/conf"
    fill MIME_TYPES "$(mime_types)"
    fill LISTEN "${value[listen]}"
    fill APP_SOCKET "${value[app]}"
    if [ -n "${value[pools]:-}" ]; then pool=\$deeplink_pool; fi
    fill POOL "$pool"
    fill GRPC_SOCKET "${value[grpc]:-}"
    fill STREAM_SOCKET "${value[stream]:-${value[app]%/*}/stream.sock}"
    fill STATIC_DIR "${value[static]}"
    fill PAGES_DIR "${value[pages]}"
    fill MEDIA_DIR "${value[media]:-/nonexistent}"
    fill SPOOL_DIR "${value[spool]}"
    fill UPLOAD_MAX "${value[upload]}"
    fill BENCH_SOCKET "${value[bench]:-}"
    fill BENCH_FILE "${value[bench_file]:-}"
    fill LOG "$log"
    fill SETTINGS "${value[settings]:-$dir/conf/settings.conf}"
    fill LIMIT "$limit"
    fill LANGUAGES "$(languages)"
}

# pools: an upstream for every pool that answers anything, and the map that chooses one.
pools() {
    local name socket
    if [ -n "${value[grpc_listen]:-}" ]; then
        printf 'server {\n    listen %s http2;\n    include "%s/snippets/grpc.conf";\n}\n\n' \
            "${value[grpc_listen]}" "$dir/conf"
    fi
    [ -n "${value[pools]:-}" ] || return 0
    while read -r name; do
        # shellcheck disable=SC2059 # the path of a socket, with the service's name in it
        printf -v socket "${value[pool_socket]}" "${name#deeplink_}"
        printf 'upstream %s {\n    server unix:%s max_fails=0;\n}\n\n' "$name" "$socket"
    done < <(grep -o 'deeplink_[a-z]*;$' "${value[pools]}" | tr -d ';' | sort -u)
    cat "${value[pools]}"
}

fill_file() { sed -f "$dir/fill.sed" "$ROOT/nginx/$1" >"$dir/conf/${2:-$1}"; }

fill_in() {
    local dir=$1 file
    read_values "$@"
    own "$dir" "$dir/tmp"
    rm -rf "$dir/conf"
    mkdir -p "$dir/conf/snippets" "$dir/conf/errors" "$dir/conf/extra"
    script_of "$dir" >"$dir/fill.sed"
    for file in nginx.conf deeplink.conf settings.conf site.conf \
        snippets/{locations,fastcgi,upload,streams,grpc,api,cors}.conf \
        snippets/{pages,static,media,media-headers,errors,error-pages,security-headers}.conf; do
        fill_file "$file"
    done
    pools >"$dir/conf/pools.conf"
    cp "$ROOT"/nginx/errors/* "$dir/conf/errors/"
    sed 's|REQUEST_URI .request_uri;|REQUEST_URI /metrics;|' "$dir/conf/snippets/fastcgi.conf" \
        >"$dir/conf/snippets/pool-metrics.conf"
    if [ -n "${value[bench]:-}" ]; then
        fill_file bench.conf extra/bench.conf
        sed "s|fastcgi_pass .*;|fastcgi_pass unix:${value[bench]};|" "$dir/conf/snippets/fastcgi.conf" \
            >"$dir/conf/snippets/bench-fastcgi.conf"
    fi
    rm -f "$dir/fill.sed"
    printf 'http://%s\n' "${value[listen]}" >"$dir/url"
}

render() {
    fill_in "$@"
    say "$1/conf"
}

run_nginx() { (cd "$1" && "$(need nginx run)" -c "$1/conf/nginx.conf" -p "$1" -e "$1/error.log" "${@:2}"); }

start() {
    local dir=$1
    if status "$dir" >/dev/null; then return 0; fi
    fill_in "$@"
    touch "$dir/error.log"
    run_nginx "$dir" -t -q >"$dir/check.log" 2>&1 ||
        { last_lines "$dir/check.log"; die "nginx refuses its files"; }
    # The shell's further files stay closed to the daemon: whoever waits for them would wait for nginx too.
    run_nginx "$dir" >>"$dir/error.log" 2>&1 </dev/null 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&- ||
        { last_lines "$dir/error.log"; die "nginx did not start"; }
}

answers() {
    local address
    address=$(url "$1")
    address=${address#http://}
    ! port_free "${address##*:}" "${address%:*}"
}

ready() { wait_for 20 answers "$1"; }

url() { cat "$1/url"; }

status() { tell_status "$1" "$1/nginx.pid" nginx "nginx runs" "nginx is stopped"; }

reload() { run_nginx "$1" -s reload; }

# QUIT lets the requests in flight end; idle kept-alive connections are closed.
stop() { end_process "$1/nginx.pid" nginx QUIT 5; }

run_verb nginx run "start render ready url status reload stop" \
    "install | start|render DIR KEY=VALUE... | ready|url|reload|status|stop DIR" "$@"
