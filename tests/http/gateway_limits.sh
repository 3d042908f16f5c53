#!/usr/bin/env bash
# harness: limits
# A flood from one address is held back by the gateway, and told when to come back; ordinary use is not.
. "$TEST_ROOT/tests/harness/check.sh"

for _ in {1..60}; do fetch "$TEST_BASE_URL/livez" && [ "$status" = 200 ] || break; done
is 'sixty requests at once are nothing' 200 "$status"

statuses=$(seq 900 | xargs -P 8 -n 100 sh -c '
    for n; do printf "url = %s/errors/error.css\noutput = /dev/null\n" "$0"; done |
    curl -s -w "%{http_code}\n" -K -' "$TEST_BASE_URL" | sort | uniq -c)
like 'a flood is held back' '* 429*' "$statuses"
like 'but not all of it' '* 200*' "$statuses"

# Until it is one's turn again.
fetch "$TEST_BASE_URL/errors/error.css"
if [ "$status" = 429 ]; then
    is 'it is said when to come back' 2 "$(header Retry-After)"
    like 'in our words' '*slower*' "$(body)"
fi
# refused PATH: floods an address; what is said of one refusal, and the refusal as the answer of fetch.
refused() {
    seq 1500 | xargs -P 8 -n 150 sh -c '
        file=$1 && shift
        for n; do printf "url = %s\noutput = %s.%s\n" "$0" "$file" "$n"; done |
        curl -s -w "%{http_code} %{content_type} %header{retry-after} %{filename_effective}\n" -K -' \
        "$TEST_BASE_URL$1" "$TEST_DIR/flood" | grep -m 1 '^429' || true
}
read -r status type again file <<<"$(refused /api/v1/instance)"
is 'programs are told as they know it' '429 application/json 429' "$status $type $(jq .status "$file")"
read -r status type again file <<<"$(refused /api/deeplink/v1/me)"
is 'as by our own API' '429 application/problem+json 429' "$status $type $(jq .status "$file")"
is 'and when to come back' 2 "$again"
sleep 3
fetch "$TEST_BASE_URL/livez"
is 'after a while all is well' 200 "$status"

done_checking
