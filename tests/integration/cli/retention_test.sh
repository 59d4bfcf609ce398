#!/bin/bash
# stream policy, delete, tombstone and erase, and scavenge, against a server.
. tests/integration/cli/check.sh
start

# events STREAM COUNT: appends so many.
events() {
    for ((i = 0; i < $2; i++)); do
        printf '{"type":"A"}\n'
    done > "$folder/lines"
    input=$folder/lines run append "$1" --jsonl
    expect_code 0
}

# reads STREAM "REVISION...": what is to be seen of it.
reads() {
    run read "$1" --json
    output=$(/usr/bin/python3 -c 'import json, sys
print(*[json.loads(line)["revision"] for line in sys.stdin])' <<< "$output")
    expect_output "$2"
}

# A stream's policy, shown and set; what an option does not speak of stays.
events order-1 5
run stream policy order-1
expect_output "max count       no limit
max age         no limit
first revision  0"
run stream policy order-1 --max-count 2
expect_code 0
reads order-1 "3 4"
run stream policy order-1 --max-age 90m
expect_output "max count       2
max age         90m
first revision  3"
run stream policy order-1 --json
[[ $(json 'it') == "{'stream': 'order-1', 'max_count': 2, 'max_age_us': 5400000000, 'encrypt': False, "\
"'first_revision': 3}" ]] || fail "stream policy --json"
run stream show order-1
[[ $output == *"events          2"*"first revision  3"* ]] || fail "stream show"
run stream show order-1 --json
[[ $(json 'it["events"], it["first_revision"]') == "(2, 3)" ]] || fail "stream show --json"
run stream policy order-1 --truncate-before 1 --clear --max-age 30d
expect_output "max count       no limit
max age         30d
first revision  1"
run stream policy order-1 --clear
reads order-1 "1 2 3 4"

# A category's.
events session-1 3
run stream policy session --category --max-count 1 --max-age 12h
expect_output "max count       1
max age         12h"
reads session-1 "2"
run stream policy session-1
expect_output "max count       no limit
max age         no limit
first revision  2"
run stream policy session --category --json
[[ $(json 'it') == "{'category': 'session', 'max_count': 1, 'max_age_us': 43200000000, 'encrypt': False}" ]] ||
    fail "stream policy --category --json"

# Deleting, and going on.
run stream delete order-1 --expect 3
expect_code 1
expect_error 'sagabase: stream delete: order-1: expected revision 3, but it is at 4: *'
run stream delete order-1 --expect 4
expect_code 0
expect_output "deleted"
run read order-1
expect_code 1
events order-1 1
reads order-1 "5"
run stream delete order-1 --expect exists --json
expect_output "{}"

# A tombstone, which asks on a terminal.
events order-2 1
run stream tombstone order-2 --expect 0
expect_code 2
expect_error 'sagabase: stream tombstone: --yes: is required without a terminal, *for ever'
# asked ANSWER: what is told on a terminal on which somebody answers so.
asked() {
    code=0
    output=$(/usr/bin/python3 -c 'import os, pty, sys
child, terminal = pty.fork()
if child == 0:
    os.execv(sys.argv[2], [sys.argv[2], "stream", "tombstone", "order-2", "--expect", "any"])
told = b""
while b"[y/N]" not in told:
    told += os.read(terminal, 4096)
os.write(terminal, sys.argv[1].encode() + b"\n")
try:
    while more := os.read(terminal, 4096):
        told += more
except OSError:
    pass  # the end of a terminal
print(told.decode())
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))' "$1" "$SAGABASE") || code=$?
    errors=
    [[ $output == *"end it, for ever? [y/N]"* ]] || fail "the question"
}
asked n
expect_code 1
reads order-2 "0"
asked yes
expect_code 0
run append order-2 --type A
expect_code 1
expect_error 'sagabase: append: order-2: *tombstone*'
events order-3 1
run stream tombstone order-3 --expect 0 --yes
expect_output "ended for ever"
run stream policy order-3 --max-count 1
expect_code 1
expect_error 'sagabase: stream policy: order-3: it has a tombstone, for ever'
run stream delete order-3 --expect any
expect_error 'sagabase: stream delete: order-3: it has a tombstone, for ever'
run stream policy nothing-1
expect_code 1

