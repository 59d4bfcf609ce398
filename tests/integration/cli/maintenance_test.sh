#!/bin/bash
# verify, rebuild, checkpoint and restore, on 100,000 events.
. tests/integration/cli/check.sh

EVENTS=100000
MEMORY_KIB=196608 # its cache may take 64 MiB, the streams in one walk another 64

make_events() {
    /usr/bin/python3 -c '
for i in range(int(__import__("sys").argv[1])):
    print("{\"stream\":\"order-%d\",\"type\":\"T%d\",\"data\":%d}" % (i % 5000, i % 9, i))' "$1"
}

make_events $EVENTS > "$folder/events.jsonl"
export SAGABASE_CHECKPOINT_DIRECTORY="$folder/checkpoints"
start
run import "$folder/events.jsonl" --stream-column stream --type-column type
expect_code 0

# A store that is served is left alone.
run verify --data "$folder/data"
expect_code 1
expect_error 'sagabase: verify: *: already open in another process'
run rebuild --data "$folder/data"
expect_code 1
expect_error 'sagabase: rebuild: *: already open in another process'

# A checkpoint, beside the server.
run checkpoint monday --json
expect_code 0
[[ $(json 'it["directory"].endswith("/checkpoints/monday")') == True ]] || fail "checkpoint --json"
run checkpoint monday
expect_code 1
expect_error 'sagabase: checkpoint: monday: directory exists and is not empty: *'
run verify --data "$folder/checkpoints/monday"
expect_code 0
[[ $output == "whole: 100,000 events in 5,000 streams, 9 types, indexed to "* ]] || fail "verify"
stop

# What verify takes does not grow with the store.
resident=$(/usr/bin/python3 -c '
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)' \
    "$SAGABASE" verify --data "$folder/data")
[[ $resident -lt $MEMORY_KIB ]] || fail "verify took $resident KiB"

# Killed anywhere, a rebuild is simply repeated, and meanwhile no server opens the store. The kernel
# kills it where its write-ahead log outgrows a limit.
run restore "$folder/checkpoints/monday" --data "$folder/half"
expect_code 0
for limit_kib in 300 1000 4000; do
    (
        ulimit -c 0 -f $limit_kib
        exec "$SAGABASE" rebuild --data "$folder/half"
    ) > /dev/null 2>&1 && fail "a rebuild within $limit_kib KiB"
    run serve --data "$folder/half" --listen 127.0.0.1:0
    expect_code 1
    expect_error 'sagabase serve: *a rebuild was begun and did not finish: run `sagabase rebuild` again'
    run verify --data "$folder/half" --max-errors 2
    expect_code 1
    [[ $output == "meta: a rebuild was begun and did not finish"* ]] || fail "half a rebuild"
    [[ $(wc -l <<< "$output") == 3 ]] || fail "--max-errors"
done
run rebuild --data "$folder/half"
expect_code 0
[[ $output == "rebuilt: 100,000 events in 5,000 streams, 9 types, indexed to "* ]] || fail "rebuild"
run verify --data "$folder/half"
expect_code 0
run rebuild --data "$folder/data"
expect_code 0
[[ $output == "rebuilt: 100,000 events in 5,000 streams, 9 types, indexed to "* ]] || fail "rebuild"
run verify --data "$folder/data"
expect_code 0
start
run read order-7 --json
[[ $(wc -l <<< "$output") == 20 ]] || fail "read after a rebuild"
stop

# Restored, it serves.
run restore "$folder/checkpoints/monday" --data "$folder/data"
expect_code 1
expect_error 'sagabase: restore: directory exists and is not empty: *'
run restore "$folder/nothing" --data "$folder/other"
expect_code 1
expect_error 'sagabase: restore: *: no store here'
rm -rf "$folder/data"
run restore "$folder/checkpoints/monday" --data "$folder/data"
expect_code 0
[[ $output == "restored: 100,000 events"* ]] || fail "restore"
start
run info --json
[[ $(json 'it["events"], it["streams"]') == "(100000, 5000)" ]] || fail "info after restore"
run append order-7 --type T1 --expect 19
expect_code 0
stop
unset SAGABASE_CHECKPOINT_DIRECTORY
start
run checkpoint tuesday
expect_code 1
expect_error 'sagabase: checkpoint: tuesday: *--checkpoint-directory*'
stop
