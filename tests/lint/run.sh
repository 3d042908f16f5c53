#!/usr/bin/env bash
# Every check of the sources that needs no server: the rules of lint.py and their proof, layout, static
# analysis of the C files, shell scripts, the gateway's configuration. Ends with "N passed, N failed".
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
build=${TEST_BUILD:-build}
passed=0 failed=0

# tell FORM COMMAND...: runs COMMAND and shows what it says when it fails. FORM counts: its last line "N
# passed, N failed" is added up; FORM one: it is one check by its exit status.
tell() {
    local form=$1 words said status=0
    shift
    said=$("$@" 2>&1) || status=$?
    words=$(tail -n 1 <<<"$said")
    if [ "$form" = counts ] && [[ $words =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed$ ]]; then
        passed=$((passed + BASH_REMATCH[1]))
        failed=$((failed + BASH_REMATCH[2]))
        said=$(sed '$d' <<<"$said")
    elif [ "$status" -eq 0 ]; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
    fi
    if [ "$status" -ne 0 ]; then
        printf '%s\n' "== $*" "$said"
    fi
}

shell_scripts() {
    local scripts
    mapfile -t scripts < <(
        find stack tests bench static sql .ci -not -path '*/node_modules/*' -type f 2>/dev/null |
            while IFS= read -r file; do
                case $(head -c 40 "$file" | head -n 1 | tr -d '\0') in '#!'*sh) printf '%s\n' "$file" ;; esac
            done
    )
    shellcheck -x -S warning -e SC1091,SC2034 "${scripts[@]}" stack/lib.sh stack/site.sh
}

static_analysis() {
    mkdir -p "$build/cppcheck"
    cppcheck --quiet --error-exitcode=1 --std=c11 --language=c --library=posix --inline-suppr -j "$(nproc)" \
        --cppcheck-build-dir="$build/cppcheck" --enable=warning,portability -I. -I"$build" -I"$build/gen" \
        --suppress=missingInclude --suppress=missingIncludeSystem --suppress=unmatchedSuppression \
        --suppress='*:*/gen/*' --suppress=syntaxError --suppress=va_list_usedBeforeStarted \
        --suppress=invalidFunctionArg --suppress=varFuncNullUB --max-configs=4 \
        --template='{file}:{line}: {message} [{id}]' fcgi handlers
}

gateway() {
    local dir
    dir=$(mktemp -d) || return 1
    stack/nginx.sh render "$dir" listen=127.0.0.1:1 app=/nonexistent.sock "static=$dir" "pages=$dir" log=off \
        >/dev/null &&
        PATH=$PATH:/usr/sbin nginx -t -q -e /dev/null -c "$dir/conf/nginx.conf"
    local status=$?
    rm -rf "$dir"
    return "$status"
}

# Links lead to caches of one machine; the scripts make them.
no_links_committed() {
    [ ! -e .git ] || ! git ls-files --stage | grep '^120000'
}

# A list that is made of a folder's files is made anew when one of them is gone: the folder is newer then.
lists_follow_their_folders() {
    local pair list folder status=0
    for pair in .protos:proto/deeplink/v1/ descriptors.h:proto/deeplink/v1/ stubs.h:proto/deeplink/v1/ \
        queries.h:sql/queries migrations.c:sql/migrations static.h:static .templates:templates; do
        list=$build/gen/${pair%%:*} folder=${pair#*:}
        MAKEFLAGS='' make -sn BUILD="$build" -W "$folder" "$list" | grep -q . && continue
        echo "make: $list does not depend on the folder $folder"
        status=1
    done
    return "$status"
}

tell counts python3 tests/lint/lint.py
tell counts python3 tests/lint/lint.py --self-test
tell one tests/lint/format.sh check
tell one no_links_committed
tell one lists_follow_their_folders
tell one shell_scripts
tell one gateway
tell one static_analysis

printf '%d passed, %d failed\n' "$passed" "$failed"
[ "$failed" -eq 0 ]
