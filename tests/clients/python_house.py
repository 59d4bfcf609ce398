"""What the behaviours of the Python package are tried on: a server that can be killed, a proxy that
can lose answers, a server that is just ending."""

import concurrent.futures
import re
import socket
import subprocess
import threading

import grpc

from sagabase import Event, RecordedEvent, Retry, connect

PATIENT = Retry(attempts=500, delay=0.02, delay_max=0.2)


class Server:
    """`sagabase serve` on a data folder, which outlives its process."""

    def __init__(self, binary, folder):
        self.command = [binary, "serve", "--data", folder, "--listen", "127.0.0.1:0"]
        self.start()

    def start(self):
        self.process = subprocess.Popen(
            self.command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        told = []
        for line in self.process.stdout:
            told.append(line)
            found = re.match(r"listening on (\S+)$", line)
            if found:
                self.address = found[1]
                threading.Thread(target=self.process.stdout.read, daemon=True).start()
                return
        raise RuntimeError("the server did not start: " + "".join(told))

    def kill(self):
        self.process.kill()
        self.process.wait()


class Proxy:
    """Stays at its address while servers come and go, and can lose answers."""

    def __init__(self, server):
        self.server = server
        self.lock = threading.Lock()
        self.links = []  # [client's socket, server's socket, whether answers are lost]
        self.door = socket.create_server(("127.0.0.1", 0))
        self.address = "127.0.0.1:%d" % self.door.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            near = self.door.accept()[0]
            host, port = self.server.address.rsplit(":", 1)
            try:
                far = socket.create_connection((host, int(port)))
            except OSError:
                near.close()
                continue
            link = [near, far, False]
            with self.lock:
                self.links.append(link)
            threading.Thread(target=self.carry, args=(link, near, far), daemon=True).start()
            threading.Thread(target=self.carry, args=(link, far, near), daemon=True).start()

    def carry(self, link, source, target):
        try:
            while True:
                some = source.recv(65536)
                if not some:
                    break
                if not (link[2] and source is link[1]):
                    target.sendall(some)
        except OSError:
            pass
        self.cut(link)

    def cut(self, link):
        for end in link[:2]:
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def lose_answers(self):
        """Of the connections that there are; later ones are whole."""
        with self.lock:
            for link in self.links:
                link[2] = True

    def cut_all(self):
        with self.lock:
            links, self.links = self.links, []
        for link in links:
            self.cut(link)


class EndingServer(grpc.GenericRpcHandler):
    """Resets the first call of each method, as gRPC's core does when a call arrives in the very
    moment in which its server ends; the others it hands to the true server."""

    def __init__(self, server):
        self.true = grpc.insecure_channel(server.address)
        self.requests = {}  # by method, as bytes
        self.pool = concurrent.futures.ThreadPoolExecutor(8)
        self.server = grpc.server(self.pool, handlers=[self])
        self.address = "127.0.0.1:%d" % self.server.add_insecure_port("127.0.0.1:0")
        self.server.start()

    def service(self, details):
        name = details.method.rsplit("/", 1)[1]
        requests = self.requests.setdefault(name, [])

        def handle(request, context):
            requests.append(request)
            if len(requests) == 1:
                context.abort(grpc.StatusCode.CANCELLED, "CANCELLED")
            call = self.true.unary_stream(details.method)(request)
            context.add_callback(call.cancel)
            yield from call

        return grpc.unary_stream_rpc_method_handler(handle)

    def close(self):
        self.server.stop(0).wait()
        self.true.close()


class House:
    """What the behaviours are tried on."""

    def __init__(self, binary, folder):
        self.server = Server(binary, folder)
        self.proxy = Proxy(self.server)
        self.store = connect(self.proxy.address, retry=PATIENT)

    def restart(self):
        self.server.kill()
        self.server.start()


def error_of(kind, work):
    try:
        work()
    except kind as error:
        assert type(error) is kind, f"{error!r} instead of {kind.__name__}"
        return error
    raise AssertionError(f"no {kind.__name__}")


def equal(actual, wanted):
    assert actual == wanted, f"{actual!r} instead of {wanted!r}"


def numbered(first, end):
    return [Event("Counted", {"n": n}) for n in range(first, end)]


def numbers(events):
    return [event.json()["n"] for event in events]


def next_event(subscription):
    return next(item for item in subscription if isinstance(item, RecordedEvent))