# Erasing payloads, one and all.
printf '{"type":"A","data":"secret 0"}\n{"type":"A","data":"secret 1"}\n{"type":"A","data":"secret 2"}\n' > "$folder/lines"
input=$folder/lines run append person-1 --jsonl
run stream erase person-1 --yes
expect_code 2
expect_error 'sagabase: stream erase: --reason: is required'
run stream erase person-1 --reason "by letter"
expect_code 2
expect_error 'sagabase: stream erase: --yes: is required without a terminal, *'
run stream erase person-1 --reason "by letter" --revision x --yes
expect_code 2
run stream erase person-1 --reason "by letter" --revision 1 --by office --yes
expect_output "1 payload erased"
run read person-1 --json
[[ $output == *'secret 0'*'"erased":"'*'secret 2'* && $output != *'secret 1'* ]] || fail "one erased"
run stream erase person-1 --reason "by letter" --revision 1 --yes --json
expect_output '{"erased_events":0}'
run stream erase person-1 --reason "by letter" --yes
expect_output "2 payloads erased"
run read person-1
[[ $output == *"(erased)"*"(erased)"*"(erased)"* && $output != *secret* ]] || fail "all erased"
run read '$erasures' --json
[[ $output == *'"type":"$eventErased"'*'"by":"office"'*'"type":"$streamErased"'*'"reason":"by letter"'* ]] ||
    fail "what was erased is recorded"
run stream erase nothing-1 --reason "by letter" --yes
expect_code 1
expect_error 'sagabase: stream erase: nothing-1: no such stream'

# Scavenging what order-1 to order-3 and the session hide.
run scavenge --status --json
[[ $(json 'it["state"], it["removed_events"]') == "('none', 0)" ]] || fail "scavenge --status"
run scavenge --cancel
expect_code 1
expect_error 'sagabase: scavenge: no scavenge is running'
run scavenge --watch
expect_code 0
[[ $output == "state           done"*"removed events  10"* ]] || fail "scavenge --watch"
run scavenge --status --cancel
expect_code 2
reads session-1 "2"
run scavenge --watch --json
[[ $(json 'it["state"], it["removed_events"]') == "('done', 0)" ]] || fail "a second scavenge"

# Encrypted at rest, under a master key.
stop
printf '%064d\n' 1 > "$folder/master"
SAGABASE_MASTER_KEY_FILE=$folder/master start
run stream policy patient --category --encrypt
expect_output "max count       no limit
max age         no limit
encrypt         yes"
secret=q8Zx3vKp0LmW7sTaQ9r
run append patient-1 --type Admitted --data "$secret"
expect_code 0
run read patient-1
[[ $output == *$secret* ]] || fail "an encrypted event is read as it was"
! grep -rqaF "$secret" "$folder/data" || fail "a file holds what is to be encrypted"
run subscribe patient-1 --count 1
[[ $output == *$secret* ]] || fail "an encrypted event is sent as it was"
stop
run serve --data "$folder/data" --listen 127.0.0.1:0
expect_code 1
expect_error 'sagabase serve: keys in *: --master-key-file is missing'
printf '%064d\n' 2 > "$folder/other"
run serve --data "$folder/data" --listen 127.0.0.1:0 --master-key-file "$folder/other"
expect_code 1
expect_error 'sagabase serve: --master-key-file: not the key that those in * are sealed with'
run verify --data "$folder/data"
expect_code 0
SAGABASE_MASTER_KEY_FILE=$folder/master start
run stream erase patient-1 --reason "by letter" --yes
expect_output "1 payload erased"
run stream policy patient --category --no-encrypt --json
[[ $(json 'it["encrypt"]') == False ]] || fail "stream policy --no-encrypt"
