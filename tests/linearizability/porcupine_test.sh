#!/bin/bash
# Short histories, right and spoilt, judged by porcupine. Several, because one may hold nothing to
# spoil in some way. Of few clients: it tries every order of what went on at once, and a refusal
# by a condition fits into many places.
#
# usage: porcupine_test.sh LINEARIZABILITY SAGABASE

source tests/support/testing.sh
tool "porcupine agrees with our checker" bin/porcupine || conclude

if ! "$1" "$2" --stores 4 --operations 150 --clients 8 --keep "$WORK"; then
    not_ok "porcupine agrees with our checker" "our checker refuses the history"
elif ! "$TOOL" "$WORK/history.json" "$WORK"/wrong-*.json; then
    not_ok "porcupine agrees with our checker" "it does not"
else
    ok "porcupine agrees with our checker"
fi
conclude
