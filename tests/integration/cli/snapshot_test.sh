#!/bin/bash
# States of streams from the command line: kept, found, listed, loaded, refused, deleted; and found
# again by a server that was killed while they were being put.
. tests/integration/cli/check.sh
start

for ((i = 0; i < 300; i++)); do
    printf '{"type":"Added","data":1}\n'
done > "$folder/lines"
input=$folder/lines run append basket-1 --jsonl
expect_code 0

# Kept and found.
run snapshot get basket-1
expect_error 'sagabase: snapshot get: basket-1: *no snapshot*'
run snapshot put basket-1 --revision 249 --state '{"total":250}' --keep 2
expect_output "revision 249, 13 bytes"
run snapshot get basket-1
expect_output '{"total":250}'
printf '{"total":280}' > "$folder/state"
input=$folder/state run snapshot put basket-1 --revision 279 --keep 2 --ttl 30d
expect_code 0
run snapshot get basket-1 --at 270
expect_output '{"total":250}'
run snapshot get basket-1 --json
[[ $(json 'it["revision"], it["data"]["total"], it["expires_us"] > it["created_us"]') == \
    "(279, 280, True)" ]] || fail "snapshot get --json"
run snapshot list basket-1
[[ $(wc -l <<< "$output") == 3 && $output == *279*249*never ]] || fail "snapshot list"

# Loaded: the snapshot and what it does not know.
run snapshot load basket-1 --json
[[ $(head -1 <<< "$output") == '{"revision":279,'* ]] || fail "the snapshot comes first"
[[ $(wc -l <<< "$output") == 21 ]] || fail "20 events behind it"
run snapshot load basket-1 --json --ignore-snapshot
[[ $(wc -l <<< "$output") == 300 ]] || fail "all events"

# Refused.
run snapshot put basket-1 --revision 300 --state x
expect_error 'sagabase: snapshot put: basket-1: *revision: 300 does not exist*'
run snapshot put basket-1 --revision 3 --state x
expect_error 'sagabase: snapshot put: basket-1: *may not go back*'
run snapshot put basket-1 --revision 290 --newer-than 249 --state x
expect_error 'sagabase: snapshot put: basket-1: *newer_than*'
run snapshot put nowhere --revision 0 --state x
expect_error 'sagabase: snapshot put: nowhere: *no such stream*'
run snapshot put basket-1 --state x
expect_code 2
head -c 1048577 /dev/zero > "$folder/state"
input=$folder/state run snapshot put basket-1 --revision 290
expect_error 'sagabase: snapshot put: basket-1: state: at most 1 MiB'

# Policies: of a category, of a stream in its place, changed in part, taken away.
run snapshot policy
expect_output "no policy"
run snapshot policy basket --category --every-events 100 --keep 3
expect_code 0
run snapshot policy basket-1 --every 15m
[[ $output == *"stream           -     15m     1  basket-1" ]] || fail "the policy as it is now"
run snapshot policy basket-1 --keep 4 --json
expect_output '{"stream":"basket-1","policy":{"every_ms":900000,"keep":4}}'
run snapshot policy
[[ $(wc -l <<< "$output") == 3 && $output == *basket*basket-1 ]] || fail "all policies"
run snapshot policy basket-1 --clear --json
expect_output ""
run snapshot policy basket --category --json
expect_output '{"category":"basket","policy":{"every_events":100,"keep":3}}'
run snapshot policy basket --category --clear
expect_output "no policy"

# Due: told by load and by due, until there is a snapshot.
run snapshot policy basket --category --every-events 30
run snapshot load basket-1
[[ $output != *"due for the next snapshot"* ]] || fail "nothing is due"
run snapshot policy basket --category --every-events 20
run snapshot load basket-1
[[ $output == *"due for the next snapshot"* ]] || fail "due by its policy"
run snapshot due basket --count 1 --json
expect_output '{"stream":"basket-1","revision":299,"snapshot_revision":279}'
run snapshot due --count 1
[[ $output == *" 299 "*" 279  basket-1" ]] || fail "the table of what is due"

# Followed over a restart: what is due then is told again.
"$SAGABASE" snapshot due --count 2 --json > "$folder/due" 2> "$folder/lost" &
follower=$!
until [[ -s $folder/due ]]; do
    read -r -t 0.05 <> <(:) || true
done
stop KILL
start "${SAGABASE_SERVER##*:}"
wait "$follower" || fail "following over a restart"
[[ $(uniq -c "$folder/due") =~ ^\ *2\ .*basket-1 ]] || fail "told again after a restart"
[[ $(< "$folder/lost") == "sagabase: snapshot due: lost $SAGABASE_SERVER ("*"trying again" ]] ||
    fail "the loss is told once: $(< "$folder/lost")"
run snapshot policy basket --category --clear

# Killed while snapshots are put: none that was acknowledged is lost.
for round in 1 2 3; do
    "$SAGABASE" snapshot delete basket-1 --all > "$folder/ignored"
    (for ((i = 0; i < 300; i++)); do
        "$SAGABASE" snapshot put basket-1 --revision $i --state "\"$i\"" --timeout 1 \
            >> "$folder/acknowledged.$round" 2> /dev/null || exit 0
    done) &
    putter=$!
    until [[ $(wc -l 2> /dev/null < "$folder/acknowledged.$round") -ge $((round * 5)) ]]; do
        read -r -t 0.05 <> <(:) || true
    done
    stop KILL
    wait "$putter"
    last=$(tail -1 "$folder/acknowledged.$round")
    last=${last#revision }
    start
    run snapshot get basket-1 --json
    [[ $(json "it['revision'] >= ${last%%,*} and it['data'] == str(it['revision'])") == True ]] ||
        fail "acknowledged: $last"
done

# Deleted.
run snapshot delete basket-1 --all
expect_output deleted
run snapshot delete basket-1 --all --json
expect_output '{"deleted":false}'
