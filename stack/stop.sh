#!/usr/bin/env bash
# Ends what `make run` started: its script, which ends the rest; or, when that is gone, the rest.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
. "$ROOT/stack/site.sh"

site_at "$(state_folder)"
if [ ! -d "$STATE" ]; then
    say "nothing to stop: there is no $STATE"
    exit 0
fi
if pid=$(alive "$STATE/run.pid" run.sh); then
    kill -TERM "$pid"
    wait_for 90 gone "$pid" || warn "stack/run.sh (pid $pid) does not end, stopping its servers"
fi
"$ROOT/stack/nginx.sh" stop "$NGINX"
site_stop
"$ROOT/stack/postgres.sh" stop "$POSTGRES"
"$ROOT/stack/redis.sh" stop "$REDIS"
"$ROOT/stack/mongo.sh" stop "$MONGO"
"$ROOT/stack/kafka.sh" stop "$KAFKA"
rm -f "$STATE/run.pid"
say "DeepLink is stopped; its data stays in $STATE"
