"""A client of RESP for tests, straight over a socket: what is sent and received is bytes."""

import socket

ANSWER_SECONDS_MAX = 30


class Closed(Exception):
    """The server has closed the connection."""


def command(*words):
    """An array of bulk strings."""
    parts = [word if isinstance(word, bytes) else str(word).encode() for word in words]
    return b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(p), p) for p in parts)


class Client:
    def __init__(self, port, host="127.0.0.1"):
        self.socket = socket.create_connection((host, port), timeout=ANSWER_SECONDS_MAX)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.received = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def receive(self):
        try:
            more = self.socket.recv(1 << 16)
        except ConnectionResetError:
            more = b""
        if not more:
            raise Closed()
        self.received += more

    def take(self, size):
        while len(self.received) < size:
            self.receive()
        taken, self.received = self.received[:size], self.received[size:]
        return taken

    def line(self):
        while b"\r\n" not in self.received:
            self.receive()
        return self.take(self.received.index(b"\r\n") + 2)

    def answer(self):
        """The bytes of one reply, with all that belongs to it."""
        line = self.line()
        kind, size = line[:1], line[1:-2]
        if kind in b"$=" and size != b"-1":
            return line + self.take(int(size) + 2)
        if kind in b"*~>%" and size != b"-1":
            count = int(size) * (2 if kind == b"%" else 1)
            return line + b"".join(self.answer() for _ in range(count))
        return line

    def ask(self, *words):
        self.send(command(*words))
        return self.answer()

    def is_closed(self):
        """Waits until the server closes; what it still says is dropped."""
        try:
            while True:
                self.receive()
        except Closed:
            return True
        except TimeoutError:
            return False
