# For shell tests that need a server: source this. It needs $SAGABASE, the binary, and makes
# $folder, which is gone with the test, and $SAGABASE_SERVER.
set -euo pipefail

folder=$(mktemp -d "${TEST_TMPDIR:-/tmp}/sagabase.XXXXXX")
server=
unset NO_COLOR
export SAGABASE_HTTP_LISTEN="${SAGABASE_HTTP_LISTEN:-off}" # unless a test wants it

leave() {
    local code=$?
    [[ -z $server ]] || kill -9 "$server" 2> /dev/null || true
    if [[ $code != 0 && -s $folder/server.log ]]; then
        echo "--- the server's log" >&2
        tail -20 "$folder/server.log" >&2
    fi
    rm -rf "$folder"
}
trap leave EXIT

# A server keeps none of the test's files open: who waits for their end would wait for the server's.
close_inherited() {
    local file
    for file in /proc/self/fd/*; do
        file=${file##*/}
        [[ $file -le 2 || ! -e /proc/self/fd/$file ]] || eval "exec $file>&-"
    done
}

# start [PORT]: on the data of the test; returns once it listens.
start() {
    local line
    exec {told}< <(close_inherited && exec "$SAGABASE" serve --data "$folder/data" --listen "127.0.0.1:${1:-0}" \
        2>> "$folder/server.log")
    server=$!
    while read -r -t 60 -u "$told" line; do
        if [[ $line == "listening on "* ]]; then
            export SAGABASE_SERVER=${line#listening on }
            return
        fi
    done
    echo "the server does not listen" >&2
    exit 1
}

# stop [SIGNAL]: and wait for its end.
stop() {
    kill "-${1:-TERM}" "$server"
    # A process substitution cannot always be waited for; its output ends when it does.
    while read -r -t 60 -u "$told" _; do :; done
    server=
}
