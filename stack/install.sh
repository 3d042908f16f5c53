#!/usr/bin/env bash
# Installs what a fresh Debian 12 machine lacks. Running it again costs a moment and changes nothing.
#
#   stack/install.sh [run|test|bench|lint|kafka|s3]...
#
#   run    to build and run DeepLink: compiler, libraries, nginx, PostgreSQL, Redis; as root also the system
#          user `deeplink`, as which the servers run (they never run as root)
#   bench  run, and what the benchmark needs, a Kafka broker too
#   kafka  a Kafka broker: Java, and its jars by Maven
#   s3     versitygw, an S3 that keeps objects in a folder: built by Go
#   lint   formatter and checkers
#   test   all of these, and a browser, the MongoDB wire, and the tests' pinned libraries
#
# Packages come from apt, as root or by sudo. No service of the system is started: the servers are private
# instances (stack/*.sh). What npm, pip and Maven bring goes to ${XDG_CACHE_HOME:-~/.cache}/deeplink, outside
# of the tree.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

RUN_PACKAGES="build-essential pkg-config nginx postgresql redis-server libfcgi-dev libpq-dev libhiredis-dev
    libmongoc-dev libbson-dev libnghttp2-dev libssl-dev openssl
    libjson-c-dev libmagic-dev protobuf-compiler libprotobuf-dev
    protobuf-c-compiler libprotobuf-c-dev libsodium-dev libcmark-dev libutf8proc-dev re2c
    libcurl4-openssl-dev libidn2-dev libxml2-dev librdkafka-dev libwebsockets-dev libwebsockets-evlib-ev
    libev-dev
    zlib1g-dev check ca-certificates libvips-dev libseccomp-dev ffmpeg poppler-utils"
BENCH_PACKAGES="wrk nghttp2-client libvips-tools"
LINT_PACKAGES="clang-format clang-format-14 cppcheck shellcheck"
TEST_PACKAGES="python3-venv chromium fonts-liberation fonts-noto-color-emoji clang libclang-rt-14-dev
    libvips-tools"
# A program that is there already, wherever it came from, needs no package: PROGRAM:PACKAGE
BENCH_PROGRAMS="curl:curl jq:jq python3:python3"
LINT_PROGRAMS="python3:python3"
KAFKA_PROGRAMS="java:default-jre-headless mvn:maven"
TEST_PROGRAMS="node:nodejs npm:npm"

SUDO=()
POLICY=/usr/sbin/policy-rc.d
made_policy=

as_admin() {
    if is_root; then return 0; fi
    command -v sudo >/dev/null ||
        die "not root and no sudo here; as root, run: apt-get update && apt-get install $*"
    SUDO=(sudo)
}

# While packages are being installed, Debian's policy-rc.d keeps them from starting their services. Ours is
# removed again; one that was there stays.
forbid_services() {
    [ ! -e "$POLICY" ] || return 0
    made_policy=yes
    trap allow_services EXIT
    printf '#!/bin/sh\nexit 101\n' | "${SUDO[@]}" tee "$POLICY" >/dev/null
    "${SUDO[@]}" chmod 755 "$POLICY"
}

allow_services() {
    if [ -n "$made_policy" ]; then "${SUDO[@]}" rm -f "$POLICY"; fi
    made_policy=
}

missing_packages() {
    local package state
    for package in "$@"; do
        state=${installed[$package]:-}
        [ "$state" = installed ] || printf '%s ' "$package"
    done
}

apt_install() {
    local packages=("$@")
    say "installing Debian packages: ${packages[*]}"
    as_admin "${packages[@]}"
    forbid_services
    "${SUDO[@]}" env DEBIAN_FRONTEND=noninteractive apt-get update -qq ||
        warn "apt-get update failed, trying with the lists that are there"
    "${SUDO[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
        -o Dpkg::Options::=--force-confold -o Dpkg::Use-Pty=0 "${packages[@]}" >"$apt_log" 2>&1 ||
        { last_lines "$apt_log" 20; die "apt-get install failed"; }
    allow_services
}

