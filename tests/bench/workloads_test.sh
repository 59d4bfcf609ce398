#!/bin/bash
# Each workload ends and has counted something; how much is the machine's affair.
SAGABASE=$1
bench=$2
raw=$3
echo_server=$4
. tests/support/server.sh

# expect WHAT EXPRESSION COMMAND...: of the one line of JSON it prints.
expect() {
    local what=$1 expression=$2 line
    shift 2
    line=$("$@") || { echo "FAILED: $what: exit code $?" >&2; exit 1; }
    /usr/bin/python3 -c 'import json, sys
it = json.loads(sys.argv[1])
sys.exit(not eval(sys.argv[2]))' "$line" "$expression" || {
        echo "FAILED: $what: $expression: $line" >&2
        exit 1
    }
}

start
short="seconds=0.2 warm_up=0"
on() {
    local workload=$1
    shift
    "$bench" "$workload" "$SAGABASE_SERVER" "$server" $short "$@"
}

expect "fills as many as told" 'it["events"] == 500' on fill total=500 streams=50 zipf=1
expect "reads all" 'it["events"] == 500 * it["calls"] > 0' on read-all total=500
expect "fills one stream" 'it["events"] == 300' on fill-long total=300
expect "reads one stream" 'it["events"] == 300 * it["calls"] > 0' on read-stream total=300 outstanding=2
expect "appends" 'it["events"] == it["calls"] > 0' on append outstanding=4
expect "appends several" 'it["events"] == 9 * it["calls"] > 0' on append events=9
expect "appends in sessions" 'it["events"] > 0' on sessions
expect "percentiles are in order" '0 < it["p50_us"] <= it["p99_us"] <= it["p999_us"]' on append
expect "delivers live" 'it["events"] > 0' on live rate=200 seconds=1
expect "delivers to many" 'it["events"] >= 5' on fan-out rate=20 subscribers=5 seconds=1
expect "holds idle subscriptions" 'it["calls"] == 150 and it["resident_before"] > 0' on idle subscribers=150
if on append no_such_setting=1 2> /dev/null || on no-such-workload 2> /dev/null; then
    echo "FAILED: a wrong command line is refused" >&2
    exit 1
fi
stop

mkdir "$folder/raw"
expect "fsync" 'it["calls"] > 0' "$raw" fsync "$folder/raw" 0.1
expect "commits" 'it["events"] == 7 * it["calls"] > 0' "$raw" append "$folder/raw/append" 0.1 7
expect "fill" 'it["events"] == 1000' "$raw" fill "$folder/raw/read" 1000
expect "scan" 'it["events"] == 1000' "$raw" scan "$folder/raw/read" 1000

exec {told}< <(close_inherited && exec "$echo_server")
server=$!
read -r -t 60 -u "$told" _ _ SAGABASE_SERVER
expect "empty calls" 'it["calls"] > 0' on empty outstanding=4
