#!/bin/bash
# subscribe against a server that comes and goes.
. tests/integration/cli/check.sh
start

"$SAGABASE" append order-1 --type Placed > /dev/null
"$SAGABASE" append order-1 --type Paid > /dev/null
"$SAGABASE" append parcel-1 --type Sent > /dev/null

types() {
    /usr/bin/python3 -c 'import json, sys
print(*(json.loads(line)["type"] for line in sys.stdin))' <<< "$output"
}

run subscribe --until-caught-up --json
expect_code 0
[[ $(types) == "Placed Paid Sent" ]] || fail "the past"
run subscribe order-1 --until-caught-up --from 1 --json
[[ $(types) == "Paid" ]] || fail "from a revision, inclusive"
run subscribe --until-caught-up --from end
expect_output ""
run subscribe --stream-prefix order- --type-regex 'd$' --count 2 --json
[[ $(types) == "Placed Paid" ]] || fail "filters"
run subscribe --type-regex '('
expect_code 1
expect_error 'sagabase: subscribe: filter.type_regex: *'

# Live, and across a kill of the server.
exec {events}< <(exec "$SAGABASE" subscribe --json --from 2 2> "$folder/told")
subscriber=$!
next() {
    read -r -t 60 -u "$events" output || fail "no event came"
    [[ $(types) == "$1" ]] || fail "$1 expected"
}
next Sent
"$SAGABASE" append order-2 --type Live > /dev/null
next Live
stop KILL
start "${SAGABASE_SERVER##*:}"
"$SAGABASE" append order-2 --type Later > /dev/null
next Later
[[ $(< "$folder/told") == "sagabase: subscribe: lost $SAGABASE_SERVER ("*"trying again from behind position 3" ]] ||
    fail "the loss is told once: $(< "$folder/told")"

# What cannot be written ends it: nobody shall believe that he has all.
for command in subscribe "read --all"; do
    code=0
    timeout 60 "$SAGABASE" $command > /dev/full 2> "$folder/errors" || code=$?
    errors=$(< "$folder/errors")
    expect_code 1
    expect_error "sagabase: ${command% *}: cannot write the output"
done

# Ctrl-C ends it well.
code=0
kill -INT "$subscriber"
wait "$subscriber" || code=$?
expect_code 0
