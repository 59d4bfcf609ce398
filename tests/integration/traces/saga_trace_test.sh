#!/bin/bash
# One trace from who starts a saga through the server to its participants in two languages, as
# OpenTelemetry's own collector receives it.
#
# usage: saga_trace_test.sh SAGABASE EVENT_STORE_PROTO FOLDER PACKAGE_FILE...  (FOLDER: of the programs)

source tests/support/testing.sh
source tests/support/packages.sh
sagabase=$(realpath "$1") proto=$2 programs=$(realpath "$3")
shift 3
tool "traces of sagas" bin/otelcol || conclude
collector=$TOOL
tool "traces of sagas" node/node_modules/@opentelemetry/sdk-trace-node || conclude
modules=${TOOL%/@opentelemetry/*}
tool "traces of sagas" python/bin/python || conclude
python=$TOOL
if ! "$python" -c 'import opentelemetry.sdk.trace' 2>/dev/null; then
    skip "traces of sagas" "there is no opentelemetry-sdk in $python; \`bazel/setup tests\` fetches it"
    conclude
fi
checkout "$proto" "$@"
mkdir "$WORK/app"
cp "$programs"/*.mjs "$WORK/app/"
install_node_package "$modules" "$WORK/app" & # takes longest
installing=$!
install_python_package "$python" || exit 1

# --- a collector that writes what it gets to a file

port=$("$python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
cat >"$WORK/collector.yaml" <<YAML
receivers: {otlp: {protocols: {grpc: {endpoint: "127.0.0.1:$port"}}}}
exporters: {file: {path: "$WORK/spans.json"}}
service:
  telemetry: {metrics: {level: none}}
  pipelines: {traces: {receivers: [otlp], exporters: [file]}}
YAML
"$collector" --config "$WORK/collector.yaml" >"$WORK/collector.log" 2>&1 &
COLLECTOR=$!
SERVERS="$SERVERS $COLLECTOR"
wait_until grep -q 'Everything is ready' "$WORK/collector.log" || not_ok "the collector starts" "$(tail -5 "$WORK/collector.log")"
export OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:$port OTEL_BSP_SCHEDULE_DELAY=100

serve() {
    SAGABASE_HTTP_LISTEN=127.0.0.1:0 OTEL_SERVICE_NAME=sagabase start_server "$sagabase" --data "$WORK/data" || exit 1
}
python() {
    OTEL_SERVICE_NAME=payments "$python" "$programs/saga_trace.py" "$@"
}
is() {
    if test "$2" = "$3"; then ok "$1"; else not_ok "$1" "$3, not $2"; fi
}
# part NAME COMMAND...: a participant; sets PARTICIPANTS.
part() {
    local name=$1
    shift
    OTEL_SERVICE_NAME=$name "$@" "$WORK/$name.ready" >"$WORK/$name.log" 2>&1 &
    PARTICIPANTS="$PARTICIPANTS $!"
    SERVERS="$SERVERS $!"
    wait_until test -e "$WORK/$name.ready" || not_ok "$name takes part" "$(cat "$WORK/$name.log")"
}

serve
python start "$ADDRESS" kept=traced
stop_server || not_ok "the server ends well" "exit status $?"
serve
wait "$installing" || exit 1
PARTICIPANTS=""
part payments "$python" "$programs/saga_trace.py" serve "$ADDRESS"
cd "$WORK/app" || exit 1
part shipping node saga_trace.mjs "$ADDRESS"
python start "$ADDRESS" good=traced bad=traced alone=untraced
is "sagas come to their ends, also one that was started before a restart" \
    "kept COMPLETED good COMPLETED bad COMPENSATED alone COMPLETED" \
    "$(python wait "$ADDRESS" kept good bad alone | xargs)"
python start "$ADDRESS" unsampled=unsampled
is "one that is not sampled does, too" "unsampled COMPLETED" "$(python wait "$ADDRESS" unsampled)"
# shellcheck disable=SC2016 # the $ is of the stream
python metadata "$ADDRESS" payment-good '$cmd-shipping' >"$WORK/traceparents"
{ read -r with_reply && read -r unsampled; } <"$WORK/traceparents"
is "what is not sampled is handed on as it came" 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00 "$unsampled"

# metric SERIES: as the server tells it.
metric() {
    curl --silent --max-time 20 "$(sed -n 's|^  metrics  ||p' "$WORK/server.out")" |
        awk -v series="$1" '$1 == series { found = $2 } END { print found + 0 }'
}
is "each attempt that was handed out has been waited for" 12 \
    "$(metric sagabase_command_schedule_to_start_seconds_count)"
is "sagas are counted by their ends" "4 1 0" \
    "$(for end in completed compensated terminated; do metric "sagabase_sagas_ended_total{status=\"$end\"}"; done | xargs)"

# Who ends sends what it still has.
end_participants() {
    for participant in $PARTICIPANTS; do
        kill "$participant"
        wait "$participant" || not_ok "the participants end well" "$(cat "$WORK"/*.log)"
    done
    PARTICIPANTS=""
}
end_participants

# --- where OpenTelemetry is not installed

rm "$WORK/app/node_modules/@opentelemetry"
part plain-python "$python" "$programs/plain_participant.py" "$ADDRESS"
part plain-node node plain_participant.mjs "$ADDRESS"
python start "$ADDRESS" plain=traced
is "participants need no OpenTelemetry" "plain COMPLETED" "$(python wait "$ADDRESS" plain)"
# shellcheck disable=SC2016 # the $ is of the stream
python metadata "$ADDRESS" '$cmd-payments' called-python sent-python >"$WORK/python.traces"
# shellcheck disable=SC2016
python metadata "$ADDRESS" '$cmd-shipping' called-node sent-node >"$WORK/node.traces"
for language in python node; do
    if grep -q '^00-.*-01$' "$WORK/$language.traces" && test "$(sort -u "$WORK/$language.traces" | wc -l)" = 1; then
        ok "$language: what a handler appends carries its command's trace, in a session, too"
    else
        not_ok "$language: what a handler appends carries its command's trace, in a session, too" "$(cat "$WORK/$language.traces")"
    fi
done
end_participants
stop_server || not_ok "the server ends well" "exit status $?"
kill "$COLLECTOR"
wait "$COLLECTOR" || not_ok "the collector ends well" "$(tail -5 "$WORK/collector.log")"
"$python" "$programs/check_spans.py" "$WORK/spans.json" || FAILURES=$((FAILURES + 1))
if grep -q "\"spanId\":\"$(cut -d- -f3 <<<"$with_reply")\"[^}]*\"name\":\"handle TakeMoney\"" "$WORK/spans.json"; then
    ok "events that come with a reply carry the trace of the participant"
else
    not_ok "events that come with a reply carry the trace of the participant" "$with_reply"
fi
conclude
