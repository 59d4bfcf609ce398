#!/bin/bash
# The examples of sagas, and how they have to end.
#
# usage: sagas_test.sh SAGABASE ORDERS

source tests/support/testing.sh
tool "the order saga in three languages" python/bin/python || conclude
tool "the order saga in three languages" node/node_modules || conclude

check() { # name expected...
    local name=$1 line
    shift
    for line in "$@"; do
        if ! grep -qE "$line" "$WORK/out"; then
            not_ok "$name" "no line like: $line; there was: $(cat "$WORK/out")"
            return
        fi
    done
    ok "$name"
}

examples/order_saga/run "$1" "$2" > "$WORK/out" 2>&1
check "an order goes through C, Python and Node, and another one back" \
    '^order 17  completed' '^  confirm .* done in' '^order 18  compensated' \
    'OutOfStock: there is no lamp left' '^  undo credit .* undone in' '^  undo create .* undone in' \
    'OrderRejected' 'CreditReleased'

examples/business_trip/run "$1" > "$WORK/out" 2>&1
check "a trip waits for a person, who may say no" \
    '^trip oslo  completed' '^trip rome  compensated' 'rejected: bob' '^trip bali  compensated' \
    '^    undo book-flight .* undone in'
conclude
