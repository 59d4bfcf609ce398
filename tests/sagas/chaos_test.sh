#!/bin/sh
# 60 times kill -9 under sagas; prints the seed.
#
# usage: chaos_test.sh CHAOS SAGABASE
if "$1" "$2" --kills 60; then
    echo "ok - every saga ends as its streams say it must, after 60 kills"
else
    echo "not ok - every saga ends as its streams say it must, after 60 kills"
    exit 1
fi
