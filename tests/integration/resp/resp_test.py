#!/usr/bin/python3
"""The face for clients of Redis, from outside. Goal: whatever a client does, it gets an answer or
is closed cleanly, others do not notice, and what was acknowledged is kept as promised.

    resp_test.py SAGABASE FOLDER [CASE...]
"""

import os
import resource
import select
import signal
import socket
import struct
import subprocess
import sys
import threading
import time

sys.dont_write_bytecode = True

from resp import Client, Closed, command

SECONDS_MAX = 60
MIB = 1 << 20
BYTES_PER_IDLE_CONNECTION_MAX = 4096

binary, folder = sys.argv[1:3]


class Server:
    """A server with a data directory of its own; started again, it finds it."""

    count = 0

    def __init__(self, *options, files_max=None):
        Server.count += 1
        self.data = os.path.join(folder, f"data-{Server.count}")
        self.log = os.path.join(folder, f"log-{Server.count}")
        self.options = options
        self.files_max = files_max
        self.start()

    def limit_files(self):
        if self.files_max:
            resource.setrlimit(resource.RLIMIT_NOFILE, (self.files_max, self.files_max))

    def start(self):
        self.process = subprocess.Popen(
            [binary, "serve", "--data", self.data, "--listen", "127.0.0.1:0"]
            + ["--http-listen", "off", "--resp-listen", "127.0.0.1:0", *self.options],
            stdout=subprocess.PIPE,
            stderr=open(self.log, "ab") if self.files_max else None,
            preexec_fn=self.limit_files,
            text=True,
        )
        for line in self.process.stdout:
            if line.startswith("  redis "):
                self.port = int(line.split()[-1])
            if line.startswith("listening on "):
                self.address = line.split()[-1]
                return
        raise AssertionError("the server did not start")

    def end(self, how):
        self.process.send_signal(how)
        code = self.process.wait(SECONDS_MAX)
        self.process.stdout.close()
        return code

    def restart(self, how):
        self.end(how)
        self.start()

    def client(self):
        return Client(self.port)

    def resident_bytes(self):
        with open(f"/proc/{self.process.pid}/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
            self.process.stdout.close()


def wait_until(holds):
    deadline = time.monotonic() + SECONDS_MAX
    while not holds():
        assert time.monotonic() < deadline, "nothing came of it"
        select.select([], [], [], 0.01)


def info(client, name):
    text = client.ask("INFO").decode()
    return text.split(f"\r\n{name}:")[1].split("\r\n")[0]


def equal(one, other):
    assert one == other, f"{one!r} is not {other!r}"


# --- requests ---------------------------------------------------------------------------


def a_half_sent_command_waits_and_others_do_not(server):
    with server.client() as slow, server.client() as other:
        whole = command("SET", "half", "x" * 100_000) + command("GET", "half")[:-3]
        for begin in range(0, len(whole), 9_000):
            slow.send(whole[begin : begin + 9_000])
            equal(other.ask("PING"), b"+PONG\r\n")
        equal(slow.answer(), b"+OK\r\n")
        slow.send(b"f\r\n")
        equal(len(slow.answer()), 100_000 + len("$100000\r\n\r\n"))


def a_half_sent_command_is_forgotten_when_its_client_leaves(server):
    with server.client() as other:
        resting = info(other, "client_buffer_bytes")
        for ending in (
            b"*2\r\n$3\r\nGET\r\n$5\r\nab",
            b"*3\r\n$3\r\nSET\r\n$4\r\ntorn\r\n$900000\r\n" + b"x" * 500_000,
            b"SET torn",
        ):
            for way in ("close", "reset"):
                with server.client() as client:
                    client.send(ending)
                    wait_until(lambda: info(other, "client_buffer_bytes") != resting)
                    if way == "reset":
                        client.socket.setsockopt(
                            socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
                        )
                wait_until(lambda: info(other, "connected_clients") == "1")
                wait_until(lambda: info(other, "client_buffer_bytes") == resting)
        equal(other.ask("EXISTS", "torn"), b":0\r\n")


def a_pipeline_is_answered_in_order(server):
    with server.client() as client:
        count = 20_000
        sender = threading.Thread(
            target=lambda: client.send(b"".join(command("ECHO", i) for i in range(count)))
        )
        sender.start()
        for i in range(count):
            equal(client.answer(), b"$%d\r\n%d\r\n" % (len(str(i)), i))
        sender.join()


def the_answer_to_the_last_command_comes_though_the_client_has_ended(server):
    with server.client() as client:
        client.send(command("SET", "ended", "1") + command("GET", "ended"))
        client.socket.shutdown(socket.SHUT_WR)
        equal(client.answer() + client.answer(), b"+OK\r\n$1\r\n1\r\n")
        assert client.is_closed()


def broken_requests_are_told_and_closed(server):
    for data in (b"*1\r\nPING\r\n", b"*x\r\n", b"\x16\x03\x01\x00\"\n", os.urandom(3000) + b'"\n'):
        with server.client() as client:
            client.send(b"*" + data if data[:1] != b"*" and len(data) > 1000 else data)
            answer = client.line()
            assert answer.startswith(b"-ERR"), answer
    with server.client() as client:
        # Refused by its length: who sends what follows may find the connection closed.
        client.send(b"*3\r\n$3\r\nSET\r\n$1\r\na\r\n$%d\r\n" % (MIB + 1))
        equal(client.line(), b"-ERR Protocol error: invalid bulk length\r\n")
        assert client.is_closed()


def requests_beyond_a_limit_are_told_and_closed(server):
    argument = b"$%d\r\n%s\r\n" % (MIB, b"x" * MIB)
    cases = [
        (b"*65537\r\n", b"invalid multibulk length"),
        (b"*40\r\n" + argument * 40, b"too big request"),
        (b"x" * 70_000, b"too big inline request"),
        (b"*" + b"1" * 70_000, b"too big mbulk count string"),
        (b"*1\r\n$" + b"1" * 70_000, b"too big bulk count string"),
    ]
    with server.client() as other:
        for data, rule in cases:
            with server.client() as client:
                answered = []
                reader = threading.Thread(target=lambda: answered.append(client.line()))
                reader.start()
                try:
                    client.send(data)
                except ConnectionError:
                    pass  # it is refused before all of it has come
                reader.join()
                equal(answered, [b"-ERR Protocol error: %s\r\n" % rule])
                assert client.is_closed()
            equal(other.ask("PING"), b"+PONG\r\n")


def values_up_to_the_limit_are_kept(server):
    with server.client() as client:
        value = os.urandom(MIB)
        equal(client.ask("SET", "large", value), b"+OK\r\n")
        equal(client.ask("GET", "large"), b"$%d\r\n%s\r\n" % (MIB, value))
        assert client.ask("SET", "k" * 4097, "v").startswith(b"-ERR key")


# --- who does not read ------------------------------------------------------------------


def a_client_that_does_not_read_is_not_read_from(server):
    with server.client() as client, server.client() as other:
        equal(client.ask("SET", "much", b"x" * MIB), b"+OK\r\n")
        client.socket.settimeout(1)
        before, sent = server.resident_bytes(), 0
        request = command("GET", "much") * 100
        try:
            while sent < 200 * MIB:  # far more than any buffer takes
                sent += client.socket.send(request)
            raise AssertionError("it was read from without end")
        except TimeoutError:
            pass
        assert server.resident_bytes() - before < 64 * MIB
        equal(other.ask("PING"), b"+PONG\r\n")
        client.socket.settimeout(30)
        for _ in range(5):
            equal(len(client.answer()), MIB + len(b"$1048576\r\n\r\n"))


def replies_beyond_the_limit_close_the_connection(server):
    with server.client() as client, server.client() as other:
        equal(client.ask("SET", "much", b"x" * MIB), b"+OK\r\n")
        client.send(command("MGET", *["much"] * 200))
        assert client.is_closed()
        assert int(info(other, "closed_full_connections")) > 0


# --- connections ------------------------------------------------------------------------


def one_connection_too_many_is_told_so():
    with Server("--resp-clients", "5") as server:
        clients = [server.client() for _ in range(5)]
        for client in clients:
            equal(client.ask("PING"), b"+PONG\r\n")
        with server.client() as client:
            equal(client.line(), b"-ERR max number of clients reached\r\n")
            assert client.is_closed()
        clients.pop().close()
        wait_until(lambda: info(clients[0], "connected_clients") == "4")
        with server.client() as client:
            equal(client.ask("PING"), b"+PONG\r\n")
        for client in clients:
            client.close()


def few_files_mean_few_connections_and_the_log_says_so():
    with Server(files_max=1600) as server:
        with server.client() as client:
            count = int(info(client, "maxclients"))
        assert 16 <= count < 1600, count
        with open(server.log, encoding="utf-8") as log:
            line = next(line for line in log if " resp limited " in line)
        assert f"clients={count} " in line and "1600 open files are allowed" in line, line
        clients = []
        while len(clients) < count:
            client = server.client()
            if client.ask("PING") == b"+PONG\r\n":  # the first one may not have left yet
                clients.append(client)
        with server.client() as client:
            equal(client.line(), b"-ERR max number of clients reached\r\n")
            assert client.is_closed()
        for client in clients:
            equal(client.ask("PING"), b"+PONG\r\n")
            client.close()


def a_silent_connection_is_closed_when_asked_for():
    with Server("--resp-idle", "1") as server:
        with server.client() as silent, server.client() as other:
            equal(silent.ask("PING"), b"+PONG\r\n")
            while not select.select([silent.socket], [], [], 0.1)[0]:
                equal(other.ask("PING"), b"+PONG\r\n")
            assert silent.is_closed()
            equal(info(other, "closed_idle_connections"), "1")


def many_idle_connections_cost_little():
    """As many as the limit of open files allows, at most 10,000."""
    with Server() as server:
        limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
        with server.client() as client:
            count = min(int(info(client, "maxclients")), limit - 100) - 10
        before = server.resident_bytes()
        clients = [server.client() for _ in range(count)]
        for client in clients:
            client.send(command("PING"))
        for client in clients:
            equal(client.answer(), b"+PONG\r\n")
        taken = server.resident_bytes() - before
        print(f"    {taken // count} bytes of memory for each of {count} idle connections")
        if "TSAN_OPTIONS" not in os.environ:  # which has memory of its own for each byte
            assert taken <= count * BYTES_PER_IDLE_CONNECTION_MAX + MIB
        with server.client() as client:
            equal(client.ask("PING"), b"+PONG\r\n")
            equal(int(info(client, "connected_clients")), len(clients) + 1)
            for one in clients:
                one.close()
            wait_until(lambda: info(client, "connected_clients") == "1")


# --- what is kept -----------------------------------------------------------------------


def acknowledged_values_survive_a_kill():
    """Each client's last answered value is there, or the one it was about to set."""
    with Server("--resp-durability", "always") as server:
        answered = {}

        def write(name):
            with server.client() as client:
                try:
                    for i in range(1_000_000):
                        client.send(command("SET", name, i) + command("SET", f"{name}-{i}", i))
                        equal(client.answer() + client.answer(), b"+OK\r\n+OK\r\n")
                        answered[name] = i
                except (Closed, ConnectionError):
                    pass

        writers = [threading.Thread(target=write, args=(f"w{i}",)) for i in range(8)]
        for writer in writers:
            writer.start()
        wait_until(lambda: len(answered) == 8 and min(answered.values()) >= 20)
        server.end(signal.SIGKILL)
        for writer in writers:
            writer.join()
        server.start()
        with server.client() as client:
            for name, i in answered.items():
                found = int(client.ask("GET", name).split(b"\r\n")[1])
                assert found in (i, i + 1), f"{name}: {found} after {i}"
                for one in range(i + 1):
                    equal(client.ask("EXISTS", f"{name}-{one}"), b":1\r\n")


def values_are_on_disk_within_a_second_or_two():
    with Server() as server:
        with server.client() as client:
            client.send(b"".join(command("SET", f"k{i}", i) for i in range(1000)))
            for _ in range(1000):
                equal(client.answer(), b"+OK\r\n")
            equal(client.ask("DEL", "k7"), b":1\r\n")
            wait_until(lambda: info(client, "unsaved_keys") == "0")
        server.restart(signal.SIGKILL)
        with server.client() as client:
            equal(client.ask("DBSIZE"), b":999\r\n")
            equal(client.ask("GET", "k999"), b"$3\r\n999\r\n")
            equal(client.ask("GET", "k7"), b"$-1\r\n")


def an_orderly_end_keeps_everything():
    with Server() as server:
        with server.client() as client:
            equal(client.ask("SET", "last", "word", "EX", "1000"), b"+OK\r\n")
            server.process.send_signal(signal.SIGTERM)
            assert client.is_closed()
        equal(server.process.wait(SECONDS_MAX), 0)
        server.process.stdout.close()
        server.start()
        with server.client() as client:
            equal(client.ask("GET", "last"), b"$4\r\nword\r\n")
            assert 900 < int(client.ask("TTL", "last")[1:-2]) <= 1000


def changes_under_always_are_answered_in_order():
    with Server("--resp-durability", "always") as server, server.client() as client:
        words = []
        for i in range(300):
            words += [("SET", "a", i), ("GET", "a"), ("SET", "a", "x", "NX"), ("DEL", "a")]
        client.send(b"".join(command(*one) for one in words))
        for i in range(300):
            equal(client.answer(), b"+OK\r\n")
            equal(client.answer(), b"$%d\r\n%d\r\n" % (len(str(i)), i))
            equal(client.answer(), b"$-1\r\n")
            equal(client.answer(), b":1\r\n")


# --- keys -------------------------------------------------------------------------------


def a_scan_finds_every_key(server):
    with server.client() as client:
        for i in range(5000):
            client.send(command("SET", f"scan-{i}", i))
        for _ in range(5000):
            equal(client.answer(), b"+OK\r\n")
        found, cursor = set(), b"0"
        while True:
            lines = client.ask("SCAN", cursor, "MATCH", "scan-*", "COUNT", "100").split(b"\r\n")
            cursor = lines[2]
            found.update(lines[5:-1:2])
            if cursor == b"0":
                break
        equal(len(found), 5000)
        equal(client.ask("SCAN", "0", "MATCH", "[", "COUNT", "1")[:4], b"*2\r\n")
        for words in ("SCAN", "0", "MATCH"), ("COMMAND", "LIST", "FILTERBY", "PATTERN"):
            equal(client.ask(*words, "*" * 1024)[:1], b"*")
            equal(client.ask(*words, "*" * 1025), b"-ERR pattern: at most 1024 bytes\r\n")


def a_key_expires(server):
    with server.client() as client:
        equal(client.ask("SET", "brief", "1", "PX", "50"), b"+OK\r\n")
        wait_until(lambda: client.ask("GET", "brief") == b"$-1\r\n")
        equal(client.ask("TTL", "brief"), b":-2\r\n")


def append(server, stream, count):
    for _ in range(count):
        subprocess.run(
            [binary, "append", stream, "--server", server.address, "--type", "T", "--data", "1"],
            stdout=subprocess.DEVNULL,
            check=True,
        )


def a_scan_of_long_keys_ends():
    """As many values as one call looks at, and behind them, in the same call, snapshots."""
    streams = [f"scanned-{i}-" + "s" * 990 for i in range(40)]
    keys = [f"long-{i}-".ljust(4096, "k") for i in range(999)]
    with Server() as server, server.client() as client:
        for stream in streams:
            append(server, stream, 1)
            client.send(command("SET", f"snapshot:{stream}", "1", "REVISION", "0"))
        for key in keys:
            client.send(command("SET", key, ""))
        for _ in keys + streams:
            equal(client.answer(), b"+OK\r\n")
        wait_until(lambda: info(client, "unsaved_keys") == "0")
        found, cursor = set(), b"0"
        while True:
            lines = client.ask("SCAN", cursor, "COUNT", "1000").split(b"\r\n")
            equal(lines[0], b"*2")
            cursor = lines[2]
            found.update(lines[5:-1:2])
            if cursor == b"0":
                break
        equal(found, {key.encode() for key in keys + [f"snapshot:{s}" for s in streams]})


def a_key_can_name_a_snapshot():
    with Server() as server:
        append(server, "order-1", 2)
        with server.client() as client:
            key = "snapshot:order-1"
            equal(client.ask("GET", key), b"$-1\r\n")
            assert client.ask("SET", key, "state").startswith(b"-ERR a snapshot is written by SET")
            assert client.ask("SET", key, "state", "REVISION", "2").startswith(b"-ERR")
            assert client.ask("SET", "snapshot:none", "x", "REVISION", "0").startswith(b"-ERR")
            client.send(command("SET", key, "state", "REVISION", "1") + command("GET", key))
            equal(client.answer() + client.answer(), b"+OK\r\n$5\r\nstate\r\n")
            assert client.ask("SET", key, "older", "REVISION", "0").startswith(b"-ERR")
            equal(client.ask("MGET", key, "nothing"), b"*2\r\n$5\r\nstate\r\n$-1\r\n")
            equal(client.ask("EXPIRE", key, "1000"), b":1\r\n")
            equal(client.ask("TTL", key), b":1000\r\n")
            equal(client.ask("SCAN", "0"), b"*2\r\n$1\r\n0\r\n*1\r\n$16\r\nsnapshot:order-1\r\n")
            equal(client.ask("DBSIZE"), b":1\r\n")
        server.restart(signal.SIGKILL)
        with server.client() as client:
            equal(client.ask("GET", key), b"$5\r\nstate\r\n")
            equal(client.ask("DEL", key, "nothing"), b":1\r\n")
            equal(client.ask("EXISTS", key), b":0\r\n")


def a_password_is_asked_for_and_not_shown():
    path = os.path.join(folder, "password")
    with open(path, "w", encoding="ascii") as file:
        file.write("open sesame\n")
    with Server("--resp-password-file", path) as server, server.client() as client:
        equal(client.ask("GET", "a"), b"-NOAUTH Authentication required.\r\n")
        equal(client.ask("AUTH", "open sesam")[:10], b"-WRONGPASS")
        equal(client.ask("AUTH", "open sesame"), b"+OK\r\n")
        equal(client.ask("GET", "a"), b"$-1\r\n")
        assert b"sesame" not in client.ask("CONFIG", "GET", "*") + client.ask("INFO")
        with open(f"/proc/{server.process.pid}/cmdline", "rb") as file:
            assert b"sesame" not in file.read()


ALONE = [
    a_scan_of_long_keys_ends,
    one_connection_too_many_is_told_so,
    few_files_mean_few_connections_and_the_log_says_so,
    many_idle_connections_cost_little,
    a_silent_connection_is_closed_when_asked_for,
    acknowledged_values_survive_a_kill,
    values_are_on_disk_within_a_second_or_two,
    an_orderly_end_keeps_everything,
    changes_under_always_are_answered_in_order,
    a_key_can_name_a_snapshot,
    a_password_is_asked_for_and_not_shown,
]
TOGETHER = [
    a_half_sent_command_waits_and_others_do_not,
    a_half_sent_command_is_forgotten_when_its_client_leaves,
    a_pipeline_is_answered_in_order,
    the_answer_to_the_last_command_comes_though_the_client_has_ended,
    broken_requests_are_told_and_closed,
    requests_beyond_a_limit_are_told_and_closed,
    values_up_to_the_limit_are_kept,
    a_client_that_does_not_read_is_not_read_from,
    replies_beyond_the_limit_close_the_connection,
    a_scan_finds_every_key,
    a_key_expires,
]


def run(case, *arguments):
    try:
        case(*arguments)
        print(f"ok - {case.__name__}", flush=True)
        return True
    except Exception as error:  # whatever it is, the next case is run
        print(f"not ok - {case.__name__}: {type(error).__name__}: {error}", flush=True)
        return False


def main():
    wanted = sys.argv[3:]
    good = True
    for case in ALONE:
        if not wanted or case.__name__ in wanted:
            good = run(case) and good
    with Server("--cache-memory", "64MiB") as server:
        for case in TOGETHER:
            if not wanted or case.__name__ in wanted:
                good = run(case, server) and good
        if good:
            equal(server.end(signal.SIGTERM), 0)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
