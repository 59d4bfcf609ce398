#!/bin/bash
# /metrics and /health as operators use them, with Prometheus and promtool themselves.
#
# usage: metrics_test.sh SAGABASE

source tests/support/testing.sh
sagabase=$1
export SAGABASE_HTTP_LISTEN=127.0.0.1:0
start_server "$sagabase" --data "$WORK/data" --resp-listen 127.0.0.1:0 || exit 1
HTTP=$(sed -n 's|^  metrics  http://\(.*\)/metrics$|\1|p' "$WORK/server.out")

get() {
    curl --silent --show-error --max-time 20 "$@"
}

# value SERIES: as the server tells it now, 0 if it does not.
value() {
    get "http://$HTTP/metrics" | awk -v series="$1" '$1 == series { found = $2 } END { print found + 0 }'
}

# is NAME WANTED FOUND
is() {
    if test "$2" = "$3"; then ok "$1"; else not_ok "$1" "$3, not $2"; fi
}

# --- health

is "a server that serves is live" live "$(get "http://$HTTP/health/live")"
is "a server that serves is ready" ready "$(get "http://$HTTP/health/ready")"
is "an unknown path is not found" 404 "$(get -o /dev/null -w '%{http_code}' "http://$HTTP/x")"
is "nothing can be posted" 405 \
    "$(get -o /dev/null -w '%{http_code}' -d "$(head -c 100000 /dev/zero | tr '\0' x)" "http://$HTTP/metrics")"
is "a connection is kept" "1 0" \
    "$(get -o /dev/null -o /dev/null -w '%{num_connects} ' "http://$HTTP/health/live" "http://$HTTP/health/live" | xargs)"

# --- what is counted

for _ in 1 2 3; do
    "$sagabase" append order-1 --server "$ADDRESS" --type Placed --data 1 >/dev/null
done
"$sagabase" append order-1 --server "$ADDRESS" --type Placed --expect none >/dev/null 2>&1
calls='service="sagabase.v1.EventStore",method="AppendToStream"'
is "calls are counted by method and code" 3 "$(value "sagabase_rpc_duration_seconds_count{$calls,code=\"OK\"}")"
is "errors are, too" 1 "$(value "sagabase_rpc_duration_seconds_count{$calls,code=\"ABORTED\"}")"
is "events are counted" 3 "$(value sagabase_store_events)"
is "commits are counted" 3 "$(value sagabase_committed_events_total)"
commits=$(value sagabase_commit_seconds_count)
if test "$commits" -ge 3 && test "$(value sagabase_fsync_seconds_count)" -ge "$commits"; then
    ok "the fsync of each commit is timed"
else
    not_ok "the fsync of each commit is timed" "$commits commits, $(value sagabase_fsync_seconds_count) of them"
fi
is "conflicts are counted" 1 "$(value sagabase_refused_changes_total)"
is "RocksDB tells of itself" 3 "$(value 'sagabase_rocksdb_keys{family="log"}')"

"$sagabase" subscribe --server "$ADDRESS" >"$WORK/subscribed" 2>&1 &
SERVERS="$SERVERS $!"
parked() {
    test "$(value 'sagabase_subscriptions{state="parked"}')" = 1
}
if wait_until parked; then ok "a subscription is counted"; else not_ok "a subscription is counted" never; fi
is "who sleeps is not behind" 0 "$(value sagabase_subscription_behind_events_max)"

# --- clients of Redis, and the cache

RESP_PORT=$(sed -n 's/^  redis .*port //p' "$WORK/server.out")
printf 'SET a 1\r\nGET a\r\nGET nothing\r\nSET a\r\nNONSENSE\r\nSET snapshot:order-1 state REVISION 1\r\n*x\r\n' |
    timeout 20 bash -c 'exec 3<>"/dev/tcp/127.0.0.1/$0"; cat >&3; cat <&3' "$RESP_PORT" >"$WORK/replies"
