#!/bin/sh
# 200 times kill -9; prints the seed.
#
# usage: crash_test.sh CRASH SAGABASE
if "$1" "$2" --kills 200; then
    echo "ok - nothing acknowledged is lost and no half append is visible after 200 kills"
else
    echo "not ok - nothing acknowledged is lost and no half append is visible after 200 kills"
    exit 1
fi
