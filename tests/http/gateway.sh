#!/usr/bin/env bash
# The gateway's own part: who gets a cached page and who does not, files, headers, its error pages.
# harness: set pages_dir =
# (The cached page here is ours; the workers keep none.)
. "$TEST_ROOT/tests/harness/check.sh"

page=$TEST_SITE/pages/kept/page
mkdir -p "$page"
printf '<!doctype html><title>kept</title>' >"$page/index.html"
touch -d @1000000000 "$page/index.html"
url=$TEST_BASE_URL/kept/page

# kept WORDS CURL-ARGUMENT...: the cached page is served; passed_on: the workers answer (they know no such
# page).
kept() {
    fetch "${@:2}"
    is "$1" '200 <!doctype html><title>kept</title>' "$status $(body)"
}
passed_on() {
    fetch "${@:2}"
    is "$1" 404 "$status"
}

kept 'an anonymous reader gets the kept page' "$url"
is 'it is a page' 'text/html; charset=utf-8' "$(header Content-Type)"
is 'browsers ask each time' no-cache "$(header Cache-Control)"
like 'it differs by cookie and language' '*Cookie*Accept*Language*' "$(header Vary)"
is 'its time is not shown' '' "$(header Last-Modified)"
like 'it has a policy' "default-src 'none';*frame-ancestors 'none'*" "$(header Content-Security-Policy)"
is 'no type is guessed' nosniff "$(header X-Content-Type-Options)"
is 'it says nothing to other sites' same-origin "$(header Referrer-Policy)"
is 'without TLS nothing is promised' '' "$(header Strict-Transport-Security)"
like 'it has a request id' '????????????????????????????????' "$(header X-Request-Id)"
etag=$(header ETag)
fetch -H "If-None-Match: $etag" "$url"
is 'the same page is not sent twice' 304 "$status"
touch -d @1000000001 "$page/index.html"
fetch -H "If-None-Match: $etag" "$url"
is 'another version has another ETag' 200 "$status"
fetch -I "$url"
is 'HEAD gets it too' '200 34' "$status $(header Content-Length)"