is "commands of Redis clients are counted by name" 2 "$(value 'sagabase_resp_commands_total{command="get"}')"
is "invented ones together" 1 "$(value 'sagabase_resp_commands_total{command="unknown"}')"
is "what they are refused is counted by code" 2 "$(value 'sagabase_resp_errors_total{code="ERR"}')"
is "and what is no request" 1 "$(value sagabase_resp_protocol_errors_total)"
is "looks that memory answers are counted" 1 "$(value sagabase_cache_hits_total)"
is "and those that it does not" 1 "$(value sagabase_cache_misses_total)"
is "values in memory are counted" 1 "$(value 'sagabase_cache_entries{kind="value"}')"
is "and snapshots" 1 "$(value 'sagabase_cache_entries{kind="snapshot"}')"
saved() {
    test "$(value sagabase_cache_unsaved_bytes)" = 0
}
if wait_until saved; then ok "what waits for the disk is counted"; else not_ok "what waits for the disk is counted" never; fi

# --- limits

limits=$(get "http://$HTTP/metrics" | grep -c '^sagabase_limit_hits_total{')
if test "$limits" -ge 10; then ok "limits are counted from the start"; else not_ok "limits are counted from the start" "$limits"; fi
is "none was hit yet" 0 "$(get "http://$HTTP/metrics" | awk '/^sagabase_limit_hits_total/ { hits += $2 } END { print hits + 0 }')"
# --- series from users

series() {
    get "http://$HTTP/metrics" | grep -vc '^#'
}
call_unknown_methods() {
    "$SAGABASE_TOOLS/python/bin/python" - "$ADDRESS" <<'PYTHON'
import sys, grpc
with grpc.insecure_channel(sys.argv[1]) as channel:
    for i in range(300):
        try:
            channel.unary_unary(f"/sagabase.v1.EventStore/Invented{i}")(b"")
        except grpc.RpcError as error:
            assert error.code() == grpc.StatusCode.UNIMPLEMENTED, error
PYTHON
}
if tool "invented methods make no series" python/bin/python; then
    call_unknown_methods
    before=$(series)
    call_unknown_methods
    is "invented methods make no series" "$before" "$(series)"
    is "but they are counted" 600 \
        "$(value 'sagabase_rpc_duration_seconds_count{service="unknown",method="unknown",code="UNIMPLEMENTED"}')"
fi

# --- under load

"$sagabase" bench --server "$ADDRESS" --seconds 3 >"$WORK/bench.out" 2>&1 &
load=$!
scrapes=0
while kill -0 $load 2>/dev/null; do
    get "http://$HTTP/metrics" | grep -c '^process_open_fds ' >/dev/null || break
    scrapes=$((scrapes + 1))
done
wait $load || not_ok "the load goes on under scrapes" "$(cat "$WORK/bench.out")"
if test $scrapes -gt 3 && ! kill -0 $load 2>/dev/null; then
    ok "scrapes are answered under full load"
else
    not_ok "scrapes are answered under full load" "$scrapes of them"
fi

# --- more connections than there may be

exec 9<>"$WORK/never"
for _ in $(seq 100); do
    (exec 3<>"/dev/tcp/${HTTP%:*}/${HTTP#*:}" && read -r -t 3 _ <&3) 2>/dev/null &
done
crowd=$(value process_open_fds)
if test "$crowd" -lt 400; then ok "connections are bounded"; else not_ok "connections are bounded" "$crowd files"; fi
wait_until get -o /dev/null "http://$HTTP/health/live" || not_ok "the crowd does no harm" "no answer"

hit() {
    test "$(value "sagabase_limit_hits_total{limit=\"$1\"}")" -ge 1
}
if wait_until hit http_connections; then ok "connections that had to wait are counted"; else not_ok "connections that had to wait are counted" 0; fi
"$sagabase" append "$(head -c 40 /dev/zero | tr '\0' a)!" --server "$ADDRESS" --type Placed --data 1 >/dev/null
"$sagabase" read --all --server "$ADDRESS" --stream-regex '^(a+)+$' >/dev/null 2>&1
if hit filter_steps; then ok "filters that take too many steps are counted"; else not_ok "filters that take too many steps are counted" 0; fi

# --- Prometheus

if tool "promtool finds nothing wrong" bin/promtool; then
    if get "http://$HTTP/metrics" | "$TOOL" check metrics >"$WORK/check.out" 2>&1; then
        ok "promtool finds nothing wrong"
    else
        not_ok "promtool finds nothing wrong" "$(cat "$WORK/check.out")"
    fi
fi

