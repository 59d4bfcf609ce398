#!/bin/bash
# An example as its README says it, and what it has to print.
#
# usage: examples_test.sh python|node|go|java SAGABASE EVENT_STORE_PROTO FILE...

source tests/support/testing.sh
source tests/support/packages.sh
language=$1 sagabase=$2
shift 2
checkout "$@"
here=$CHECKOUT/examples/$language
refused="the stream is at revision 1"

start_server "$sagabase" --in-memory || exit 1
cd "$here" || exit 1
case $language in
python)
    tool "the example in Python" python/bin/python || conclude
    install_python_package "$TOOL" || exit 1
    "$TOOL" append_and_read.py "$ADDRESS" >"$WORK/out"
    ;;
node)
    tool "the example in Node" node/node_modules || conclude
    install_node_package "$TOOL" . || exit 1
    node append_and_read.mjs "$ADDRESS" >"$WORK/out"
    ;;
go)
    tool "the example in Go" go/made_from || conclude
    tools=${TOOL%/go/made_from} stubs=append_and_read/generated refused=Aborted
    export PATH="$tools/bin:$PATH" GOMODCACHE=$tools/go/mod GOCACHE=$tools/go/build
    export GOPROXY=off GOTOOLCHAIN=local GOFLAGS=-modcacherw
    mkdir generated
    protoc -I../../protos --go_out=generated --go-grpc_out=generated \
        --go_opt=module=$stubs,Msagabase/v1/event_store.proto=$stubs \
        --go-grpc_opt=module=$stubs,Msagabase/v1/event_store.proto=$stubs \
        sagabase/v1/event_store.proto || exit 1
    go run . "$ADDRESS" >"$WORK/out"
    ;;
java)
    tool "the example in Java" maven/made_from || conclude
    refused=ABORTED
    mvn -q -B -o -Dmaven.repo.local="${TOOL%/made_from}" compile exec:java \
        -Dexec.args="$ADDRESS" >"$WORK/out"
    ;;
esac

cat >"$WORK/expected" <<END
appended revisions 0..1
refused: $refused
read 0: OrderPlaced TOTAL
read 1: OrderPaid CARD
followed: OrderPaid
caught up
END
sed -i -E 's/\{"total": ?12\}/TOTAL/; s/\{"with": ?"card"\}/CARD/' "$WORK/out"
sed -i 's/\x1b\[[0-9;]*m//g' "$WORK/out" # Maven resets colours that it never set
if difference=$(diff "$WORK/expected" "$WORK/out"); then
    ok "the example in $language appends, reads and follows"
else
    not_ok "the example in $language appends, reads and follows" "$difference"
fi
conclude
