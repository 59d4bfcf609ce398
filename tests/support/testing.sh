# What the shell tests share: a throw-away server, the tools that are not from
# Debian, and one way to pass, fail and skip. Source it.
#
# SAGABASE_TOOLS names the folder that `bazel/setup tests` fills: python/ (a venv
# with grpcio and grpcio-tools), node/node_modules and bin/grpcurl.

set -u
export SAGABASE_HTTP_LISTEN="${SAGABASE_HTTP_LISTEN:-off}" # unless a test wants it

WORK=$(mktemp -d "${TEST_TMPDIR:-/tmp}/sagabase.XXXXXX")
SERVERS=""
FAILURES=0

leave() {
    for server in $SERVERS; do
        kill -9 "$server" 2>/dev/null || true # it may be gone
        wait "$server" 2>/dev/null || true    # or the shell would report the death
    done
    rm -rf "$WORK"
}
trap leave EXIT
trap 'exit 1' INT TERM

ok() {
    echo "ok - $1"
}

not_ok() {
    echo "not ok - $1: $2"
    FAILURES=$((FAILURES + 1))
}

# Says what could not be run and why. A CI must have everything.
skip() {
    if test "${CI:-}" = true; then
        not_ok "$1" "$2"
    else
        echo "skip - $1: $2"
    fi
}

# tool NAME PATH: sets TOOL to the tool, or skips the test and returns 1.
tool() {
    TOOL=${SAGABASE_TOOLS:-}/$2
    test -e "$TOOL" && return 0
    skip "$1" "there is no $TOOL; \`bazel/setup tests\` fetches it into \$SAGABASE_TOOLS"
    return 1
}

# Waits up to 60 s until the command succeeds.
wait_until() {
    deadline=$(($(date +%s) + 60))
    until "$@"; do
        test "$(date +%s)" -lt $deadline || return 1
        # Nothing to wait on but time: another process changes what is asked for.
        read -r -t 0.05 _ <>"$WORK/never" || true
    done
}
mkfifo "$WORK/never"

server_is_ready_or_gone() {
    grep -q '^listening on ' "$WORK/server.out" || ! kill -0 "$SERVER" 2>/dev/null
}

# start_server BINARY [OPTION...]: sets SERVER (its process) and ADDRESS. Its
# output goes to $WORK/server.out and $WORK/server.err.
start_server() {
    binary=$1
    shift
    : >"$WORK/server.out"
    "$binary" serve --listen 127.0.0.1:0 "$@" >"$WORK/server.out" 2>"$WORK/server.err" &
    SERVER=$!
    SERVERS="$SERVERS $SERVER"
    wait_until server_is_ready_or_gone
    ADDRESS=$(sed -n 's/^listening on //p' "$WORK/server.out" | head -1)
    if test -z "$ADDRESS"; then
        echo "the server did not start:" >&2
        cat "$WORK/server.err" >&2
        return 1
    fi
}

# Orderly: returns the server's exit status.
stop_server() {
    kill -TERM "$SERVER"
    wait "$SERVER"
}

# Ends the test.
conclude() {
    test "$FAILURES" -eq 0
    exit $?
}
