#!/bin/bash
# The tools and libraries that people use with Redis, as they are.
#
# usage: clients_test.sh SAGABASE REDIS_PY_TEST_PY IOREDIS_TEST_MJS

source tests/support/testing.sh
source tests/integration/resp/redis.sh
sagabase=$1 python_test=$2 node_test=$3

start_resp_server "$sagabase" || exit 1

cli() {
    redis-cli -p "$RESP_PORT" "$@"
}

# says CASE EXPECTED COMMAND...
says() {
    name=$1 expected=$2
    shift 2
    answer=$("$@" 2>&1)
    if test "$answer" = "$expected"; then
        ok "$name"
    else
        not_ok "$name" "$answer"
    fi
}

if command -v redis-cli >/dev/null; then
    says "redis-cli sets" OK cli set greeting "hello world" ex 100
    says "redis-cli gets" "hello world" cli get greeting
    says "redis-cli speaks RESP3" '1# "databases" => "1"' cli -3 --no-raw config get databases
    says "redis-cli scans" greeting cli --scan --pattern 'gre*'
    says "redis-cli sends pipes" "errors: 0, replies: 3" bash -c \
        "printf 'set a 1\r\nset b 2\r\nget a\r\n' | redis-cli -p $RESP_PORT --pipe | tail -1"
    says "redis-cli shows errors" "ERR unknown command 'lpush', with args beginning with: 'a' 'b' " \
        cli lpush a b
    cli info | grep -q '^redis_version:7' && ok "redis-cli shows INFO" ||
        not_ok "redis-cli shows INFO" "$(cli info)"
else
    skip "redis-cli" "there is no redis-cli; \`bazel/setup tests\` installs it"
fi

# benchmark NAME OPTION...: every test has its line, and there is no warning.
benchmark() {
    name=$1
    shift
    redis-benchmark -p "$RESP_PORT" -n 5000 -d 256 -c 64 -t ping,get,set,mset --csv "$@" \
        >"$WORK/benchmark" 2>&1
    if test $? -eq 0 && ! grep -qiE 'warn|err' "$WORK/benchmark" &&
        test "$(grep -cE '^"(PING|SET|GET|MSET)' "$WORK/benchmark")" -eq 5; then
        ok "redis-benchmark $name"
    else
        not_ok "redis-benchmark $name" "$(cat "$WORK/benchmark")"
    fi
}

if command -v redis-benchmark >/dev/null; then
    benchmark "runs"
    benchmark "runs in pipelines" -P 16
    benchmark "runs over many keys" -r 10000
    benchmark "runs in RESP3" -3
else
    skip "redis-benchmark" "there is no redis-benchmark; \`bazel/setup tests\` installs it"
fi

if tool "redis-py" python/bin/python; then
    if "$TOOL" -c 'import redis' 2>/dev/null; then
        "$TOOL" "$python_test" "$RESP_PORT" || FAILURES=1
    else
        skip "redis-py" "it is not installed; \`bazel/setup tests\` does it"
    fi
fi

if tool "ioredis" node/node_modules; then
    if test -e "$TOOL/ioredis"; then
        mkdir "$WORK/app"
        cp "$node_test" "$WORK/app/"
        ln -s "$TOOL" "$WORK/app/node_modules"
        (cd "$WORK/app" && node "${node_test##*/}" "$RESP_PORT") || FAILURES=1
    else
        skip "ioredis" "it is not installed; \`bazel/setup tests\` does it"
    fi
fi
conclude
