#!/bin/bash
# Traces from the client's header to a collector that is built on OpenTelemetry's own packages.
#
# usage: trace_test.sh SAGABASE RECEIVER CLIENT EVENT_STORE_PROTO

source tests/support/testing.sh
sagabase=$1 receiver=$2 client=$3
protos=$(realpath "${4%/sagabase/v1/event_store.proto}")
tool "traces" python/bin/python || conclude
python=$TOOL
if ! "$python" -c 'import opentelemetry.proto.trace.v1.trace_pb2' 2>/dev/null; then
    skip "traces" "there is no opentelemetry-proto in $python; \`bazel/setup tests\` fetches it"
    conclude
fi
export SAGABASE_HTTP_LISTEN=127.0.0.1:0 OTEL_BSP_SCHEDULE_DELAY=100

TRACE=4bf92f3577b34da6a3ce929d0e0e4736 PARENT=00f067aa0ba902b7
TRACEPARENT=00-$TRACE-$PARENT-01

# start_receiver BEHAVIOUR: sets RECEIVED, a folder, and ENDPOINT.
start_receiver() {
    RECEIVED=$(mktemp -d "$WORK/received.XXXXXX")
    touch "$RECEIVED/spans" "$RECEIVED/requests"
    "$python" "$receiver" "$RECEIVED" "$1" >"$RECEIVED/out" 2>&1 &
    RECEIVER=$!
    SERVERS="$SERVERS $RECEIVER"
    wait_until test -e "$RECEIVED/port" || not_ok "the receiver starts" "$(cat "$RECEIVED/out")"
    ENDPOINT=http://127.0.0.1:$(cat "$RECEIVED/port")
}

# start_traced [OPTION...]: a server that sends to the receiver; sets HTTP.
start_traced() {
    start_server "$sagabase" --in-memory --otlp-endpoint "$ENDPOINT" "$@" || exit 1
    HTTP=$(sed -n 's|^  metrics  http://\(.*\)/metrics$|\1|p' "$WORK/server.out")
}

value() {
    curl --silent --max-time 20 "http://$HTTP/metrics" |
        awk -v series="$1" '$1 == series { found = $2 } END { print found + 0 }'
}
reaches() { # SERIES AT_LEAST
    test "$(value "$1")" -ge "$2"
}
spans() { # AT_LEAST
    test "$(wc -l <"$RECEIVED/spans")" -ge "$1"
}
call() {
    "$python" "$client" "$protos" "$ADDRESS" "$@"
}
is() {
    if test "$2" = "$3"; then ok "$1"; else not_ok "$1" "$3, not $2"; fi
}
# check NAME PYTHON: an expression over `spans`, a list of what was received.
check() {
    if "$python" - "$RECEIVED/spans" "$2" 2>"$WORK/check.err" <<'PYTHON'; then ok "$1"; else not_ok "$1" "$(tail -5 "$WORK/check.err")"; fi
import json, sys
spans = [json.loads(line) for line in open(sys.argv[1])]
def named(name):
    return [span for span in spans if span["name"] == name]
appends, commits = named("sagabase.v1.EventStore/AppendToStream"), named("commit")
assert eval(f"({sys.argv[2]})"), spans
PYTHON
}

# --- one trace from client to disk

start_receiver take
OTEL_SERVICE_NAME=shop OTEL_RESOURCE_ATTRIBUTES='deployment.environment.name=a%20test,team=blue' \
    OTEL_EXPORTER_OTLP_HEADERS='Api-Key=geheim' start_traced
call append cart-1 traceparent=$TRACEPARENT tracestate=vendor=1,other=2 +colour=red
wait_until spans 2 || not_ok "spans arrive" "$(cat "$WORK/server.err")"
check "a call is a server span below the client's" \
    "[(s['trace'], s['parent'], s['kind'], s['status']) for s in appends] == [('$TRACE', '$PARENT', 2, 0)]"
check "a span carries the attributes of rpc and messaging" \
    "{'rpc.system': 'grpc', 'rpc.service': 'sagabase.v1.EventStore', 'rpc.method': 'AppendToStream',
      'rpc.grpc.status_code': 0, 'messaging.system': 'sagabase', 'messaging.operation.type': 'send',
      'messaging.destination.name': 'cart-1', 'messaging.batch.message_count': 1} == appends[0]['attributes']"
check "a commit is a span below the append, and linked to it" \
    "[(s['trace'], s['parent'], s['links']) for s in commits] ==
     [('$TRACE', appends[0]['span'], [['$TRACE', appends[0]['span']]])]"
