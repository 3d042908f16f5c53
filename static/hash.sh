#!/bin/sh
# Gives every static file a name that changes with its content, so that browsers may keep it for good:
#   hash.sh SOURCE_DIR OUT_DIR HEADER
# copies SOURCE_DIR/app.css to OUT_DIR/app.<8 hex digits of its SHA-256>.css and so on, and writes HEADER with
# #define STATIC_URL_APP_CSS "/static/app.<…>.css". Names of pictures inside of app.css (url(sprite.svg)) are
# replaced too.
# Writes only what changed; files of former contents are removed.
set -eu

src=$1 out=$2 header=$3
mkdir -p "$out" "$(dirname "$header")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

hashed() { # FILE BASE EXT -> BASE.<hash>.EXT
    printf '%s.%s.%s' "$2" "$(sha256sum "$1" | cut -c1-8)" "$3"
}

{
    echo '/* Addresses of the static files; written by static/hash.sh. */'
    echo '#ifndef DEEPLINK_GEN_STATIC_H'
    echo '#define DEEPLINK_GEN_STATIC_H'
    echo
} >"$work/static.h"
: >"$work/names"
: >"$work/replace"

# Pictures first: the style sheet names them.
for file in "$src"/*.svg "$src"/*.png "$src"/*.js "$src"/*.css; do
    [ -f "$file" ] || continue
    name=${file##*/} base=${file##*/} ext=${file##*.}
    base=${base%.*}
    sed -f "$work/replace" "$file" >"$work/$name" 2>/dev/null || cp "$file" "$work/$name"
    case $ext in css) ;; *) cp "$file" "$work/$name" ;; esac
    new=$(hashed "$work/$name" "$base" "$ext")
    printf 's|url(%s)|url(%s)|g\n' "$name" "$new" >>"$work/replace"
    echo "$new" >>"$work/names"
    macro=$(printf '%s' "$name" | tr 'a-z.-' 'A-Z__')
    printf '#define STATIC_URL_%s "/static/%s"\n' "$macro" "$new" >>"$work/static.h"
    if [ ! -f "$out/$new" ]; then
        cp "$work/$name" "$out/.$new.tmp"
        mv "$out/.$new.tmp" "$out/$new"
    fi
    case $ext in
    css | js | svg)
        [ -f "$out/$new.gz" ] ||
            { gzip -9 -n -c "$out/$new" >"$out/.$new.gz.tmp" && mv "$out/.$new.gz.tmp" "$out/$new.gz"; }
        ;;
    esac
done
{
    echo
    echo '#endif'
} >>"$work/static.h"

for file in "$out"/*.*.*; do
    [ -f "$file" ] || continue
    name=${file##*/}
    grep -qxF "${name%.gz}" "$work/names" || rm -f "$file"
done
cmp -s "$work/static.h" "$header" || cp "$work/static.h" "$header"
