#!/usr/bin/env bash
# Pictures: what it costs to make the files of a photo of 2 MB, beside libvips' own command on the same file.
#
#   bench/media.sh [BUILD]
#
# `files` is deeplink-derive in its sandbox: three pictures (2048 WebP, 1280 JPEG, 640 WebP) and a
# blurhash. `vipsthumbnail` makes the same three, one call each, and once only the smallest. The middle of
# RUNS (9) each.
# With a site in the environment (tests/harness/stack.sh site bench/media.sh): also the time from the
# beginning of `POST /api/v2/media` at nginx until its answer, and until `GET /api/v1/media/ID`, asked every 5
# ms, says that it is ready. Each upload is followed by vipsthumbnail's three, so that a slow moment of the
# machine slows both; the ratio is that of the middles.
. "$(dirname "${BASH_SOURCE[0]}")/../stack/lib.sh"

BUILD=$(realpath -m "${1:-${TEST_BUILD:-$ROOT/build}}")
RUNS=${RUNS:-9}
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT

# A photo as cameras make them: detail everywhere, 12 megapixels.
make_photo() {
    vips gaussnoise "$WORK/noise.v" 4000 3000 --sigma 22
    vips gaussblur "$WORK/noise.v" "$WORK/grain.v" 1.6
    vips bandjoin "$WORK/grain.v $WORK/grain.v $WORK/grain.v" "$WORK/photo.v"
    vips cast "$WORK/photo.v" "$WORK/photo.jpg[Q=91]" uchar
}

# middle COMMAND...: the middle of RUNS, in ms.
middle() {
    local i
    for ((i = 0; i < RUNS; i++)); do time_of "$@"; done | middle_line
}

time_of() {
    local begun
    begun=$(date +%s%N)
    "$@" >/dev/null 2>&1
    printf '%d\n' $((($(date +%s%N) - begun) / 1000000))
}

middle_line() { sort -n | sed -n "$(((RUNS + 1) / 2))p"; }

derive() {
    rm -rf "$WORK/made" && mkdir "$WORK/made"
    env -i "$BUILD/deeplink-derive" "$WORK/made" "$WORK/photo.jpg" post 0 0 "$(nproc)" 900
}

smallest() { vipsthumbnail "$WORK/photo.jpg" -s 640x640 -o "$WORK/small.webp[Q=80,effort=2,strip]"; }

all_three() {
    vipsthumbnail "$WORK/photo.jpg" -s 2048x2048 -o "$WORK/large.webp[Q=80,effort=2,strip]"
    vipsthumbnail "$WORK/photo.jpg" -s 1280x1280 -o "$WORK/fallback.jpg[Q=82,strip]"
    smallest
}

# The most that one process had resident, in MB.
memory() { python3 -c '
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True, env={}, stdout=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024)' "$@"; }

# uploads TOKEN: RUNS times the ms until answered, until ready, and of vipsthumbnail's three right after it.
# One process asks, since to start curl each time would take longer than what is measured.
uploads() {
    local i one
    for ((i = 0; i < RUNS; i++)); do
        one=$(python3 "$ROOT/bench/media_upload.py" "$TEST_BASE_URL" "$1" "$WORK/photo.jpg")
        say "$one $(time_of all_three)"
    done
}

through_site() {
    local token column
    "$TEST_DEEPLINK" --config "$TEST_CONFIG" user create photographer \
        --email photographer@example.org >/dev/null
    token=$("$TEST_DEEPLINK" --config "$TEST_CONFIG" user token photographer --scopes write:media | tail -n 1)
    uploads "$token" >"$WORK/uploads"
    for column in 1 2 3; do cut -d' ' -f"$column" "$WORK/uploads" | middle_line; done
}

make_photo
files=$(middle derive) three=$(middle all_three) one=$(middle smallest)
mb=$(memory "$BUILD/deeplink-derive" "$WORK/made" "$WORK/photo.jpg" post 0 0 "$(nproc)" 900)
say "photo: $(($(stat -c %s "$WORK/photo.jpg") / 1024)) kB, 12 megapixels"
say "files in the sandbox: $files ms, $mb MB"
say "vipsthumbnail, the same three: $three ms; the smallest alone: $one ms"
say "ratio to the same three: $(awk "BEGIN { printf \"%.2f\", $files / $three }")"
if [ -n "${TEST_BASE_URL:-}" ]; then
    read -r answered ready beside <<<"$(through_site | tr '\n' ' ')"
    say "upload until answered: $answered ms; until ready: $ready ms; vipsthumbnail beside it: $beside ms"
    say "ratio of ready to the same three: $(awk "BEGIN { printf \"%.2f\", $ready / $beside }")"
fi
