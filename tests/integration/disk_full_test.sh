#!/bin/bash
# A disk that fills up: appends are refused in time, reads go on, nothing acknowledged is
# lost, and with space again the server serves again. Needs a small file system of its own, so root.
#
# usage: disk_full_test.sh SAGABASE

source tests/support/testing.sh
sagabase=$1
disk=$WORK/disk
mkdir "$disk"
if ! mount -t tmpfs -o size=420m none "$disk" 2>"$WORK/mount.err"; then
    echo "skip - a full disk: no file system can be mounted here: $(cat "$WORK/mount.err")"
    exit 0
fi
trap 'kill -9 $SERVERS 2>/dev/null; wait; umount "$disk"; leave' EXIT

head -c 40m /dev/zero >"$disk/filler"
head -c 200000 /dev/urandom >"$WORK/payload"
start_server "$sagabase" --data "$disk/data" || exit 1

# --- fill it

acknowledged=0
while test $acknowledged -lt 1000; do
    "$sagabase" append full-1 --server "$ADDRESS" --type Stored --data "@$WORK/payload" \
        --timeout 20 >"$WORK/append.out" 2>&1 || break
    acknowledged=$((acknowledged + 1))
done
echo "$acknowledged events of 200,000 bytes were stored, then: $(cat "$WORK/append.out")"
if test $acknowledged -gt 10 && test $acknowledged -lt 1000; then
    ok "a full disk ends the appends, not the test"
else
    not_ok "a full disk ends the appends, not the test" "$acknowledged appends"
fi
if grep -q "disk full" "$WORK/append.out"; then
    ok "an append to a full disk gets a clear error"
else
    not_ok "an append to a full disk gets a clear error" "$(cat "$WORK/append.out")"
fi

# --- while there is not a byte left

cat /dev/zero >"$disk/all" 2>/dev/null
found=$("$sagabase" read full-1 --server "$ADDRESS" --json --timeout 20 | wc -l)
if test "$found" -eq $acknowledged; then
    ok "what is acknowledged can be read while the disk is full"
else
    not_ok "what is acknowledged can be read while the disk is full" "$found of $acknowledged"
fi
stop_server || not_ok "the server ends well on a full disk" "exit status $?"
cat /dev/zero >>"$disk/all" 2>/dev/null # the server gave back what it had reserved
timeout 20 "$sagabase" serve --data "$disk/data" --listen 127.0.0.1:0 \
    >"$WORK/second.out" 2>"$WORK/second.err"
status=$?
if test $status -ne 0 && test $status -lt 124 && grep -q "disk full" "$WORK/second.err"; then
    ok "a server does not start on a full disk"
else
    not_ok "a server does not start on a full disk" "exit $status: $(cat "$WORK/second.err")"
fi

# --- space again

rm "$disk/filler" "$disk/all"
if start_server "$sagabase" --data "$disk/data"; then
    found=$("$sagabase" read full-1 --server "$ADDRESS" --json | wc -l)
    if test "$found" -eq $acknowledged; then
        ok "nothing acknowledged is lost by a full disk"
    else
        not_ok "nothing acknowledged is lost by a full disk" "$found of $acknowledged"
    fi
    if "$sagabase" append full-1 --server "$ADDRESS" --type Stored --data again >"$WORK/out" 2>&1; then
        ok "with space again it serves again"
    else
        not_ok "with space again it serves again" "$(cat "$WORK/out")"
    fi
    stop_server || not_ok "the server ends well" "exit status $?"
else
    not_ok "with space again it serves again" "it does not start"
fi
conclude
