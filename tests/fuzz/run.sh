#!/bin/bash
# Fuzzes every parser with clang's libFuzzer, SECONDS each (60): tests/fuzz/run.sh [SECONDS [TARGET...]]
# New inputs stay in build/fuzz/; what crashes is written to build/fuzz/<target>-crash-* and belongs, cut
# down, into tests/fuzz/corpus/<target>/ together with the fix.
set -eu
cd "$(dirname "$0")/../.."
seconds=${1:-60}
shift || true
targets=${*:-query cookie form multipart upload json markdown grpc stream}
out=${FUZZ_OUT:-build/fuzz}
mkdir -p "$out"
sources="fcgi/base/*.c fcgi/params.c fcgi/form.c fcgi/cookie.c fcgi/json.c fcgi/json_lex.c"
failed=0
for target in $targets; do
    further=
    if [ "$target" = markdown ]; then
        re2c -W --utf-8 -o "$out/entities.c" handlers/common/entities.re
        further="handlers/common/markdown.c $out/entities.c fcgi/ctx.c -lcmark"
    fi
    if [ "$target" = upload ]; then
        further="fcgi/upload.c fcgi/ctx.c"
    fi
    if [ "$target" = stream ]; then
        further="fcgi/stream_command.c fcgi/stream_wire.c fcgi/stream_ticket.c"
    fi
    if [ "$target" = grpc ]; then # what the transport stands on comes as it was built
        make -s build/libdeeplink.a
        further="fcgi/rpc_*.c fcgi/rpc.c -Ibuild -Ibuild/gen build/libdeeplink.a -lfcgi -lmagic -lpthread"
        further+=" $(pkg-config --cflags --libs libnghttp2 libprotobuf-c libpq hiredis libmongoc-1.0)"
        further+=" $(pkg-config --libs libcurl libidn2 libcmark)"
    fi
    # shellcheck disable=SC2086 # lists of files
    clang -std=gnu11 -D_GNU_SOURCE -I. -O1 -g -Wall -Wextra -Werror -fsanitize=fuzzer,address,undefined \
        -fno-sanitize-recover=undefined -o "$out/fuzz_$target" "tests/fuzz/fuzz_$target.c" $sources \
        $further -lsodium -ljson-c -lutf8proc -lz -lm
    mkdir -p "$out/$target"
    echo "== $target: $seconds s"
    "$out/fuzz_$target" -max_total_time="$seconds" -timeout=5 -rss_limit_mb=1024 -max_len=4096 \
        -print_final_stats=1 -artifact_prefix="$out/$target-" "$out/$target" "tests/fuzz/corpus/$target" \
        2>"$out/$target.log" || failed=1
    grep -E 'number_of_executed_units|ERROR|SUMMARY|broken|runtime error' "$out/$target.log" || true
done
exit $failed
