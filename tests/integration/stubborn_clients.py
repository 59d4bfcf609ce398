"""Clients that vanish, never read, or speak no gRPC: the server answers the others.

usage: stubborn_clients.py PROTO_FOLDER HOST:PORT SERVER_PID
"""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import uuid

import grpc
from grpc_tools import protoc

VANISHING = 20
NEVER_READING = 20
SILENT = 200
APPENDS = 60
APPEND_BYTES = 700_000
# Every subscriber that never reads may hold what its connection's windows let through,
# about 4 MiB; all that is stored, for each of them, would be 840 MB.
GROWTH_MAX_MB = 300
PATIENCE_S = 30


def generate_stubs(proto_folder):
    target = tempfile.mkdtemp(prefix="sagabase-stubs.")
    arguments = ["protoc", "-I" + proto_folder, "--python_out=" + target]
    protoc.main(arguments + ["--grpc_python_out=" + target, "sagabase/v1/event_store.proto"])
    return target


def connect(address):
    from sagabase.v1 import event_store_pb2_grpc

    options = [("grpc.use_local_subchannel_pool", 1)]
    return event_store_pb2_grpc.EventStoreStub(grpc.insecure_channel(address, options=options))


def append(store, size=10):
    from sagabase.v1 import event_store_pb2 as api

    event = api.ProposedEvent(id=str(uuid.uuid4()), type="Sent", data=b"x" * size)
    request = api.AppendToStreamRequest(stream="s-1", state=api.STREAM_STATE_ANY, events=[event])
    return store.AppendToStream(request, timeout=PATIENCE_S)


def memory_mb(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        for line in status:
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) / 1024
    raise ValueError("no VmRSS")


def vanish(address):
    """A client of its own, killed in the middle of what it reads and of what it sends."""
    program = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "import grpc, threading\n"
        "from sagabase.v1 import event_store_pb2 as api, event_store_pb2_grpc\n"
        "store = event_store_pb2_grpc.EventStoreStub(grpc.insecure_channel(sys.argv[2]))\n"
        "never = threading.Event()\n"
        "def requests():\n"
        "    yield api.AppendSessionRequest(correlation_id=1)\n"
        "    never.wait()\n"
        "session = store.AppendSession(requests())\n"
        "next(session)\n"
        "for message in store.Subscribe(api.SubscribeRequest()):\n"
        "    print('reading', flush=True)\n"
    )
    command = [sys.executable, "-c", program, sys.path[0], address]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as client:
        client.stdout.readline()
        os.kill(client.pid, signal.SIGKILL)


def clients_that_vanish(address, _pid):
    for _ in range(VANISHING):
        vanish(address)
    append(connect(address))


def clients_that_never_read(address, pid):
    from sagabase.v1 import event_store_pb2 as api

    store = connect(address)
    for _ in range(APPENDS):
        append(store, APPEND_BYTES)
    before_mb = memory_mb(pid)
    stubborn = []
    for _ in range(NEVER_READING):
        other = connect(address)
        stubborn.append(other.Subscribe(api.SubscribeRequest()))
        stubborn.append(other.ReadAll(api.ReadAllRequest()))
    for _ in range(APPENDS):
        append(store)
    pages = store.ReadAll(api.ReadAllRequest(), timeout=PATIENCE_S)
    events = sum(len(page.events) for page in pages)
    growth_mb = memory_mb(pid) - before_mb
    for call in stubborn:
        call.cancel()
    assert events >= 2 * APPENDS, f"only {events} events were read"
    assert growth_mb < GROWTH_MAX_MB, f"the server grew by {growth_mb:.0f} MB"


def peers_that_speak_no_grpc(address, _pid):
    host, port = address.rsplit(":", 1)
    words = [b"", b"PRI * HTTP/2.0\r\n", b"GET / HTTP/1.1\r\n\r\n", b"\0" * 4096, os.urandom(65536)]
    sockets = []
    for i in range(SILENT):
        peer = socket.create_connection((host, int(port)), timeout=PATIENCE_S)
        try:
            peer.sendall(words[i % len(words)])
        except OSError:
            pass  # it hung up on us, which is its right
        sockets.append(peer)
    append(connect(address))
    for peer in sockets:
        peer.close()
    append(connect(address))


def main():
    proto_folder, address, pid = sys.argv[1:]
    sys.path.insert(0, generate_stubs(proto_folder))
    failures = 0
    for case in (clients_that_vanish, clients_that_never_read, peers_that_speak_no_grpc):
        name = case.__name__.replace("_", " ") + " leave a server that answers others"
        try:
            case(address, int(pid))
            print(f"ok - {name}")
        except (AssertionError, OSError, grpc.RpcError) as error:
            failures += 1
            print(f"not ok - {name}: {str(error)[:300]!r}")
    sys.stdout.flush()
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
