#!/bin/sh
# Four stores, each killed four times under load; prints the seed.
#
# usage: linearizability_test.sh LINEARIZABILITY SAGABASE
what="appends and reads are linearizable, also across kill -9, and wrong histories are refused"
if "$1" "$2"; then
    echo "ok - $what"
else
    echo "not ok - $what"
    exit 1
fi
