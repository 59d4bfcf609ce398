#!/bin/bash
# usage: stubborn_clients_test.sh SAGABASE STUBBORN_CLIENTS EVENT_STORE_PROTO

source tests/support/testing.sh
sagabase=$1 clients=$2
protos=$(realpath "${3%/sagabase/v1/event_store.proto}")
tool "stubborn clients" python/bin/python || conclude
start_server "$sagabase" --data "$WORK/data" || exit 1
"$TOOL" "$clients" "$protos" "$ADDRESS" "$SERVER" || FAILURES=1
stop_server || not_ok "the server ends well" "exit status $?"
conclude
