#!/usr/bin/env bash
# The layout of the C files, by clang-format 14 and .clang-format.
#
#   tests/lint/format.sh check    says which files differ
#   tests/lint/format.sh apply    formats them in place, and breaks long lines of Markdown and of sql/queries
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

program=$(command -v clang-format-14 || command -v clang-format) ||
    { echo "clang-format is missing: stack/install.sh lint installs it" >&2; exit 1; }
"$program" --version | grep -q 'version 14\.' || echo "not version 14: $("$program" --version)" >&2

files() {
    find fcgi handlers templates/compiler tests bench \( -name '*.c' -o -name '*.h' \) \
        -not -path '*/node_modules/*' -print0 2>/dev/null
}

case ${1:-check} in
    check)
        # -n -Werror prints every place that differs, and changes nothing.
        places=$(files | xargs -0 -r "$program" --style=file -n -Werror 2>&1 |
            grep -E '^[^ ]+:[0-9]+:[0-9]+: error' | cut -d: -f1 | sort | uniq -c) || true
        [ -n "$places" ] || exit 0
        awk '{ printf "%s: %d places to format (make format)\n", $2, $1 }' <<<"$places"
        exit 1
        ;;
    apply)
        files | xargs -0 -r -P "$(nproc)" -n 8 "$program" --style=file -i
        find . -maxdepth 4 -name '*.md' -not -path '*/node_modules/*' -not -path './build*' \
            -not -path './var*' -print0 | xargs -0 -r python3 tests/lint/rewrap.py
        python3 tests/lint/rewrap.py sql/queries/*.sql
        ;;
    *) echo "usage: tests/lint/format.sh check|apply" >&2 && exit 2 ;;
esac
