#!/bin/bash
# What export writes, import reads back into another store as it was.
. tests/integration/cli/check.sh
start

printf '\x00\xff\n' > "$folder/bytes"
printf '{\n  "pretty": [1, 2.50]\n}\n' > "$folder/pretty"
run append order-1 --type Placed --data '{"total": 1.10}' --metadata by=anna --tag order:1 --tag 'ü"'
run append order-1 --type Scanned --data "@$folder/bytes" --metadata 'k=line
end'
run append order-1 --type Pretty --data "@$folder/pretty"
run append order-2 --type Text --data 'plain "text"' --content-type text/plain
run append order-2 --type Empty
run append order-2 --type EmptyJson --content-type application/json --data ''
run append order-2 --type TextAsJson --content-type application/json --data 'no json'
run append order-2 --type JsonText --content-type application/json --data '"a"'
run append order-2 --type Untold --content-type '' --data '{"a":1}'
run append order-2 --type Mixed --content-type application/x+JSON --data '[1]'
run append order-1 --type 'Last of all' --data 7

# every field but those that are given anew, one event a line
events() {
    "$SAGABASE" read --all --json | /usr/bin/python3 -c 'import json, sys
for line in sys.stdin:
    it = json.loads(line)
    del it["created"]
    print(json.dumps(it, sort_keys=True))'
}

# the bytes themselves, which JSON tells only roughly
data() {
    "$SAGABASE" export --all - | /usr/bin/python3 -c 'import base64, json, sys
for line in sys.stdin:
    it = json.loads(line)
    print(it["id"], it.get("data"), it.get("data_base64"))'
}

events > "$folder/events"
data > "$folder/data-before"
[[ $(wc -l < "$folder/events") == 11 ]] || fail "eleven events"

run export --all "$folder/all.jsonl.gz" --json
expect_code 0
[[ $(json 'it["events"]') == 11 ]] || fail "export --json"
[[ $(od -An -tx1 -N2 "$folder/all.jsonl.gz") == " 1f 8b" ]] || fail "packed"
run export --stream order-2 --from 5 "$folder/two.jsonl"
[[ $output == "exported 2 events in "* ]] || fail "export --stream --from"
[[ $(wc -l < "$folder/two.jsonl") == 2 ]] || fail "two lines"
[[ ! -e $folder/two.jsonl.part ]] || fail "nothing is left over"

# Into another store.
stop
mv "$folder/data" "$folder/first"
start
run import "$folder/all.jsonl.gz"
expect_code 0
events > "$folder/events-again"
data > "$folder/data-after"
diff "$folder/events" "$folder/events-again" || fail "the same events"
diff "$folder/data-before" "$folder/data-after" || fail "the same bytes"
run import "$folder/all.jsonl.gz"
[[ $output == *", 11 stored before" ]] || fail "nothing is stored twice"

run export --stream nothing "$folder/nothing.jsonl"
expect_code 1
expect_error 'sagabase: export: nothing: *'
[[ ! -e $folder/nothing.jsonl ]] || fail "no file of what is not there"
run export --all "$folder/missing/file"
expect_code 1
expect_error "sagabase: export: $folder/missing/file: No such file or directory"
run export "$folder/file"
expect_code 2
expect_error 'sagabase: export: either --stream STREAM or --all'
