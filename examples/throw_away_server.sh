# A server for an example, in a folder that is gone afterwards. Source it with $sagabase set.

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

# Waits until it tells its address, and leaves that in $SAGABASE_SERVER.
start_server() {
    local line told=()
    exec {told_by}< <(exec "$sagabase" serve --data "$folder/data" --listen 127.0.0.1:0 \
        --http-listen off --resp-listen off 2>&1)
    started+=($!)
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
