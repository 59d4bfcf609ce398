#!/bin/bash
# What doctor finds, with and without a server.
. tests/integration/cli/check.sh

# finds LINE...: each is a pattern of one line of the output.
finds() {
    local line
    for line in "$@"; do
        grep -qE "$line" <<< "$output" || fail "no line like $line"
    done
}

run doctor --data "$folder/new/data" --listen 127.0.0.1:0
expect_code 0
finds '^ok +configuration ' '^ok +data +.*/new/data will be created' '^(ok|warn) +disk kind ' \
    '^ok +disk room +[0-9]+ MiB of ' '^(ok|warn) +fsync +50 % within [0-9]+ us' '^(ok|warn) +open files ' \
    '^(ok|warn) +clock ' '^ok +listen +127.0.0.1:0 is free' '^[0-9]+ ok, [0-9]+ to look at, 0 failed$'
[[ ! -e $folder/new ]] || fail "it only looks"

# The server's own data and port are no trouble, another's port is.
start
run doctor --data "$folder/data" --listen "$SAGABASE_SERVER"
expect_code 0
finds '^ok +lock +a server has the data open now' "^ok +listen +$SAGABASE_SERVER is served, as the data is"
[[ -z $(find "$folder/data" -name 'doctor*') ]] || fail "nothing is left behind"
run doctor --data "$folder/other" --listen "$SAGABASE_SERVER"
expect_code 1
finds "^fail +listen +$SAGABASE_SERVER: another program listens there" ' -> end the other program'
stop

# What an operator has to change.
mkdir -p "$folder/open"
chmod 755 "$folder/open"
run doctor --data "$folder/open" --listen 192.0.2.1:7 --disk-reserve 1000000GiB
expect_code 2
expect_error 'sagabase doctor: --disk-reserve: a size *'
run doctor --data "$folder/open" --listen 192.0.2.1:7 --disk-reserve 1000GiB
expect_code 1
finds '^warn +data +.* is open to others: mode 755' ' -> chmod 700' '^fail +disk room ' \
    '^fail +listen +192.0.2.1:7: Cannot assign'
touch "$folder/file"
run doctor --data "$folder/file" --listen 127.0.0.1:0
expect_code 1
finds '^fail +data +.*/file: not a directory'
