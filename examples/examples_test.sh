#!/bin/bash
# An example as its README says it, and what it has to print.
#
# usage: examples_test.sh python|node SAGABASE PROGRAM EVENT_STORE_PROTO

source tests/support/testing.sh
language=$1 sagabase=$2 program=$3
protos=$(realpath "${4%/sagabase/v1/event_store.proto}")
here=$WORK/example
mkdir -p "$here/generated"
cp "$program" "$here/program.${program##*.}"

start_server "$sagabase" --in-memory || exit 1
case $language in
python)
    tool "the example in Python" python/bin/python || conclude
    "$TOOL" -m grpc_tools.protoc "-I$protos" "--python_out=$here/generated" \
        "--grpc_python_out=$here/generated" sagabase/v1/event_store.proto || exit 1
    PYTHONPATH=$here/generated "$TOOL" "$here/program.py" "$ADDRESS" >"$WORK/out"
    ;;
node)
    tool "the example in Node" node/node_modules || conclude
    ln -s "$TOOL" "$here/node_modules"
    protoc "-I$protos" "--plugin=protoc-gen-ts=$TOOL/.bin/protoc-gen-ts" \
        "--ts_out=$here/generated" \
        --ts_opt=client_grpc1,output_javascript,output_legacy_commonjs \
        sagabase/v1/event_store.proto || exit 1
    node "$here/program.mjs" "$ADDRESS" >"$WORK/out"
    ;;
esac

cat >"$WORK/expected" <<'END'
appended revisions 0..1
refused: ABORTED
read 0: OrderPlaced TOTAL
read 1: OrderPaid CARD
followed: OrderPaid
caught up
END
sed -i -E 's/\{"total": ?12\}/TOTAL/; s/\{"with": ?"card"\}/CARD/' "$WORK/out"
if difference=$(diff "$WORK/expected" "$WORK/out"); then
    ok "the example in $language appends, reads and follows"
else
    not_ok "the example in $language appends, reads and follows" "$difference"
fi
conclude
