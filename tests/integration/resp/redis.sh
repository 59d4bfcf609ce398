# A redis-server of the test's own. Source it behind testing.sh.

# start_redis [OPTION...]: sets REDIS_PORT; 1 if there is none.
start_redis() {
    command -v redis-server >/dev/null || return 1
    REDIS_PORT=$(/usr/bin/python3 -c '
import socket
with socket.socket() as listener:
    listener.bind(("127.0.0.1", 0))
    print(listener.getsockname()[1])')
    redis-server --bind 127.0.0.1 --port "$REDIS_PORT" --dir "$WORK" --databases 1 --save "" "$@" \
        >"$WORK/redis.out" 2>&1 &
    REDIS=$!
    SERVERS="$SERVERS $REDIS"
    wait_until redis_listens
}

redis_listens() {
    (exec 3<>"/dev/tcp/127.0.0.1/$REDIS_PORT") 2>/dev/null
}

# start_resp_server BINARY [OPTION...]: as start_server, and sets RESP_PORT.
start_resp_server() {
    start_server "$@" --in-memory --http-listen off --resp-listen 127.0.0.1:0 || return 1
    RESP_PORT=$(sed -n 's/^  redis .*port //p' "$WORK/server.out")
    test -n "$RESP_PORT"
}
