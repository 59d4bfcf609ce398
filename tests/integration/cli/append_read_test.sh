#!/bin/bash
# append, read, stream and info against a server.
. tests/integration/cli/check.sh
start

# An empty store.
run info --json
[[ $(json 'it["events"], it["streams"], it["types"], it["position"]') == "(0, 0, 0, None)" ]] ||
    fail "an empty store"
run read order-1
expect_code 1
expect_error 'sagabase: read: order-1: *'
run read --all
expect_code 0
expect_output ""

# One event, of each kind of data.
run append order-1 --type Placed --data '{"total": 1.10}' --metadata by=anna --expect none
expect_code 0
expect_output "revision 0, position 0"
run append order-1 --type Noted --data 'plain text' --expect 0 --json
[[ $(json 'it') == "{'first_revision': 1, 'last_revision': 1, 'position': 1, 'replayed': False}" ]] ||
    fail "append --json"
printf '\xff\x00' > "$folder/bytes"
run append order-1 --type Scanned --data "@$folder/bytes" --expect exists
expect_output "revision 2, position 2"
input=$folder/bytes run append order-1 --type Scanned --data - --content-type image/x
expect_output "revision 3, position 3"

# Read back.
run read order-1 --from 0 --count 1 --json
[[ $output == *'"data":{"total": 1.10},"metadata":{"by":"anna"}}' ]] || fail "JSON as it stands"
run read order-1 --from 1 --count 1 --json
[[ $(json 'it["data"], it["content_type"]') == "('plain text', 'text/plain; charset=utf-8')" ]] ||
    fail "text"
run read order-1 --backwards --count 1 --json
[[ $(json 'it["revision"], it["data_base64"], it["content_type"]') == "(3, '/wA=', 'image/x')" ]] ||
    fail "bytes"
run read order-1
[[ $(wc -l <<< "$output") == 5 && $output == *"Noted    plain text"* ]] || fail "a table"
run read --all --from end --json
expect_output ""

# Conflicts and repetitions.
run append order-1 --type Paid --expect 0
expect_code 1
expect_error 'sagabase: append: order-1: expected revision 0, but it is at 3: *'
run append order-1 --type Paid --expect none
expect_error 'sagabase: append: order-1: expected no stream, but it is at 3: *'
run append nothing-1 --type Paid --expect 7
expect_error 'sagabase: append: nothing-1: expected revision 7, but it does not exist: *'
id=b27a6d86-6d2f-4c5c-9a0f-0123456789ab
run append order-2 --type Placed --id $id
expect_output "revision 0, position 4"
run append order-2 --type Placed --id $id
expect_output "revision 0, position 4 (stored before)"

# Several at once.
printf '{"type":"A"}\n\n{"type":"B","data":[1],"metadata":{"k":"v"}}\n' > "$folder/lines"
input=$folder/lines run append order-3 --jsonl
expect_output "revisions 0 to 1, position 6"
printf '{"type":"A"}\n{"data":1}\n' > "$folder/lines"
input=$folder/lines run append order-3 --jsonl
expect_code 1
expect_error 'sagabase: append: order-3: stdin:2: type: 1 to 256 bytes'
run stream show order-3 --json
[[ $(json 'it["events"], it["category"], it["last_position"]') == "(2, 'order', 6)" ]] ||
    fail "all or nothing"

# Streams.
run stream list order- --json
[[ $(/usr/bin/python3 -c 'import json, sys
print([json.loads(line)["name"] for line in sys.stdin])' <<< "$output") == \
    "['order-1', 'order-2', 'order-3']" ]] || fail "stream list"
run stream list --count 2
[[ $(wc -l <<< "$output") == 3 ]] || fail "stream list --count"
run stream show nothing
expect_code 1
expect_error 'sagabase: stream show: nothing: *'

run info --json
[[ $(json 'it["events"], it["streams"], it["position"]') == "(7, 3, 6)" ]] || fail "info"
run info
[[ $output == *"events    7"* ]] || fail "info for people"