scraped() {
    get "http://$PROMETHEUS/api/v1/query?query=sagabase_store_events" | grep -q '"result":\[{'
}
# Each expression of the dashboard, asked for as Grafana does.
ask_dashboard() {
    /usr/bin/python3 - "$PROMETHEUS" docs/grafana.json <<'PYTHON'
import json, re, sys, urllib.parse, urllib.request
asked = 0
panels = json.load(open(sys.argv[2]))["panels"]
places = {(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in panels}
assert len(places) == len(panels) == len({panel["id"] for panel in panels}), "panels share a place or an id"
for panel in panels:
    for target in panel.get("targets", []):
        query = target["expr"].replace("$__rate_interval", "5m")
        url = f"http://{sys.argv[1]}/api/v1/query?" + urllib.parse.urlencode({"query": query})
        answer = json.load(urllib.request.urlopen(url))
        assert answer["status"] == "success", (panel["title"], answer)
        names = re.findall(r"\b(?:sagabase|process)_\w+", query)
        assert names, query
        for name in names:
            url = f"http://{sys.argv[1]}/api/v1/query?" + urllib.parse.urlencode({"query": name})
            assert json.load(urllib.request.urlopen(url))["data"]["result"], f"no series {name}"
        asked += 1
assert asked >= 10, asked
PYTHON
}
if tool "Prometheus reads it" bin/prometheus; then
    printf 'global: {scrape_interval: 1s}\nscrape_configs: [{job_name: sagabase, static_configs: [{targets: ["%s"]}]}]\n' \
        "$HTTP" >"$WORK/prometheus.yml"
    PROMETHEUS=127.0.0.1:$(/usr/bin/python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
    "$TOOL" --config.file "$WORK/prometheus.yml" --storage.tsdb.path "$WORK/prometheus" \
        --web.listen-address "$PROMETHEUS" >"$WORK/prometheus.out" 2>&1 &
    SERVERS="$SERVERS $!"
    if wait_until scraped 2>/dev/null; then
        ok "Prometheus reads it"
        if ask_dashboard 2>"$WORK/dashboard.err"; then
            ok "Prometheus answers what the dashboard asks"
        else
            not_ok "Prometheus answers what the dashboard asks" "$(tail -3 "$WORK/dashboard.err")"
        fi
    else
        not_ok "Prometheus reads it" "$(tail -3 "$WORK/prometheus.out")"
    fi
fi

# --- what the documents name

names() {
    grep -oE '\b(sagabase|process)_[a-z_0-9]+' docs/observability.md | sort -u | grep -vE '^sagabase_(trace_|options$)'
}
get "http://$HTTP/metrics" >"$WORK/metrics"
unknown=$(for name in $(names); do grep -q "^# TYPE $name " "$WORK/metrics" || echo "$name"; done)
is "what the documents name is there" "" "$unknown"
test "$(names | wc -l)" -gt 20 || not_ok "the documents name metrics" "$(names)"

# --- a limit that is hit

test_of_limit() {
    start_server "$sagabase" --in-memory --queue-appends 1 || exit 1
    HTTP=$(sed -n 's|^  metrics  http://\(.*\)/metrics$|\1|p' "$WORK/server.out")
    "$sagabase" bench --server "$ADDRESS" --seconds 1 --clients 64 >/dev/null 2>&1
    value 'sagabase_limit_hits_total{limit="queue_appends"}'
    stop_server || not_ok "the small server ends well" "exit status $?"
}
hits=$(test_of_limit)
if test "$hits" -gt 0; then ok "a limit that is hit is counted"; else not_ok "a limit that is hit is counted" "$hits"; fi

# --- where it cannot listen

taken=$HTTP
if SAGABASE_HTTP_LISTEN=$taken timeout 20 "$sagabase" serve --in-memory --listen 127.0.0.1:0 \
    >"$WORK/second.out" 2>"$WORK/second.err"; then
    not_ok "a taken address that was asked for ends the start" "it serves"
elif grep -q "$taken: cannot be bound: Address already in use" "$WORK/second.err"; then
    ok "a taken address that was asked for ends the start"
else
    not_ok "a taken address that was asked for ends the start" "$(cat "$WORK/second.err")"
fi

stop_server || not_ok "the server ends well" "exit status $?"
conclude
