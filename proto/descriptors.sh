#!/bin/sh
# Makes descriptors.h and descriptors.c: all proto files and what they import, as one FileDescriptorSet.
#     sh proto/descriptors.sh FOLDER FILE...
set -eu
out=$1
shift
protoc --include_imports --descriptor_set_out="$out/descriptors.pb" -Iproto -I/usr/include "$@" \
    2>"$out/descriptors.log" ||
    { cat "$out/descriptors.log" >&2; exit 1; }
cat >"$out/descriptors.h" <<END
#ifndef DEEPLINK_GEN_DESCRIPTORS_H
#define DEEPLINK_GEN_DESCRIPTORS_H

#include <stddef.h>

extern const unsigned char descriptors[];
extern const size_t descriptors_n;

#endif
END
{
    echo '#include "gen/descriptors.h"'
    echo 'const unsigned char descriptors[] = {'
    od -An -v -tu1 "$out/descriptors.pb" | sed 's/ *\([0-9][0-9]*\)/\1,/g'
    echo '};'
    echo 'const size_t descriptors_n = sizeof descriptors;'
} >"$out/descriptors.c"
