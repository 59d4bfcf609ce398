#!/bin/bash
# The saga commands against a server. Commands of the sagas are answered as a shell can: by an
# ordinary append.
. tests/integration/cli/check.sh
start

# answer QUEUE OUTCOME [APPEND OPTION...]: the newest command of the queue.
answer() {
    run read "\$cmd-$1" --backwards --count 1 --json
    expect_code 0
    command_id=$(json 'it["data"]["command_id"]')
    run append answers --type '$SagaReplyRequested' --metadata "command-id=$command_id" \
        --metadata "outcome=$2" "${@:3}"
}

contains() {
    [[ $output == *"$1"* ]] || fail "output with \"$1\" expected"
}

# Definitions.
cat > "$folder/order.json" << 'END'
{"type": "order", "nodes": [
  {"name": "reserve", "step": {
    "action": {"queue": "stock", "type": "ReserveStock"},
    "compensation": {"queue": "stock", "type": "ReleaseStock"},
    "timeouts": {"startToCloseMs": "60000"}}},
  {"name": "manager", "approval": {"principals": ["ann"]}},
  {"name": "charge", "step": {"idempotent": true,
    "action": {"queue": "cards", "type": "Charge"}, "nothing_to_undo": true,
    "timeouts": {"start_to_close_ms": 60000}}}]}
END
run saga define "$folder/order.json" --check
expect_output "order is in order"
run saga define "$folder/order.json"
expect_output "order version 1"
input=$folder/order.json run saga define -
expect_output "order version 1, as before"
run saga define "$folder/order.json" --version 3 --json
[[ $(json 'it["version"], len(it["hash"])') == "(3, 44)" || $code == 1 ]] || fail "define --json"
echo '{"type": "order", "nodes": [{"nam": "a"}]}' > "$folder/wrong.json"
run saga define "$folder/wrong.json"
expect_code 1
expect_error "sagabase: saga define: $folder/wrong.json: nodes[[]0].nam: no such field"
echo '{"type": "no good", "nodes": [{"name": "a"}]}' > "$folder/wrong.json"
run saga define "$folder/wrong.json" --check
expect_code 1
contains "type: "
contains "nodes[0]"
run saga define "$folder/missing.json"
expect_code 1
expect_error "sagabase: saga define: FILE: *"

# Starting, and what it looks like.
run saga start order 17 --input '{"total": 42}' --attribute region=eu
expect_code 0
contains "started order 17, run 1, running, position "
run saga start order 17 --input '{"total": 42}' --attribute region=eu
contains "was there: order 17, run 1, running"
run saga start order 17 --input 43
expect_code 1
run saga start order 18 --attribute region
expect_code 2
expect_error 'sagabase: saga start: --attribute: NAME=VALUE, not "region"'
run saga show order 17
expect_code 0
contains "order 17  running"
contains "waiting for step reserve"
contains "attributes  region=eu"
contains "  reserve   ━"
contains "▶  for "
run saga show order 17 --json
[[ $(json 'it["summary"]["status"], it["activities"][0]["node"], it["input"]["data"]["total"]') == \
    "('SAGA_STATUS_RUNNING', 'reserve', 42)" ]] || fail "show --json"
run saga show order nobody
expect_code 1
expect_error "sagabase: saga show: *nobody*no such saga"

# Events of a saga and commands are read in words.
run read '$saga-order-17' --json --count 1
[[ $(json 'it["type"], it["data"]["input"]["data"]["total"]') == "('\$SagaStarted', 42)" ]] ||
    fail "read of a saga's stream"
run read '$cmd-stock'
contains '"step":"reserve","operation":"OPERATION_ACTION"'
run append '$saga-order-17' --type A
expect_code 1
expect_error "sagabase: append: *names that start with \$ are the server's own"

# On to the end.
answer stock SUCCESS --data '"shelf 9"'
expect_code 0
run saga signal order 17 manager --approve --principal bob
expect_code 1
run saga signal order 17 manager --approve --principal ann --id s1
expect_output "given"
run saga signal order 17 manager --approve --principal ann --id s1
expect_output "it had been given before"
answer cards SUCCESS
expect_code 0
run saga show order 17
contains "order 17  completed"
contains "●  done in "
run saga history order 17
contains "SagaStarted"
contains "SagaCompleted"
run saga history order 17 --json
[[ $(wc -l <<< "$output") -ge 8 ]] || fail "history --json"
run saga start order 17 --input '{"total": 42}' --attribute region=eu --wait
expect_code 0
contains "completed"

# And back.
run saga start order 18
answer stock SUCCESS
run saga cancel order 18 --reason 'customer called' --principal ann
expect_output "compensating"
answer stock ERROR --metadata error-type=busy
expect_code 0
run saga show order 18
contains 'because $cancelled: customer called'
contains "undo reserve"
contains "busy"
run saga resolve order 18 reserve
expect_code 2
expect_error "sagabase: saga resolve: --reason: is required"
run saga resolve order 18 reserve --reason 'seen on the shelf'
expect_output "compensated"
run saga cancel order 17
expect_code 1
run saga start order 18 --again --request-id second
contains "run 2"
run saga pause order 18
expect_output "done"
run saga list --paused --json
[[ $(json 'it["id"], it["run"], it["paused"]') == "('18', 2, True)" ]] || fail "list --paused"
run saga resume order 18
expect_output "done"
run saga terminate order 18 --reason 'by hand'
expect_output "done"

# Lists.
run saga list --json
[[ $(/usr/bin/python3 -c 'import json, sys
print(*[json.loads(line)["id"] for line in sys.stdin])' <<< "$output") == "18 18 17" ]] ||
    fail "list --json"
run saga list --status completed --attribute region=eu
contains "order 17"
run saga list --status done
expect_code 2
expect_error 'sagabase: saga list: --status: running, *, not "done"'

# Watching: what happens while it is watched.
"$SAGABASE" saga watch order --count 1 --json > "$folder/watched" &
watcher=$!
for ((i = 100; ; i++)); do
    run saga start order $i
    [[ -s $folder/watched ]] && break
    [[ $i -lt 2000 ]] || fail "the watcher saw nothing"
done
wait $watcher || fail "saga watch"
output=$(< "$folder/watched")
[[ $(json 'it["type"], it["status"]') == "('order', 'SAGA_STATUS_RUNNING')" ]] || fail "watch --json"

# Ctrl-C ends it well.
exec {watched}< <(exec "$SAGABASE" saga watch order)
watcher=$!
read -r -t 60 -u "$watched" output || fail "no head came"
code=0
kill -INT "$watcher"
wait "$watcher" || code=$?
expect_code 0

run saga
expect_code 2
expect_error 'sagabase: unknown command "saga" (did you mean saga list?)'
run help saga show
contains "Draws the newest run"
stop
