# How the shell tests get at what a user would install, without a network. Source it
# behind testing.sh.

# checkout EVENT_STORE_PROTO FILE...: a clean checkout of these in $CHECKOUT.
checkout() {
    CHECKOUT=$WORK/checkout
    mkdir -p "$CHECKOUT/protos"
    cp -RL "${1%/sagabase/v1/event_store.proto}/." "$CHECKOUT/protos"
    shift
    for file in "$@"; do
        mkdir -p "$CHECKOUT/${file%/*}"
        cp -L "$file" "$CHECKOUT/$file"
    done
}

# install_python_package PYTHON: from $CHECKOUT, for this test alone.
install_python_package() {
    "$1" -m pip install --quiet --disable-pip-version-check --no-build-isolation --no-index \
        --no-deps --target "$WORK/site" "$CHECKOUT/clients/python" &&
        export PYTHONPATH=$WORK/site
}

# install_node_package NODE_MODULES FOLDER: from $CHECKOUT, packed, beside what it depends on.
install_node_package() {
    ln -s "$1" "$CHECKOUT/clients/node/node_modules"
    (cd "$CHECKOUT/clients/node" &&
        HOME=$WORK npm pack --silent --pack-destination "$WORK" >"$WORK/packed") || return
    mkdir -p "$2/node_modules/sagabase"
    ln -s "$1"/* "$1"/.bin "$2/node_modules/"
    tar -xzf "$WORK/$(tail -1 "$WORK/packed")" --strip-components=1 -C "$2/node_modules/sagabase"
}
