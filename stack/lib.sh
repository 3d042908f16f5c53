# Shared by the scripts in stack/ and tests/. Sourced, never run.
#
# Every server here is a private instance: its own data folder, its own sockets and loopback ports. A server's
# folder holds a pid file, and a server is only ever stopped through the pid in it.
# shellcheck shell=bash

set -euo pipefail
umask 022
export LC_ALL=C.UTF-8
# MongoDB's driver keeps counters in shared memory, named by the number of its process. A killed one leaves
# the name behind, and the next of that number writes a line that is no JSON. Nobody reads those counters.
export MONGOC_DISABLE_SHM=1

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
CACHE=${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/deeplink
DATABASE=deeplink

say() { printf '%s\n' "$*"; }
warn() { printf '%s\n' "$*" >&2; }
die() {
    warn "$*"
    exit 1
}

is_root() { [ "$(id -u)" -eq 0 ]; }

# Servers never run as root. Started by root, they run as this user: DEEPLINK_USER, else `deeplink` (made by
# stack/install.sh), else `nobody`. AS_USER stands in front of a command that is to run as that user.
RUN_USER=$(id -un)
AS_USER=()
if is_root; then
    RUN_USER=${DEEPLINK_USER:-deeplink}
    getent passwd "$RUN_USER" >/dev/null || RUN_USER=nobody
    AS_USER=(setpriv "--reuid=$(id -u "$RUN_USER")" "--regid=$(id -g "$RUN_USER")" --init-groups
        --no-new-privs env HOME=/nonexistent)
fi

# own DIR...: makes folders that belong to the user the servers run as.
own() {
    mkdir -p "$@"
    if is_root; then chown "$RUN_USER:" "$@"; fi
}

# reachable DIR: can the servers' user enter DIR (or, while it does not exist, its nearest parent)?
reachable() {
    local dir=$1
    while [ ! -e "$dir" ]; do dir=$(dirname "$dir"); done
    "${AS_USER[@]}" test -x "$dir" 2>/dev/null
}

# socket_dir DIR: where DIR's sockets go, made and printed. A socket's path may have about 100 bytes, so a
# deep or odd folder gets a short one in /tmp, named after it; whoever is not us can neither make nor enter
# it.
socket_dir() {
    local dir=$1/run owner
    if [ ${#dir} -gt 70 ] || [[ $dir == *[![:alnum:]/._+-]* ]]; then
        dir=/tmp/deeplink-$(printf '%s' "$1" | sha256sum | cut -c1-12)
    fi
    if [ ! -d "$dir" ]; then
        mkdir -m 700 "$dir" || return 1
        if is_root; then chown "$RUN_USER:" "$dir"; fi
    fi
    owner=$(stat -c %U "$dir")
    [ "$owner" = "$RUN_USER" ] || { warn "$dir belongs to $owner, not to $RUN_USER"; return 1; }
    printf '%s\n' "$dir"
}

# port_free PORT [ADDRESS]: does nobody listen there?
port_free() { ! (exec 3<>"/dev/tcp/${2:-127.0.0.1}/$1") 2>/dev/null; }

# free_port: prints a port of 127.0.0.1 that nobody listens on, below the ones the kernel gives to clients.
free_port() {
    local port try
    for try in {1..200}; do
        port=$((10240 + (RANDOM * 32768 + RANDOM) % 22000))
        if port_free "$port"; then
            printf '%s\n' "$port"
            return 0
        fi
    done
    warn "no free port found after $try tries"
    return 1
}

# next_port PORT [ADDRESS]: PORT or the first free one of the hundred after it.
next_port() {
    local port
    for ((port = $1; port < $1 + 100; port++)); do
        if port_free "$port" "${2:-127.0.0.1}"; then
            printf '%s\n' "$port"
            return 0
        fi
    done
    return 1
}

# alive PIDFILE WORD: prints the pid in PIDFILE if that process runs and WORD is in its command line (a pid
# may have been given to another program since).
alive() {
    local pid
    [ -s "$1" ] && read -r pid <"$1" 2>/dev/null && [ -n "$pid" ] || return 1
    [ -d "/proc/$pid" ] || return 1
    case $({ tr '\0' ' ' <"/proc/$pid/cmdline"; } 2>/dev/null) in *"$2"*) ;; *) return 1 ;; esac
    printf '%s\n' "$pid"
}

# wait_for SECONDS COMMAND...: repeats COMMAND until it succeeds.
wait_for() {
    local end=$((${EPOCHREALTIME/./} + $1 * 1000000))
    shift
    until "$@" >/dev/null 2>&1; do
        [ "${EPOCHREALTIME/./}" -lt "$end" ] || return 1
        sleep 0.05
    done
}

# gone PID: has the process ended? One that only waits for its parent to notice (a zombie) has.
gone() {
    local stat
    { read -r stat <"/proc/$1/stat"; } 2>/dev/null || return 0
    [[ $stat == *') Z '* ]]
}

# end_process PIDFILE WORD SIGNAL SECONDS: sends SIGNAL to the process and waits; KILL when that does not
# help.
end_process() {
    local pid
    if pid=$(alive "$1" "$2"); then
        kill "-$3" "$pid" 2>/dev/null || true
        if ! wait_for "$4" gone "$pid"; then
            warn "process $pid ($2) ignores $3, killing it"
            kill -KILL "$pid" 2>/dev/null || true
            wait_for 5 gone "$pid" || true
        fi
    fi
    rm -f "$1"
}

# launch PIDFILE LOG COMMAND...: runs COMMAND in a session of its own, as the servers' user, apart from the
# terminal and from this shell's open files, and notes its pid. When it returns, alive() knows the process.
launch() {
    local pidfile=$1 log=$2 try
    shift 2
    if is_root; then
        touch "$log"
        chown "$RUN_USER:" "$log"
    fi
    (
        cd "$(dirname "$pidfile")"
        exec setsid "${AS_USER[@]}" "$@" </dev/null >>"$log" 2>&1 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&-
    ) &
    printf '%s\n' "$!" >"$pidfile"
    for try in {1..200}; do
        if gone "$!" || alive "$pidfile" "$1" >/dev/null; then break; fi
        [ "$try" -lt 20 ] || sleep 0.01
    done
    disown "$!" 2>/dev/null || true
}

# What the scripts of the servers have in common. Each is `stack/NAME.sh`, with a function for each verb.

# answers_soon PIDFILE WORD COMMAND...: repeats COMMAND until it succeeds; fails when the process has ended or
# a minute is over.
answers_soon() {
    local pidfile=$1 word=$2 end=$((SECONDS + 60))
    shift 2
    until "$@"; do
        alive "$pidfile" "$word" >/dev/null || return 1
        [ "$SECONDS" -lt "$end" ] || return 1
        sleep 0.05
    done
}

# tell_status DIR PIDFILE WORD RUNS STOPPED: says which of the two it is, by words; fails when it is stopped.
tell_status() {
    local pid
    if pid=$(alive "$2" "$3"); then
        say "$4, pid $pid, $(url "$1")"
    else
        say "$5"
        return 3
    fi
}

# run_verb NAME GROUP VERBS USAGE ARGUMENT...: what the script was called for. VERBS take a folder.
run_verb() {
    local name=$1 group=$2 verbs=$3 usage=$4 verb=${5:-} dir
    shift 4
    [ "$verb" != install ] || exec "$ROOT/stack/install.sh" "$group"
    [[ -n $verb && " $verbs " == *" $verb "* ]] || die "usage: stack/$name.sh $usage"
    [ $# -ge 2 ] || die "usage: stack/$name.sh $verb DIR"
    dir=$(realpath -m "$2")
    "$verb" "$dir" "${@:3}"
}

# last_lines LOG [N]: what a server said last, indented.
last_lines() {
    if [ -s "$1" ]; then
        tail -n "${2:-12}" "$1" | sed 's/^/    /' >&2
    else
        warn "    (nothing in $1)"
    fi
}

# last_words N LOG...: what the servers of some logs said last, for whoever reads why something failed.
last_words() {
    local n="$1" log
    shift
    for log in "$@"; do
        if [ -s "$log" ]; then warn "$(basename "$log"):" && last_lines "$log" "$n" 2>&1 | cut -c1-400 >&2; fi
    done
}

# http_status ADDRESS PORT PATH: prints the status of an answer, without needing curl.
http_status() {
    local line
    exec 3<>"/dev/tcp/$1/$2" || return 1
    printf 'GET %s HTTP/1.0\r\nHost: %s\r\nConnection: close\r\n\r\n' "$3" "$1" >&3
    IFS= read -r -t 10 line <&3 || { exec 3>&-; return 1; }
    exec 3>&-
    [[ $line =~ ^HTTP/[0-9.]+\ ([0-9]+) ]] && printf '%s\n' "${BASH_REMATCH[1]}"
}

# command_path NAME [DIR...]: the program NAME from PATH, or from one of DIR (Debian keeps some outside of
# PATH).
command_path() {
    local name=$1 dir
    shift
    command -v "$name" && return 0
    for dir in "$@" /usr/sbin /usr/local/sbin; do
        [ -x "$dir/$name" ] && printf '%s\n' "$dir/$name" && return 0
    done
    return 1
}

# need NAME GROUP: the path of a program that stack/install.sh GROUP brings.
need() { command_path "$1" || die "$1 is missing: stack/install.sh $2 installs it"; }
