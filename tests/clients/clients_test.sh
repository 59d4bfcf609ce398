#!/bin/bash
# A client package: built, installed and tried as a user would, without a network.
#
# usage: clients_test.sh python|node SAGABASE EVENT_STORE_PROTO PROGRAM PACKAGE_FILE...

source tests/support/testing.sh
source tests/support/packages.sh
language=$1 sagabase=$(realpath "$2") proto=$3 program=$(realpath "$4")
shift 4
checkout "$proto" "$@"
mkdir "$WORK/app"
cd "$WORK/app" || exit 1

case $language in
python)
    tool "the Python package" python/bin/python || conclude
    install_python_package "$TOOL" || exit 1
    "$TOOL" "$program" "$sagabase" "$WORK" || FAILURES=1
    ;;
node)
    tool "the Node package" node/node_modules || conclude
    install_node_package "$TOOL" . || exit 1
    cp "${program%/*}"/node_*.mjs "${program%/*}/declarations.mts" .
    node "${program##*/}" "$sagabase" "$WORK" || FAILURES=1
    tsc=$(find "$TOOL/" -path '*/protoplugin/*/typescript/bin/tsc')
    if node "$tsc" --noEmit --strict --skipLibCheck --target es2022 --module nodenext \
        --moduleResolution nodenext declarations.mts >"$WORK/tsc"; then
        ok "node: the declarations fit what a program does"
    else
        not_ok "node: the declarations fit what a program does" "$(cat "$WORK/tsc")"
    fi
    ;;
esac
conclude