install_packages() {
    local wanted=() missing=() pair name state apt_log
    local -A installed=()
    read -r -d '' -a wanted <<<"$1" || true
    for pair in $2; do
        command -v "${pair%%:*}" >/dev/null || wanted+=("${pair#*:}")
    done
    while read -r name state; do installed[$name]=$state; done < <(
        # shellcheck disable=SC2016 # dpkg-query expands these
        dpkg-query -W -f '${Package} ${db:Status-Status}\n' "${wanted[@]}" 2>/dev/null || true
    )
    read -r -a missing <<<"$(missing_packages "${wanted[@]}")" || true
    [ ${#missing[@]} -gt 0 ] || return 0
    apt_log=$(mktemp)
    apt_install "${missing[@]}"
    rm -f "$apt_log"
}

make_user() {
    if ! is_root || [ -n "${DEEPLINK_USER:-}" ] || getent passwd deeplink >/dev/null; then return 0; fi
    say "adding the system user deeplink: the servers do not run as root"
    useradd --system --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin --user-group deeplink
}

# cached NAME FILE...: the folder in the cache for what FILEs describe; another content is another folder.
cached() { printf '%s/%s-%s\n' "$CACHE" "$1" "$(cat "${@:2}" | sha256sum | cut -c1-12)"; }

npm_libraries() {
    local from=$ROOT/tests dir
    dir=$(cached npm "$from/package.json" "$from/package-lock.json")
    if [ ! -d "$dir" ]; then
        say "installing the tests' libraries (npm) into $dir"
        rm -rf "$dir.$$"
        mkdir -p "$dir.$$"
        cp "$from/package.json" "$from/package-lock.json" "$dir.$$/"
        (cd "$dir.$$" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >npm.log 2>&1) ||
            { last_lines "$dir.$$/npm.log"; die "npm ci failed"; }
        mv -T "$dir.$$" "$dir"
    fi
    # Node looks for libraries in the folders above a script, so the tree holds a link to them.
    if [ "$(readlink "$ROOT/tests/node_modules" || true)" != "$dir/node_modules" ]; then
        ln -sfnT "$dir/node_modules" "$ROOT/tests/node_modules"
    fi
}

# A venv of its own: what clients are tested with must not meet what the machine has.
python_libraries() {
    local from=$ROOT/tests dir
    dir=$(cached python "$from/requirements.txt")
    if [ ! -d "$dir" ]; then
        say "installing the tests' libraries (pip) into $dir"
        rm -rf "$dir.$$"
        python3 -m venv "$dir.$$"
        "$dir.$$/bin/pip" install -q --disable-pip-version-check -r "$from/requirements.txt" \
            >"$dir.$$/pip.log" 2>&1 || { last_lines "$dir.$$/pip.log"; die "pip install failed"; }
        mv -T "$dir.$$" "$dir"
    fi
    ln -sfnT "$dir" "$ROOT/tests/.venv"
}

# Stock gRPC clients: grpcio in a virtual environment, grpcurl where Go is there to build it.
# tests/grpc runs with them.
grpc_clients() {
    local from=$ROOT/tests/grpc dir python=/usr/bin/python3
    dir=$(cached grpc "$from/requirements.txt" "$from/grpcurl.version")
    [ -x "$python" ] || python=python3
    if [ ! -d "$dir" ]; then
        say "installing gRPC's own client and server (pip) and grpcurl (Go) into $dir"
        rm -rf "$dir.$$"
        "$python" -m venv "$dir.$$/python" &&
            "$dir.$$/python/bin/pip" install -q --disable-pip-version-check -r "$from/requirements.txt" \
            >"$dir.$$/pip.log" 2>&1 ||
            { last_lines "$dir.$$/pip.log"; die "pip could not bring grpcio"; }
        if ! command -v go >/dev/null; then
            warn "no Go here: grpcurl is left out, and its tests say so"
        elif ! GOBIN=$dir.$$ go install "$(cat "$from/grpcurl.version")" >"$dir.$$/go.log" 2>&1; then
            last_lines "$dir.$$/go.log"
            die "go could not build grpcurl"
        fi
        mv -T "$dir.$$" "$dir"
    fi
    # A virtual environment knows its programs by their path, so what was built is called by way of this one.
    ln -sfnT "$dir" "$CACHE/grpc"
}

mongo_wire() {
    local from=$ROOT/stack/mongo dir jars
    dir=$(cached mongo "$from/pom.xml" "$from/MongoWire.java")
    [ ! -d "$dir" ] || return 0
    say "installing mongo-java-server (Maven) into $dir"
    rm -rf "$dir.$$"
    mkdir -p "$dir.$$"
    mvn -q -B -f "$from/pom.xml" dependency:copy-dependencies -DincludeScope=runtime \
        "-DoutputDirectory=$dir.$$" >"$dir.$$/mvn.log" 2>&1 ||
        { last_lines "$dir.$$/mvn.log" 20; die "Maven could not bring mongo-java-server"; }
    jars=$(printf '%s:' "$dir.$$"/*.jar)
    # The compiler is a module of Debian's plain JRE, which has no javac program.
    java -m jdk.compiler/com.sun.tools.javac.Main -d "$dir.$$" -cp "$jars" "$from/MongoWire.java"
    mv -T "$dir.$$" "$dir"
}

kafka_broker() {
    local from=$ROOT/stack/kafka/pom.xml dir
    dir=$(cached kafka "$from")
    [ ! -d "$dir" ] || return 0
    say "installing a Kafka broker (Maven) into $dir"
    rm -rf "$dir.$$"
    mkdir -p "$dir.$$"
    mvn -q -B -f "$from" dependency:copy-dependencies -DincludeScope=runtime "-DoutputDirectory=$dir.$$" \
        >"$dir.$$/mvn.log" 2>&1 || { last_lines "$dir.$$/mvn.log" 20; die "Maven could not bring Kafka"; }
    mv -T "$dir.$$" "$dir"
}

# Debian's Go is too old for it, and one of 1.21 or newer brings the version that it needs by itself.
s3_server() {
    local from=$ROOT/stack/versitygw.version dir
    dir=$(cached versitygw "$from")
    [ ! -d "$dir" ] || return 0
    command -v go >/dev/null || die "versitygw is built by Go 1.21 or newer, which is not here"
    say "building versitygw (Go) into $dir"
    rm -rf "$dir.$$"
    mkdir -p "$dir.$$"
    GOBIN=$dir.$$ go install "$(cat "$from")" >"$dir.$$/go.log" 2>&1 ||
        { last_lines "$dir.$$/go.log" 20; die "go could not build versitygw"; }
    mv -T "$dir.$$" "$dir"
}

main() {
    local group list='' programs='' run='' test='' kafka='' s3=''
    for group in "${@:-run}"; do
        case $group in
            run) run=yes list+=" $RUN_PACKAGES" ;;
            bench)
                run=yes kafka=yes
                list+=" $RUN_PACKAGES $BENCH_PACKAGES" programs+=" $BENCH_PROGRAMS $KAFKA_PROGRAMS"
                ;;
            kafka) kafka=yes programs+=" $KAFKA_PROGRAMS" ;;
            s3) s3=yes ;;
            lint) list+=" $LINT_PACKAGES" programs+=" $LINT_PROGRAMS" ;;
            test)
                run=yes test=yes kafka=yes s3=yes
                list+=" $RUN_PACKAGES $BENCH_PACKAGES $LINT_PACKAGES $TEST_PACKAGES"
                programs+=" $BENCH_PROGRAMS $LINT_PROGRAMS $TEST_PROGRAMS $KAFKA_PROGRAMS"
                ;;
            *) die "usage: stack/install.sh [run|test|bench|lint|kafka|s3]..." ;;
        esac
    done
    command -v apt-get >/dev/null || die "this script knows apt (Debian 12); install by hand:$list"
    install_packages "$list" "$programs"
    if [ -n "$run" ]; then make_user; fi
    if [ -n "$kafka" ]; then kafka_broker; fi
    if [ -n "$s3" ]; then s3_server; fi
    if [ -n "$test" ]; then
        npm_libraries
        python_libraries
        mongo_wire
        grpc_clients
    fi
}

main "$@"
