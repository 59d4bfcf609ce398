#!/bin/bash
# What clients of Redis are answered, byte for byte beside a real redis-server.
#
# usage: differential_test.sh SAGABASE DIFFERENTIAL_PY

source tests/support/testing.sh
source tests/integration/resp/redis.sh
sagabase=$1 differential=$2

if ! start_redis; then
    skip "as redis-server" "there is no redis-server; \`bazel/setup tests\` installs it"
    conclude
fi
start_resp_server "$sagabase" || exit 1
/usr/bin/python3 "$differential" "$RESP_PORT" "$REDIS_PORT" || FAILURES=1

start_redis --requirepass opensesame || exit 1
echo opensesame >"$WORK/password"
start_resp_server "$sagabase" --resp-password-file "$WORK/password" || exit 1
/usr/bin/python3 "$differential" "$RESP_PORT" "$REDIS_PORT" opensesame || FAILURES=1
conclude
