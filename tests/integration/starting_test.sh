#!/bin/bash
# What start-up accepts and refuses, with one clear line each.
#
# usage: starting_test.sh SAGABASE

source tests/support/testing.sh
sagabase=$1

id() {
    printf '00000000-0000-4000-8000-%012d' "$1"
}

# The values of a field of JSON lines.
field() {
    sed -n "s/.*\"$1\": *\"\{0,1\}\([^\",}]*\).*/\1/p"
}

# append N: one event to stream "door-1"; N is its id.
append() {
    "$sagabase" append door-1 --server "$ADDRESS" --type Opened --id "$(id "$1")" --data "$1" \
        >"$WORK/append.out" 2>&1
}

# The newest write-ahead log of the store.
newest_log() {
    ls -t "$1"/*.log | head -1
}

# refuses CASE WORD: the server that was tried last exited non-zero with one line that has the word.
refuses() {
    name=$1 word=$2
    if test "$STATUS" -eq 0; then
        not_ok "$name" "exit status 0"
    elif test "$(grep -cv ' INFO ' "$WORK/second.err")" -ne 1; then
        not_ok "$name" "not one line: $(cat "$WORK/second.err")"
    elif ! grep -qiE -- "$word" "$WORK/second.err"; then
        not_ok "$name" "no \"$word\": $(cat "$WORK/second.err")"
    else
        ok "$name"
    fi
}

# try_server OPTION...: a server that is expected to end by itself; sets STATUS.
try_server() {
    timeout 60 "$sagabase" serve "$@" >"$WORK/second.out" 2>"$WORK/second.err"
    STATUS=$?
}

# --- two servers

start_server "$sagabase" --data "$WORK/data" || exit 1
try_server --data "$WORK/data" --listen 127.0.0.1:0
refuses "a second server on one data directory is refused" "data"
try_server --in-memory --listen "$ADDRESS"
refuses "a second server on one port is refused" "${ADDRESS##*:}"
try_server --no-such-option
refuses "an unknown option is refused" "no-such-option"
for n in 1 2 3; do
    append $n || not_ok "append" "$(cat "$WORK/append.out")"
done
events=$("$sagabase" info --server "$ADDRESS" --json | field events)
test "$events" = 3 && ok "the first server still serves" || not_ok "the first server still serves" "$events events"

# --- a torn tail: what a crash in the middle of a write leaves

kill -9 "$SERVER"
wait "$SERVER" 2>/dev/null
cp -r "$WORK/data" "$WORK/damaged"
log=$(newest_log "$WORK/data")
size=$(stat -c %s "$log")
head -c 700 "$log" | tail -c 100 >>"$log" # the beginning of a record that never ended
if start_server "$sagabase" --data "$WORK/data"; then
    found=$("$sagabase" read door-1 --server "$ADDRESS" --json | field id | tr '\n' ' ')
    if test "$found" = "$(id 1) $(id 2) $(id 3) "; then
        ok "a torn tail of the write-ahead log loses nothing acknowledged"
    else
        not_ok "a torn tail of the write-ahead log loses nothing acknowledged" "found $found"
    fi
    append 4 || not_ok "append behind a torn tail" "$(cat "$WORK/append.out")"
    stop_server || not_ok "the server ends well" "exit status $?"
else
    not_ok "a torn tail of the write-ahead log loses nothing acknowledged" "it does not start"
fi

# --- damage in the middle: acknowledged events lie behind it

log=$(newest_log "$WORK/damaged")
printf 'DAMAGE' | dd of="$log" bs=1 seek=$((size / 2)) conv=notrunc status=none
try_server --data "$WORK/damaged" --listen 127.0.0.1:0
refuses "damage in the middle of the write-ahead log is refused" "corrupt|damage|data_loss"

conclude
