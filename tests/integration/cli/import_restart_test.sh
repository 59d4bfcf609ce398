#!/bin/bash
# import while the server is killed: every row is stored once, in its order.
. tests/integration/cli/check.sh
start

rows() { # FROM TO
    for ((row = $1; row <= $2; row++)); do
        echo "case-$((row % 5)),Type,$row"
    done
}

# Until the store holds this many events.
until_stored() {
    local last=$(($1 - 1))
    "$SAGABASE" subscribe --from $last --count 1 --timeout 60 > /dev/null || fail "row $1 did not come"
}

mkfifo "$folder/rows"
"$SAGABASE" import "$folder/rows" --json --stream-column case --type-column type \
    > "$folder/summary" 2> "$folder/errors" &
import=$!
exec {feed}> "$folder/rows"
# More than the importer reads at once, so that a part is sent before the rest is fed.
{ echo "case,type,row"; rows 1 6000; } >&"$feed"
until_stored 1000
stop KILL
start "${SAGABASE_SERVER##*:}"
rows 6001 9000 >&"$feed"
exec {feed}>&-
wait $import || code=$?
errors=$(< "$folder/errors")
output=$(< "$folder/summary")
expect_code 0
[[ $(json 'it["events"] + it["stored_before"]') == 9000 ]] || fail "every row"

"$SAGABASE" read --all --json > "$folder/events"
/usr/bin/python3 - "$folder/events" << 'PYTHON'
import json, sys
rows = [int(json.loads(line)["data"]["row"]) for line in open(sys.argv[1])]
assert sorted(rows) == list(range(1, 9001)), "each row once"
assert rows == sorted(rows), "in their order"
PYTHON
