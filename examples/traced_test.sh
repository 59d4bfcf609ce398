#!/bin/bash
# The traced deployment, started by its command: one trace goes from an append through a subscriber, a saga
# and two participants in two languages; Prometheus has read the server; the end leaves nothing behind.
#
# usage: traced_test.sh SAGABASE

source tests/support/testing.sh
run=(examples/traced/run --sagabase "$1")

"${run[@]}" --orders none >"$WORK/out" 2>&1
if grep -q -- '--orders none: a number' "$WORK/out"; then
    ok "a wrong option is told"
else
    not_ok "a wrong option is told" "$(cat "$WORK/out")"
fi

names=(sagabase metrics otlp collector prometheus zipkin)
mapfile -t free < <(/usr/bin/python3 - ${#names[@]} <<'PYTHON'
import socket, sys
every = [socket.create_server(("127.0.0.1", 0)) for _ in range(int(sys.argv[1]))]
print(*(one.getsockname()[1] for one in every), sep="\n")
PYTHON
)
declare -A port
for i in "${!names[@]}"; do
    port[${names[i]}]=${free[i]}
    run+=(--port "${names[i]}=${free[i]}")
done

if SAGABASE_TOOLS=$WORK/none "${run[@]}" >"$WORK/out" 2>&1; then
    not_ok "a missing tool is told" "it was started"
elif grep -q "there is no $WORK/none/.*bazel/setup tests" "$WORK/out"; then
    ok "a missing tool is told"
else
    not_ok "a missing tool is told" "$(cat "$WORK/out")"
fi

if tool "alerts fire when they should" bin/promtool; then
    if "$TOOL" test rules examples/traced/rules_test.yml >"$WORK/out" 2>&1; then
        ok "alerts fire when they should"
    else
        not_ok "alerts fire when they should" "$(cat "$WORK/out")"
    fi
fi

for needed in bin/otelcol bin/prometheus zipkin/zipkin.jar python/bin/python node/node_modules; do
    tool "the traced deployment" $needed || conclude
done
"${run[@]}" --orders 5 --data "$WORK/data" >"$WORK/out" 2>&1 &
deployment=$!

# eventually COMMAND...: waits until it succeeds, or fails once the deployment has ended.
eventually() {
    wait_until true_or_ended "$@" && "$@"
}
true_or_ended() {
    "$@" || ! kill -0 $deployment
} 2>/dev/null

started() {
    grep -q 'Ctrl-C ends it' "$WORK/out"
}
eventually started || eventually started # a JVM takes its time on a busy machine
if ! started; then
    not_ok "one command starts all" "$(cat "$WORK/out")"
    kill $deployment 2>/dev/null
    conclude
fi
ok "one command starts all"

get() { # name path
    curl --silent --show-error --fail --max-time 20 "http://127.0.0.1:${port[$1]}$2"
}

# crossed SPAN...: whether one whole trace has spans of all these names, and of all programs.
crossed() {
    get zipkin '/api/v2/traces?serviceName=shop&limit=100' >"$WORK/traces" &&
        /usr/bin/python3 - "$WORK/traces" "$@" <<'PYTHON'
import json, sys
def crosses(spans):
    programs = {span["localEndpoint"]["serviceName"] for span in spans}
    names = {span["name"] for span in spans}
    ids = {span["id"] for span in spans}
    orphans = [span for span in spans if span.get("parentId", span["id"]) not in ids]
    return programs == {"shop", "orders", "sagabase", "credit", "stock"} and names >= set(sys.argv[2:]) and not orphans
sys.exit(not any(crosses(spans) for spans in json.load(open(sys.argv[1]))))
PYTHON
}
if eventually crossed 'place order' 'take order' 'saga order' 'step credit' 'handle reservecredit' 'step stock' 'handle reservestock' \
    'walk to the shelf' 'handle shiporder' commit; then
    ok "one trace shows an order go from an append to a subscriber, a saga, Python and Node"
else
    not_ok "one trace shows an order go from an append to a subscriber, a saga, Python and Node" "$(head -c 3000 "$WORK/traces")"
fi
if eventually crossed 'handle reservestock' 'undo credit' 'handle releasecredit'; then
    ok "another one shows how an order is undone"
else
    not_ok "another one shows how an order is undone" "$(head -c 3000 "$WORK/traces")"
fi

# above METRIC: whether Prometheus has seen it above 0.
above() {
    get prometheus "/api/v1/query?query=$1%3E0" | grep -q '"result":\[{'
}
for metric in sagabase_sagas_started_total sagabase_saga_replies_total otelcol_exporter_sent_spans_total; do
    if eventually above $metric; then
        ok "Prometheus has $metric"
    else
        not_ok "Prometheus has $metric" "$(get prometheus /api/v1/targets)"
    fi
done
evaluated() {
    rules=$(get prometheus /api/v1/rules)
    [[ $rules == *'"health":"ok"'* && $rules != *'"health":"unknown"'* ]]
}
if eventually evaluated && [[ $rules != *'"health":"err"'* && $rules != *'"state":"firing"'* ]]; then
    ok "all rules can be evaluated, and no alert fires"
else
    not_ok "all rules can be evaluated, and no alert fires" "$rules"
fi
if get prometheus /consoles/sagabase.html >"$WORK/page" && grep -q '"legendFormat": "\[\[method\]\]"' "$WORK/page"; then
    ok "Prometheus serves the dashboard"
else
    not_ok "Prometheus serves the dashboard" "$(head -c 500 "$WORK/page")"
fi

kill $deployment
wait $deployment
code=$?
left=
for name in "${names[@]}"; do
    (: <"/dev/tcp/127.0.0.1/${port[$name]}") 2>/dev/null && left="$left $name"
done
if test $code = 0 && test -z "$left" && test -d "$WORK/data/store"; then
    ok "it ends, and keeps what it was told to keep"
else
    not_ok "it ends, and keeps what it was told to keep" "exit code $code, still there:$left; $(cat "$WORK/out")"
fi
conclude
