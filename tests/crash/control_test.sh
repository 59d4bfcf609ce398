#!/bin/sh
# The crash test fails for a server that keeps nothing: were it to pass, its passing for
# ours would mean nothing.
#
# usage: control_test.sh CRASH SAGABASE FORGETFUL_SERVER
export SAGABASE="$2"
if "$1" "$3" --kills 3 --seed 1 >"$TEST_TMPDIR/out" 2>&1; then
    echo "not ok - the crash test finds a server that forgets: it found nothing"
    exit 1
fi
cat "$TEST_TMPDIR/out"
if grep -q "^FAILED .*only 0 are there" "$TEST_TMPDIR/out"; then
    echo "ok - the crash test finds a server that forgets"
else
    echo "not ok - the crash test finds a server that forgets: it failed for another reason"
    exit 1
fi