check "a commit carries the attributes of db" \
    "commits[0]['attributes']['db.system.name'] == 'memory' and
     commits[0]['attributes']['db.operation.name'] == 'commit'"
check "spans end after they began" "all(s['start'] <= s['end'] for s in spans)"
check "the resource is what the variables say" \
    "all(s['resource']['service.name'] == 'shop' and s['resource']['team'] == 'blue' and
         s['resource']['deployment.environment.name'] == 'a test' for s in spans)"
is "headers are sent" geheim \
    "$("$python" -c 'import json, sys; print(json.loads(open(sys.argv[1]).readline())["api-key"])' "$RECEIVED/requests")"
is "subscribers get the trace in the event's metadata" \
    "{\"colour\": \"red\", \"traceparent\": \"$TRACEPARENT\", \"tracestate\": \"vendor=1,other=2\"}" \
    "$(call metadata cart-1)"
own=00-11111111111111111111111111111111-2222222222222222-01
call append cart-1 traceparent=$TRACEPARENT tracestate=vendor=1 +traceparent=$own
is "a trace of the event's own stays" "{\"traceparent\": \"$own\"}" "$(call metadata cart-1)"

# --- what is malformed is as if it were not there

for header in 00-$TRACE-$PARENT 00-$TRACE-$PARENT-01-more ff-$TRACE-$PARENT-01 00-${TRACE^^}-$PARENT-01 \
    00-00000000000000000000000000000000-$PARENT-01 00-$TRACE-0000000000000000-01 garbage; do
    call append cart-2 "traceparent=$header" tracestate=vendor=1
    is "malformed and ignored: $header" "{}" "$(call metadata cart-2)"
done
call append cart-2 "traceparent=cc-$TRACE-$PARENT-09-what-will-be"
is "a later version is read as far as we know it" "{\"traceparent\": \"$TRACEPARENT\"}" "$(call metadata cart-2)"
call append cart-2 "traceparent=$TRACEPARENT" "tracestate=$(head -c 600 /dev/zero | tr '\0' x)"
is "a tracestate that is too long is left out" "{\"traceparent\": \"$TRACEPARENT\"}" "$(call metadata cart-2)"
check "without a parent a call begins a trace" "any(s['parent'] == '' and s['trace'] != '$TRACE' for s in appends)"
call append cart-2 "traceparent=00-33333333333333333333333333333333-$PARENT-00"
call append cart-2 "traceparent=00-44444444444444444444444444444444-$PARENT-01"
seen() {
    grep -q 44444444444444444444444444444444 "$RECEIVED/spans"
}
wait_until seen || not_ok "a sampled trace is sent" "it is not"
check "a trace that its parent does not sample is not sent" "not any(s['trace'] == '3' * 32 for s in spans)"

# --- many in one commit

call many cart-3 200 traceparent=$TRACEPARENT
all_linked() {
    test "$(value 'sagabase_trace_spans_total{result="sent"}')" = "$(wc -l <"$RECEIVED/spans")" &&
        test "$(grep -c 'cart-3' "$RECEIVED/spans")" -ge 200
}
wait_until all_linked || not_ok "spans of many appends arrive" "$(wc -l "$RECEIVED/spans")"
check "each append is linked from exactly one commit" \
    "sorted(s['span'] for s in appends) == sorted(link[1] for c in commits for link in c['links'])
     if not any(c['dropped_links'] for c in commits) else True"
stop_server || not_ok "the server ends well" "exit status $?"
check "what was queued is sent at the end" \
    "len([s for s in appends if s['attributes']['messaging.destination.name'] == 'cart-3']) == 200"

# --- sampling, and off

start_traced --otel-traces-sampler always_off
call append cart-1 traceparent=$TRACEPARENT
is "always_off keeps the client's trace with the event" "{\"traceparent\": \"$TRACEPARENT\"}" "$(call metadata cart-1)"
before=$(wc -l <"$RECEIVED/spans")
stop_server || not_ok "the server ends well" "exit status $?"
is "always_off sends nothing" "$before" "$(wc -l <"$RECEIVED/spans")"
OTEL_TRACES_SAMPLER=nonsense OTEL_BSP_MAX_QUEUE_SIZE=-1 start_traced
if grep -q 'WARN traces ignored setting=OTEL_TRACES_SAMPLER ' "$WORK/server.err" &&
    grep -q 'setting=OTEL_BSP_MAX_QUEUE_SIZE ' "$WORK/server.err"; then
    ok "settings that are not understood are told and ignored"
