# For tests written in shell: source it, say what is expected, end with `done_checking`.
# shellcheck shell=bash

passed=0 failed=0

# is WORDS EXPECTED FOUND
is() {
    if [ "$2" = "$3" ]; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        printf 'FAIL: %s\n  expected: %s\n  found:    %s\n' "$1" "$2" "$3"
    fi
}

# like WORDS PATTERN FOUND: a glob pattern.
like() {
    # shellcheck disable=SC2254 # a pattern it is
    case $3 in
        $2) passed=$((passed + 1)) ;;
        *)
            failed=$((failed + 1))
            printf 'FAIL: %s\n  expected: %s\n  found:    %s\n' "$1" "$2" "$3"
            ;;
    esac
}

# works WORDS COMMAND...
works() {
    local words=$1
    shift
    if "$@" >"$TEST_DIR/said" 2>&1; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        printf 'FAIL: %s: %s\n' "$words" "$*"
        sed 's/^/  /' "$TEST_DIR/said"
    fi
}

# fetch CURL-ARGUMENT...: leaves $status, the head in $TEST_DIR/head and the body in $TEST_DIR/body.
fetch() {
    status=$(curl -s --max-time 20 -o "$TEST_DIR/body" -D "$TEST_DIR/head" -w '%{http_code}' "$@") || true
}

# header NAME: of the last answer; empty when it was not sent.
header() { tr -d '\r' <"$TEST_DIR/head" | grep -i "^$1:" | tail -n 1 | sed 's/^[^:]*: *//' || true; }

body() { cat "$TEST_DIR/body"; }

done_checking() {
    printf '%d passed, %d failed\n' "$passed" "$failed"
    [ "$failed" -eq 0 ]
}
