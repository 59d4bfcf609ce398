#!/bin/bash
# What the command line answers without a server.
. tests/integration/cli/check.sh

run --version
expect_code 0
[[ $output =~ ^sagabase\ [0-9]+\.[0-9]+\.[0-9]+\ \(.+\)$ ]] || fail "version"

run --help
expect_code 0
for command in serve append read subscribe "stream list" "stream show" \
    "stream policy" "stream delete" "stream tombstone" "snapshot policy" "snapshot due" \
    "reducer put" "reducer list" "reducer delete" state "upcaster put" "upcaster list" \
    "upcaster delete" import info bench "config check" \
    "config print" doctor; do
    [[ $output == *"  $command "* ]] || fail "--help names $command"
    run help $command
    expect_code 0
    [[ $output == *--* ]] || fail "help $command"
    explained=$output
    run $command --help
    [[ $output == "$explained" ]] || fail "$command --help"
    run --help
done

run
expect_code 2
run subcribe
expect_code 2
expect_error 'sagabase: unknown command "subcribe" (did you mean subscribe?)'
run stream shw
expect_error 'sagabase: unknown command "stream shw" (did you mean stream show?)'
run reducer lst
expect_error 'sagabase: unknown command "reducer lst" (did you mean reducer list?)'
run snapshot
expect_error 'sagabase: unknown command "snapshot" (did you mean snapshot list?)'
run help saga
expect_code 0
[[ $output == *"  saga start "* && $output != *append* ]] || fail "help of a first word"
explained=$output
run saga --help
expect_code 0
expect_output "$explained"
run sagas --help
expect_code 2
expect_error 'sagabase: unknown command "sagas" (did you mean *'
run read x --form 3
expect_code 2
expect_error 'sagabase: read: unknown option --form (did you mean --from?)'
run append --type x
expect_code 2
expect_error 'sagabase: append: STREAM is missing'
run saga start order
expect_code 2
expect_error 'sagabase: saga start: ID is missing'
run append s
expect_code 2
expect_error 'sagabase: append: --type: is required'
run append s --type x --expect maybe
expect_error 'sagabase: append: --expect: any, none, exists or a revision, not "maybe"'
run append s --type x --metadata novalue
expect_error 'sagabase: append: --metadata: KEY=VALUE, not "novalue"'
run append s --type x --id 7
expect_error 'sagabase: append: --id: a UUID, not "7"'
run append s --type x --data "@$folder/missing"
expect_error 'sagabase: append: --data: *missing: No such file or directory'

# The server's options, without a server.
run config check
expect_code 0
expect_output ok
printf 'rpc-threads: 2\nlog-format: json\n' > "$folder/sagabase.yaml"
run config check --config "$folder/sagabase.yaml"
expect_output "ok: $folder/sagabase.yaml"
run config print --config "$folder/sagabase.yaml" --rpc-threads 3
expect_code 0
[[ $output == *"rpc-threads "*" 3 "*" --rpc-threads"$'\n'* ]] || fail "a flag in config print"
[[ $output == *"log-format "*" json "*"/sagabase.yaml:2"* ]] || fail "a line in config print"
printf 'rpc-threads: 2\nlog-format: xml\n' > "$folder/sagabase.yaml"
run config check --config "$folder/sagabase.yaml"
expect_code 2
expect_error "sagabase config check: */sagabase.yaml:2: log-format: text or json, not \"xml\""
run serve --config "$folder/sagabase.yaml"
expect_code 2
expect_error "sagabase serve: */sagabase.yaml:2: log-format: *"
run config chek
expect_error 'sagabase: unknown command "config chek" (did you mean config check?)'
run read
expect_error 'sagabase: read: STREAM or --all is required'
run subscribe s --tag x
expect_error 'sagabase: subscribe: --tag, --type, --category, --correlation: only without STREAM'
run stream policy s --max-age 30
expect_code 2
expect_error 'sagabase: stream policy: --max-age: a whole number and s, m, h or d, not "30"'
run stream policy s --category --truncate-before 3
expect_error 'sagabase: stream policy: --truncate-before: only with a stream, *'
run snapshot policy --keep 2
expect_code 2
expect_error 'sagabase: snapshot policy: NAME is missing: of a stream, or with --category of a category'
run snapshot policy s --keep 101
expect_error 'sagabase: snapshot policy: --keep: a whole number from 1 to 100, not "101"'
run reducer put account
expect_code 2
expect_error 'sagabase: reducer put: FILE|- is missing'
run reducer put account "$folder/missing"
expect_code 1
expect_error 'sagabase: reducer put: FILE: *missing: No such file or directory'
printf '{"rules": [{"event_type": 7}]}' > "$folder/rules"
run reducer put account "$folder/rules"
expect_error 'sagabase: reducer put: */rules: rules\[0\].event_type: must be a string'
printf '{"rules": [' > "$folder/rules"
run reducer put account "$folder/rules"
expect_error 'sagabase: reducer put: */rules: line 1, column *'
run upcaster put X "$folder/missing"
expect_code 1
expect_error 'sagabase: upcaster put: FILE: *missing: No such file or directory'
run stream delete s
expect_code 2
expect_error 'sagabase: stream delete: --expect: is required'
run stream delete s --expect none
expect_error 'sagabase: stream delete: --expect: any, exists or a revision, not "none"'
run stream tombstone s --yes
expect_error 'sagabase: stream tombstone: --expect: is required'
run import "$folder/missing.csv"
expect_code 1
expect_error 'sagabase: import: *missing.csv: No such file or directory'

# Nobody listens on the port of a server that is gone.
start
stop
run info
expect_code 1
expect_error "sagabase: info: cannot reach the server at $SAGABASE_SERVER *"
run import /dev/null --format jsonl
expect_code 1
expect_error "sagabase: import: null: cannot reach the server at $SAGABASE_SERVER *"
