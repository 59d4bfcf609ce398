#!/bin/bash
# One runner of the conformance script against a server of its own.
#
# usage: conformance_test.sh python|aio|node|c SAGABASE SCRIPT EVENT_STORE_PROTO RUNNER FILE...

source tests/support/testing.sh
source tests/support/packages.sh
language=$1 sagabase=$2 script=$3 runner=$5
protos=$(realpath "${4%/sagabase/v1/event_store.proto}")

case $language in
python)
    tool "conformance in Python" python/bin/python || conclude
    set -- "$TOOL" "$runner" "$script" "$protos"
    after=
    ;;
aio)
    tool "conformance in Python with asyncio" python/bin/python || conclude
    checkout "$4" "${@:6}"
    install_python_package "$TOOL" || exit 1
    set -- "$TOOL" "$runner" "$script"
    after=
    ;;
node)
    tool "conformance in Node" node/node_modules || conclude
    set -- node "$(realpath "$runner")" "$script" "$protos"
    after=$TOOL
    ;;
c)
    set -- "$runner" "$script"
    after=
    ;;
esac

start_server "$sagabase" --data "$WORK/data" || exit 1
"$@" "$ADDRESS" $after || FAILURES=1
stop_server || not_ok "$language: the server ends well" "exit status $?"
conclude
