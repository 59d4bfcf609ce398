#!/bin/bash
# bench measures; what it measures is the machine's affair.
. tests/integration/cli/check.sh
start

number='[0-9][0-9,]*'
run bench --seconds 0.2 --clients 3
expect_code 0
[[ $output =~ appends\ +$number/s,\ $number\ events/s ]] || fail "appends a second"
[[ $output =~ p50\ [0-9.]+\ ms,\ p99\ [0-9.]+\ ms,\ p99.9\ [0-9.]+\ ms ]] || fail "latencies"
[[ $output =~ reads\ +$number\ events/s ]] || fail "events read a second"
[[ $output =~ streams\ +(bench-[0-9a-f-]+)-0\ to\ -2\ hold ]] || fail "where the events are"
run stream list "${BASH_REMATCH[1]}-" --json
[[ $(wc -l <<< "$output") == 3 ]] || fail "a stream for each client"

"$SAGABASE" info --json > "$folder/before"
run bench --seconds 0.2 --clients 2 --events-per-append 7 --size 100 --json
expect_code 0
before=$(/usr/bin/python3 -c 'import json, sys; print(json.load(sys.stdin)["events"])' < "$folder/before")
[[ $(json 'it["appends"] >= 2') == True ]] || fail "each client appends"
[[ $(json 'it["read"] == 7 * it["appends"]') == True ]] || fail "what was appended is read"
[[ $(json 'it["p50_us"] <= it["p99_us"] <= it["p999_us"]') == True ]] || fail "percentiles in order"
read_events=$(json 'it["read"]')
run info --json
[[ $(json 'it["events"]') == $((before + read_events)) ]] || fail "no more and no less was stored"

run bench --clients 0
expect_code 2
run bench --seconds 0
expect_error 'sagabase: bench: --seconds: more than 0'
run bench --size 1000000 --events-per-append 100
expect_code 2
expect_error 'sagabase: bench: --size: an append of at most *'
stop
run bench --seconds 1 --timeout 1
expect_code 1
expect_error "sagabase: bench: *$SAGABASE_SERVER *"