else
    not_ok "settings that are not understood are told and ignored" "$(cat "$WORK/server.err")"
fi
stop_server || not_ok "the server ends well" "exit status $?"
OTEL_SDK_DISABLED=true start_traced
is "disabled, there is nothing to count" 0 "$(value 'sagabase_trace_exports_total')"
stop_server || not_ok "the server ends well" "exit status $?"

# --- a receiver that is busy, refuses, takes some, is slow, is not there

start_receiver busy
start_traced
call append cart-1
wait_until spans 1 || not_ok "a busy receiver is asked again" "$(cat "$RECEIVED/requests")"
if test "$(value sagabase_trace_exports_total)" -ge 4; then ok "a busy receiver is asked again"; else not_ok "a busy receiver is asked again" "$(value sagabase_trace_exports_total)"; fi
stop_server || not_ok "the server ends well" "exit status $?"

start_receiver refuse
start_traced
call append cart-1
if wait_until reaches 'sagabase_trace_spans_total{result="dropped_not_sent"}' 1; then
    ok "what is refused is dropped and counted"
else
    not_ok "what is refused is dropped and counted" "$(value sagabase_trace_exports_total)"
fi
if grep -q 'WARN traces dropped spans=.* code=INVALID_ARGUMENT cause="not today"' "$WORK/server.err"; then
    ok "and told"
else
    not_ok "and told" "$(cat "$WORK/server.err")"
fi
stop_server || not_ok "the server ends well" "exit status $?"

start_receiver partial
start_traced
call append cart-1
if wait_until reaches 'sagabase_trace_spans_total{result="rejected"}' 1; then
    ok "what a receiver rejects is counted"
else
    not_ok "what a receiver rejects is counted" 0
fi
stop_server || not_ok "the server ends well" "exit status $?"

# --- TLS: the receiver asks for a certificate, and is asked for one

if openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=collector \
    -addext subjectAltName=IP:127.0.0.1 -keyout "$WORK/key.pem" -out "$WORK/cert.pem" 2>"$WORK/openssl.err"; then
    RECEIVER_TLS=$WORK start_receiver take
    ENDPOINT=https://127.0.0.1:${ENDPOINT##*:} # a name would be looked up by c-ares, which leaks it
    start_traced --otlp-certificate "$WORK/cert.pem" --otlp-client-certificate "$WORK/cert.pem" \
        --otlp-client-key "$WORK/key.pem"
    call append cart-1
    if wait_until spans 2; then ok "spans go by TLS, both sides known"; else not_ok "spans go by TLS, both sides known" "$(cat "$WORK/server.err")"; fi
    stop_server || not_ok "the server ends well" "exit status $?"
    start_traced --otlp-client-certificate "$WORK/cert.pem" --otlp-client-key "$WORK/key.pem" \
        --otel-bsp-export-timeout 500
    call append cart-1
    if wait_until reaches 'sagabase_trace_spans_total{result="dropped_not_sent"}' 2; then
        ok "a receiver that nobody vouches for gets none"
    else
        not_ok "a receiver that nobody vouches for gets none" "$(cat "$RECEIVED/requests")"
    fi
    stop_server || not_ok "the server ends well" "exit status $?"
else
    not_ok "a certificate is made" "$(cat "$WORK/openssl.err")"
fi

# fills NAME: appends go on while nothing can be sent, and spans without room are counted.
fills() {
    call many cart-1 300
    if wait_until reaches 'sagabase_limit_hits_total{limit="trace_queue"}' 1; then
        ok "$1: spans without room are dropped and counted"
    else
        not_ok "$1: spans without room are dropped and counted" "$(value 'sagabase_trace_queue_spans')"
    fi
    is "$1: nobody waits for a trace" 300 "$(value sagabase_store_events)"
    started=$SECONDS
    stop_server || not_ok "$1: the server ends well" "exit status $?"
    if test $((SECONDS - started)) -le 20; then ok "$1: the end comes in time"; else not_ok "$1: the end comes in time" "$((SECONDS - started)) s"; fi
}
start_receiver slow
start_traced --otel-bsp-max-queue-size 64 --otlp-timeout 120000 --otel-bsp-export-timeout 120000
fills "a slow receiver"
kill -9 "$RECEIVER"
wait "$RECEIVER" 2>/dev/null
start_traced --otel-bsp-max-queue-size 64
fills "a receiver that is down"
conclude
