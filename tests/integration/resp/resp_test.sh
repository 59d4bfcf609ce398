#!/bin/bash
# The face for clients of Redis: limits, bad clients, what is kept.
#
# usage: resp_test.sh SAGABASE RESP_TEST_PY

source tests/support/testing.sh
/usr/bin/python3 "$2" "$1" "$WORK" || FAILURES=1
conclude
