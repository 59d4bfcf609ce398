#!/bin/bash
# The examples of a language as their README says it, and what they have to print.
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
    "$TOOL" tour.py "$ADDRESS" >"$WORK/tour"
    "$TOOL" tour_aio.py "$ADDRESS" >"$WORK/tour_aio"
    ;;
node)
    tool "the example in Node" node/node_modules || conclude
    install_node_package "$TOOL" . || exit 1
    node append_and_read.mjs "$ADDRESS" >"$WORK/out"
    node tour.mjs "$ADDRESS" >"$WORK/tour"
    ;;
go)
    tool "the example in Go" go/made_from || conclude
    tools=${TOOL%/go/made_from} refused=Aborted
    export PATH="$tools/bin:$PATH" GOMODCACHE=$tools/go/mod GOCACHE=$tools/go/build
    export GOPROXY=off GOTOOLCHAIN=local GOFLAGS=-modcacherw
    ./make_stubs || exit 1
    go run . "$ADDRESS" >"$WORK/out"
    go run ./tour "$ADDRESS" >"$WORK/tour"
    ;;
java)
    tool "the example in Java" maven/made_from || conclude
    refused=ABORTED
    offline() {
        mvn -q -B -o -Dmaven.repo.local="${TOOL%/made_from}" -Dexec.args="$ADDRESS" "$@"
    }
    offline compile exec:java >"$WORK/out"
    offline exec:java -Dprogram=Tour >"$WORK/tour"
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
sed -i 's/\x1b\[[0-9;]*m//g' "$WORK/out" "$WORK/tour" # Maven resets colours that it never set

prints() { # NAME OUTPUT EXPECTED
    if difference=$(diff "$3" "$2"); then
        ok "$1"
    else
        not_ok "$1" "$difference"
    fi
}

prints "the example in $language appends, reads and follows" "$WORK/out" "$WORK/expected"
prints "the tour in $language does every task" "$WORK/tour" "$CHECKOUT/examples/tour.txt"
if [[ -e $WORK/tour_aio ]]; then
    prints "so does the one with asyncio" "$WORK/tour_aio" "$CHECKOUT/examples/tour.txt"
fi
conclude