kept 'another cookie does not matter' -H 'Cookie: theme=dark; resid=1' "$url"
passed_on 'a session goes to the workers' -H 'Cookie: a=b; sid=1' "$url"
passed_on 'a session over TLS goes to the workers' -H 'Cookie: __Host-sid=1' "$url"
passed_on 'a notice goes to the workers' -H 'Cookie: note=saved' "$url"
passed_on 'a query goes to the workers' "$url?page=2"
passed_on 'JSON goes to the workers' -H 'Accept: application/json' "$url"
passed_on 'activity JSON goes to the workers' -H 'Accept: application/activity+json' "$url"
passed_on 'an escaped path goes to the workers' "$TEST_BASE_URL/kept/p%61ge"
fetch --path-as-is "$TEST_BASE_URL/kept/../kept/page"
is 'dots go nowhere' 400 "$status"
kept 'English is what there is' -H 'Accept-Language: en-GB,en;q=0.9,de;q=0.8' "$url"
kept 'a language that there is not gets English' -H 'Accept-Language: tlh' "$url"
for po in "$TEST_ROOT"/templates/locale/*.po; do
    [ -f "$po" ] || continue
    language=$(basename "$po" .po)
    passed_on "$language goes to the workers" -H "Accept-Language: $language" "$url"
    passed_on "$language before English goes to the workers" -H "Accept-Language: $language,en;q=0.5" "$url"
done
fetch -X POST -d a=b "$url"
like 'POST goes to the workers' '40[345]' "$status"

file=$(cd "$TEST_SITE/app/static" && find . -name '*.css' | head -n 1)
file=${file#./}
fetch "$TEST_BASE_URL/static/$file"
is 'a style sheet is served' '200 text/css; charset=utf-8' "$status $(header Content-Type)"
is 'it is kept for good' 'public, max-age=31536000, immutable' "$(header Cache-Control)"
is 'and has no guessed type' nosniff "$(header X-Content-Type-Options)"
fetch -H 'Accept-Encoding: gzip' "$TEST_BASE_URL/static/$file"
is 'it is sent compressed' gzip "$(header Content-Encoding)"
fetch "$TEST_BASE_URL/static/none.css"
is 'a file that is not there' '404 no-store' "$status $(header Cache-Control)"
fetch "$TEST_BASE_URL/static/"
is 'folders are not listed' 404 "$status"
fetch --path-as-is "$TEST_BASE_URL/static/../deeplink.conf"
like 'nothing beside the folder' '40[04]' "$status"

fetch "$TEST_BASE_URL/livez"
is 'livez' 200 "$status"
fetch "$TEST_BASE_URL/readyz"
is 'readyz' 200 "$status"
fetch "$TEST_BASE_URL/metrics"
is 'metrics, from this machine' 200 "$status"

head -c 1500000 /dev/zero >"$TEST_DIR/large"
fetch --data-binary "@$TEST_DIR/large" "$TEST_BASE_URL/login"
is 'a body too large' 413 "$status"
like 'in our words' '*too large*' "$(body)"
fetch -H "Cookie: x=$(head -c 40000 /dev/zero | tr '\0' x)" "$TEST_BASE_URL/"
is 'headers too large' 431 "$status"
like 'in our words, too' '*Your browser sends too much*' "$(body)"
# What nginx refuses by itself, in the shape that programs know.
program() {
    fetch "${@:4}"
    is "$1" "$2 $3 $2" "$status $(header Content-Type) $(body | jq .status)"
}
long=$(head -c 9000 /dev/zero | tr '\0' x)
for path in /api/v1/accounts /oauth/token; do
    program "$path: a body too large" 413 application/json --data-binary "@$TEST_DIR/large" \
        "$TEST_BASE_URL$path"
    program "$path: an address too long" 414 application/json "$TEST_BASE_URL$path?q=$long"
    program "$path: headers too large" 431 application/json -H "X-Big: $long$long" "$TEST_BASE_URL$path"
    program "$path: a Host that is none" 400 application/json -H 'Host: a/b' "$TEST_BASE_URL$path"
done
own=$TEST_BASE_URL/api/deeplink/v1/me
program 'our own API: a body too large' 413 application/problem+json --data-binary "@$TEST_DIR/large" "$own"
program 'our own API: an address too long' 414 application/problem+json "$own?q=$long"
program 'our own API: headers too large' 431 application/problem+json -H "X-Big: $long$long" "$own"
program 'our own API: a Host that is none' 400 application/problem+json -H 'Host: a/b' "$own"
is 'with the words of ours' 'The request can not be read INVALID_ARGUMENT' \
    "$(body | jq -r '.error + " " + .code')"
fetch "$TEST_BASE_URL/explore?q=$long"
is 'an address too long, for readers' '414 text/html; charset=utf-8' "$status $(header Content-Type)"
like 'says so' '*The address is too long*' "$(body)"
fetch -H 'Host: a/b' "$TEST_BASE_URL/"
is 'a Host that is none, for readers' '400 text/html; charset=utf-8' "$status $(header Content-Type)"
like 'says that, too' '*can not be read*' "$(body)"

# What is refused before its address was read: no client sends it, so it goes by hand, and in one piece, since
# the answer comes after the first line.
bare() {
    exec 3<>"/dev/tcp/127.0.0.1/${TEST_BASE_URL##*:}"
    printf '%s HTTP/%s\r\nHost: x\r\nConnection: close\r\n\r\n' "$1" "${2:-1.1}" >"$TEST_DIR/asked"
    cat "$TEST_DIR/asked" >&3
    timeout 10 cat <&3 >"$TEST_DIR/bare" || true
    exec 3>&-
    tr -d '\r' <"$TEST_DIR/bare" |
        sed -n '1s/HTTP[^ ]* \([0-9]*\).*/\1/p; s/^Content-Type: //p' | paste -sd ' '
}
huge=$(head -c 20000 /dev/zero | tr '\0' x)
html='text/html; charset=utf-8'
is 'a NUL in the path' "400 $html" "$(bare 'GET /%00')"
like 'in our words' '*This request can not be read*' "$(cat "$TEST_DIR/bare")"
is 'of a program' '400 application/json' "$(bare 'GET /api/v1/%00')"
like 'as JSON' '*"status":400,"code":"INVALID_ARGUMENT"*' "$(cat "$TEST_DIR/bare")"
is 'of our own API' '400 application/problem+json' "$(bare 'POST /api/deeplink/v1/me/%00')"
is 'a first line that is huge' "414 $html" "$(bare "GET /$huge")"
like 'in our words, too' '*The address is too long*' "$(cat "$TEST_DIR/bare")"
is 'a program'"'"'s first line that is huge' '414 application/json' "$(bare "GET /api/v1/$huge")"
is 'HTTP of another kind' "505 $html" "$(bare 'GET /' 9.9)"
is 'a method of none' "405 $html" "$(bare 'TRACE /')"

fetch -H 'X-Request-Id: chosen' "$TEST_BASE_URL/nowhere"
like 'nobody chooses a request id' '????????????????????????????????' "$(header X-Request-Id)"

"$TEST_ROOT/tests/harness/stack.sh" server stop serve
fetch "$TEST_BASE_URL/nowhere"
is 'no workers' '502 5' "$status $(header Retry-After)"
like 'our page says so' '*We will be right back*' "$(body)"
like 'with the policy' "default-src 'none';*" "$(header Content-Security-Policy)"
fetch -H 'Accept: application/json' "$TEST_BASE_URL/nowhere"
is 'to programs, a problem' '502 application/problem+json' "$status $(header Content-Type)"
is 'as JSON' 502 "$(body | jq .status)"
for path in /api/v1/instance /oauth/token; do
    program "$path: no workers" 502 application/json "$TEST_BASE_URL$path"
done
program 'our own API: no workers' 502 application/problem+json "$own"
is 'and when to come back' 5 "$(header Retry-After)"
kept 'kept pages are still there' "$url"
"$TEST_ROOT/tests/harness/stack.sh" server start serve
for _ in {1..100}; do
    fetch "$TEST_BASE_URL/readyz"
    [ "$status" != 200 ] || break
    sleep 0.1
done
is 'and back' 200 "$status"

done_checking
