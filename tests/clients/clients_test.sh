#!/bin/bash
# A client package: built, installed and tried as a user would, without a network.
#
# usage: clients_test.sh python|node SAGABASE EVENT_STORE_PROTO PROGRAM PACKAGE_FILE...

source tests/support/testing.sh
language=$1 sagabase=$(realpath "$2") proto=$3 program=$(realpath "$4")
shift 4

# A clean checkout of what the package is made from.
mkdir -p "$WORK/checkout/protos" "$WORK/app"
cp -RL "${proto%/sagabase/v1/event_store.proto}/." "$WORK/checkout/protos"
for file in "$@"; do
    mkdir -p "$WORK/checkout/${file%/*}"
    cp -L "$file" "$WORK/checkout/$file"
done
cd "$WORK/app" || exit 1

case $language in
python)
    tool "the Python package" python/bin/python || conclude
    "$TOOL" -m pip install --quiet --disable-pip-version-check --no-build-isolation --no-index \
        --no-deps --target "$WORK/site" "$WORK/checkout/clients/python" || exit 1
    PYTHONPATH=$WORK/site "$TOOL" "$program" "$sagabase" "$WORK" || FAILURES=1
    ;;
node)
    tool "the Node package" node/node_modules || conclude
    ln -s "$TOOL" "$WORK/checkout/clients/node/node_modules"
    (cd "$WORK/checkout/clients/node" && npm pack --silent --pack-destination "$WORK") >"$WORK/packed" ||
        exit 1
    # As npm would lay it out: the package beside what it depends on.
    mkdir node_modules
    ln -s "$TOOL"/* "$TOOL"/.bin node_modules/
    mkdir node_modules/sagabase
    tar -xzf "$WORK/$(tail -1 "$WORK/packed")" --strip-components=1 -C node_modules/sagabase
    cp "$program" .
    node "${program##*/}" "$sagabase" "$WORK" || FAILURES=1
    tsc=$(find "$TOOL/" -path '*/protoplugin/*/typescript/bin/tsc' | head -1)
    cp "${program%/*}/declarations.mts" .
    if node "$tsc" --noEmit --strict --skipLibCheck --target es2022 --module nodenext \
        --moduleResolution nodenext declarations.mts >"$WORK/tsc"; then
        ok "node: the declarations fit what a program does"
    else
        not_ok "node: the declarations fit what a program does" "$(cat "$WORK/tsc")"
    fi
    ;;
esac
conclude
