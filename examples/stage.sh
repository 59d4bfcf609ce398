# What the examples play on: a server in a folder that is gone afterwards, participants, and the
# packages of this checkout for Python and Node. Source it with $sagabase set, in the top folder.
#
# PYTHON and NODE_PATH, if set, name an interpreter and a node_modules that have the package
# sagabase already. Otherwise both are made from clients/, with what `bazel/setup tests` has fetched.

folder=$(mktemp -d)
started=()

leave() {
    local pid
    for pid in "${started[@]}"; do
        kill "$pid" 2> /dev/null || true
    done
    wait 2> /dev/null || true
    rm -rf "$folder"
}
trap leave EXIT

# Waits until it tells its address, and leaves that in $SAGABASE_SERVER, its process in $server.
start_server() {
    local line told=()
    exec {told_by}< <(exec "$sagabase" serve --data "$folder/data" --listen 127.0.0.1:0 \
        --http-listen off --resp-listen off 2>&1)
    server=$!
    started+=("$server")
    while read -r -t 60 -u "$told_by" line; do
        told+=("$line")
        if [[ $line =~ ^listening\ on\ (.*) ]]; then
            export SAGABASE_SERVER=${BASH_REMATCH[1]}
            return
        fi
    done
    printf 'the server did not start\n%s\n' "${told[*]}" >&2
    exit 1
}

# start_participant COMMAND...
start_participant() {
    "$@" &
    started+=($!)
}

need() { # file
    [[ -e $1 ]] && return
    echo "there is no $1: \`bazel/setup tests\` fetches what this example needs" >&2
    exit 1
}

# Sets $PYTHON to one that has the package.
use_python_package() {
    [[ -z ${PYTHON:-} ]] || return 0
    local python=${SAGABASE_TOOLS:-.tools}/python/bin/python
    need "$python"
    cp -RL clients/python protos "$folder/"
    mkdir -p "$folder/python_package/clients"
    mv "$folder/python" "$folder/python_package/clients/python"
    mv "$folder/protos" "$folder/python_package/protos"
    "$python" -m pip install --quiet --disable-pip-version-check --no-build-isolation --no-index \
        --no-deps --target "$folder/site" "$folder/python_package/clients/python"
    PYTHON=$python
    export PYTHONPATH=$folder/site
}

# use_node_package PROGRAM: sets $program to a copy of it that finds the package.
use_node_package() {
    local modules=${SAGABASE_TOOLS:-.tools}/node/node_modules
    program=$1
    [[ -z ${NODE_PATH:-} ]] || return 0
    need "$modules"
    modules=$(readlink -f "$modules")
    mkdir -p "$folder/node/clients" "$folder/node/node_modules"
    cp -RL clients/node "$folder/node/clients/node"
    cp -RL protos "$folder/node/protos"
    rm -rf "$folder/node/clients/node/node_modules" "$folder/node/clients/node/generated"
    ln -s "$modules" "$folder/node/clients/node/node_modules"
    node "$folder/node/clients/node/generate.mjs"
    ln -s "$modules"/* "$folder/node/node_modules/"
    ln -sfn "$folder/node/clients/node" "$folder/node/node_modules/sagabase"
    cp "$1" "$folder/node/"
    program=$folder/node/$(basename "$1")
}
