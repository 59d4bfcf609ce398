#!/bin/bash
# The log of a running server.
#
# usage: log_test.sh SAGABASE

source tests/support/testing.sh
sagabase=$1
start_server "$sagabase" --in-memory --log-format json || exit 1

is_json() {
    /usr/bin/python3 - "$WORK/server.err" <<'PYTHON'
import json, sys
lines = [json.loads(line) for line in open(sys.argv[1])]
assert any(line["event"] == "started" and line["port"] > 0 for line in lines), lines
assert all(line["level"] in ("ERROR", "WARN", "INFO", "DEBUG") for line in lines), lines
PYTHON
}
if is_json 2>"$WORK/error"; then ok "each line is one JSON object"; else not_ok "each line is one JSON object" "$(cat "$WORK/error")"; fi

subscribe_once() {
    timeout 20 "$sagabase" subscribe --server "$ADDRESS" --count 1 >/dev/null
}
"$sagabase" append a-1 --server "$ADDRESS" --type X --data secret-payload >/dev/null
subscribe_once
grep -q '"level":"DEBUG"' "$WORK/server.err" && not_ok "debug lines wait for their level" "$(cat "$WORK/server.err")"
answer=$("$sagabase" log-level debug --server "$ADDRESS")
if test "$answer" = "info -> debug"; then ok "the level is changed while it serves"; else not_ok "the level is changed while it serves" "$answer"; fi
subscribe_once
told() {
    grep -q '"level":"DEBUG","component":"subscription","event":"confirmed"' "$WORK/server.err"
}
if wait_until told; then ok "then debug lines are written"; else not_ok "then debug lines are written" "$(cat "$WORK/server.err")"; fi
"$sagabase" append a-1 --server "$ADDRESS" --type X --data secret-payload >/dev/null
answered() {
    grep -q '"component":"rpc","event":"answered","method":"sagabase.v1.EventStore/AppendToStream","code":"OK","duration_us":' \
        "$WORK/server.err"
}
if wait_until answered; then ok "a call is a line at debug"; else not_ok "a call is a line at debug" "$(cat "$WORK/server.err")"; fi
answer=$("$sagabase" log-level error --json --server "$ADDRESS")
if test "$answer" = '{"before":"debug","now":"error"}'; then ok "and back"; else not_ok "and back" "$answer"; fi
if grep -q secret-payload "$WORK/server.err"; then not_ok "no payload is logged" "$(cat "$WORK/server.err")"; else ok "no payload is logged"; fi
if is_json 2>"$WORK/error"; then ok "gRPC's lines are JSON, too"; else not_ok "gRPC's lines are JSON, too" "$(cat "$WORK/error")"; fi
if "$sagabase" log-level loud --server "$ADDRESS" 2>"$WORK/error"; then
    not_ok "an unknown level is refused" "it is not"
else
    ok "an unknown level is refused"
fi

stop_server || not_ok "the server ends well" "exit status $?"

# --- SIGHUP

hang_up() {
    kill -HUP "$SERVER"
    wait_until grep -q "$1" "$WORK/server.err"
}
level() { # prints the level that was, and leaves it as it is
    "$sagabase" log-level info --server "$ADDRESS" | cut -d' ' -f1
}
echo "log-level: info" >"$WORK/sagabase.yaml"
start_server "$sagabase" --in-memory --config "$WORK/sagabase.yaml" || exit 1
echo "log-level: debug" >"$WORK/sagabase.yaml"
if hang_up 'INFO server reread log_level=debug' && test "$(level)" = debug; then
    ok "on SIGHUP the level is read again"
else
    not_ok "on SIGHUP the level is read again" "$(cat "$WORK/server.err")"
fi
echo "log-level: loud" >"$WORK/sagabase.yaml"
if hang_up 'WARN server not_reread cause=' && test "$(level)" = info; then
    ok "a wrong file changes nothing and ends nobody"
else
    not_ok "a wrong file changes nothing and ends nobody" "$(cat "$WORK/server.err")"
fi
stop_server || not_ok "the server ends well after SIGHUP" "exit status $?"
conclude
