#!/usr/bin/python3
"""Sends the same commands to Sagabase and to a real redis-server, and compares the bytes of the
answers.

    differential.py OUR_PORT REDIS_PORT [PASSWORD]

With a password: what both answer to clients before and after they tell it.
"""

import random
import sys
import time

sys.dont_write_bytecode = True

from resp import Client, Closed, command

# One command in each line; each pair of servers is asked all of them in order.
SCRIPT = r"""
PING
PING hello
PING a b
ping
ECHO hello
ECHO
ECHO a b
SELECT 0
SELECT 1
SELECT a
SELECT -1
SELECT 99999999999999999999
GET nothing
GET
GET a b
SET a 1
GET a
SET a
SET a 1 2
SET a 1 EX
SET a 1 EX 0
SET a 1 EX -1
SET a 1 EX x
SET a 1 EX 1.5
SET a 1 EX 9223372036854775807
SET a 1 PX 9223372036854775807
SET a 1 EX 10 PX 10
SET a 1 EX 10 KEEPTTL
SET a 1 KEEPTTL EX 10
SET a 1 NX XX
SET a 1 XX NX
SET a 1 EXAT
SET a 1 EXAT 0
SET a 1 PXAT -5
SET a 1 NX
SET a 2 XX
GET a
SET b 1 XX
GET b
SET b 1 NX
GET b
SET b 2 NX GET
SET b 3 XX GET
SET b 4 GET
SET c 5 GET
SET c 6 nx get
GET c
SET c 1 EX 100
TTL c
SET c 2 KEEPTTL
TTL c
SET c 3
TTL c
PTTL c
SET c 1 EXAT 33177117420
EXPIRETIME c
PEXPIRETIME c
SET c 1 PXAT 33177117420000
EXPIRETIME c
PEXPIRETIME c
SET c 1 PXAT 33177117420499
EXPIRETIME c
SET c 1 PXAT 33177117420500
EXPIRETIME c
PERSIST c
PERSIST c
EXPIRETIME c
PERSIST nothing
TTL nothing
PTTL nothing
EXPIRETIME nothing
PEXPIRETIME nothing
SET gone 1 EXAT 1
GET gone
EXISTS gone
TTL gone
EXPIRE c 100
TTL c
EXPIRE c 50 NX
EXPIRE c 50 GT
TTL c
EXPIRE c 200 GT
TTL c
EXPIRE c 300 LT
EXPIRE c 150 LT
TTL c
EXPIRE c 100 XX
EXPIRE c 90 XX GT
EXPIRE c 100 NX GT
EXPIRE c 100 GT LT
EXPIRE c 100 XY
EXPIRE c x
EXPIRE c
EXPIRE c 9223372036854775807
EXPIRE c -9223372036854775808
PEXPIRE c 9223372036854775807
EXPIRE nothing 100
EXPIRE nothing 100 NX
PERSIST c
EXPIRE c 100 GT
EXPIRE c 100 XX
EXPIRE c 100 LT
TTL c
EXPIRE c -1
GET c
SET c 1
EXPIRE c 0
EXISTS c
SET c 1
PEXPIRE c 100000
TTL c
EXPIREAT c 33177117420
EXPIRETIME c
PEXPIREAT c 33177117420001
PEXPIRETIME c
EXPIREAT c 1
EXISTS c
PEXPIREAT c x
GETEX nothing
GETEX nothing EX 0
SET g 1
GETEX g
GETEX g EX 100
TTL g
GETEX g PERSIST
TTL g
GETEX g PX 100000
TTL g
GETEX g EXAT 33177117420
EXPIRETIME g
GETEX g PXAT 33177117420000
EXPIRETIME g
GETEX g EX
GETEX g EX 0
GETEX g EX x
GETEX g EX 10 PERSIST
GETEX g KEEPTTL
GETEX g NX
GETEX g EXAT 1
GET g
GETEX
GETDEL nothing
SET g 7
GETDEL g
GETDEL g
GETDEL
DEL a b nothing a
EXISTS a
DEL
EXISTS
SET a 1
SET b 2
EXISTS a b a nothing
UNLINK a b
UNLINK nothing
MSET a 1 b 2 a 3
MGET a b nothing
MSET a
MSET a 1 b
MSET
MGET
SETEX a 100 v
TTL a
SETEX a 0 v
SETEX a x v
SETEX a 100
PSETEX a 100000 v
TTL a
PSETEX a -1 v
SETNX a 1
SETNX new 1
SETNX
STRLEN a
STRLEN nothing
TYPE a
TYPE nothing
TYPE
OBJECT ENCODING a
OBJECT ENCODING nothing
SET n 12345
OBJECT ENCODING n
SET n 012345
OBJECT ENCODING n
SET n aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
OBJECT ENCODING n
SET n aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
OBJECT ENCODING n
OBJECT ENCODING
OBJECT nonsense
OBJECT
MEMORY USAGE nothing
MEMORY USAGE
MEMORY USAGE a SAMPLES
MEMORY USAGE a SAMPLES x
MEMORY nonsense a
DBSIZE
DBSIZE a
DEL n
DBSIZE
SCAN
SCAN x
SCAN 0 COUNT
SCAN 0 COUNT 0
SCAN 0 COUNT x
SCAN 0 MATCH
SCAN 0 NONSENSE 1
SCAN 0 MATCH nothing* COUNT 1000
SCAN 0 TYPE list COUNT 1000
CONFIG GET nothing
CONFIG GET databases
CONFIG GET
CONFIG
CONFIG nonsense
CLIENT GETNAME
CLIENT SETNAME tester
CLIENT GETNAME
CLIENT SETNAME a\x20b
CLIENT SETNAME
CLIENT ID a
CLIENT NO-EVICT on
CLIENT NO-EVICT maybe
CLIENT REPLY maybe
CLIENT REPLY ON
CLIENT LIST nonsense
CLIENT nonsense
CLIENT
COMMAND COUNT a
COMMAND nonsense
COMMAND INFO nothing
COMMAND LIST FILTERBY
COMMAND DOCS nothing
INFO nonsense
AUTH a
AUTH
AUTH a b c
AUTH default any
AUTH other any
HELLO 4
HELLO x
HELLO 2 NONSENSE
HELLO 2 AUTH
HELLO 2 AUTH other any
HELLO 2 SETNAME a\x20b
nonsense
NONSENSE a b c
nonsense LONG bbbb
nonsense a\x0d\x0ab
RESET
RESET a
CLIENT GETNAME
QUIT a
"""

STRANGERS = r"""
GET a
nonsense
GET
PING
HELLO
HELLO 3
AUTH wrong
AUTH default wrong
AUTH other PASSWORD
HELLO 2 AUTH default wrong
GET a
HELLO 3 AUTH default PASSWORD SETNAME me
CLIENT GETNAME
GET nothing
RESET
GET a
AUTH PASSWORD
GET nothing
QUIT
"""

# What comes on the wire as it is; both answer and close, or answer and go on.
RAW = [
    b"PING\r\n",
    b"PING\n",
    b"\r\n\r\nPING\r\n",
    b"ECHO \"a b\" \r\n",
    b"ECHO 'it\\'s'\r\n",
    b"ECHO \"\\x41\\n\\q\"\r\n",
    b"ECHO \"a\r\n",
    b"ECHO \"a\"b\r\n",
    b"SET a 1\r\nGET a\r\n",
    b"*0\r\nPING\r\n",
    b"*-1\r\nPING\r\n",
    b"*x\r\n",
    b"*01\r\n",
    b"*99999999999\r\n",
    b"*1\r\nPING\r\n",
    b"*1\r\n$-1\r\n",
    b"*1\r\n$x\r\n",
    b"*1\r\n$4\r\nPINGxx",
    b"*1\r\n$99999999999\r\n",
    b"*2\r\n$4\r\nECHO\r\n$3\r\na\0b\r\n",
    b"PING\r\n*1\r\n+\r\nPING\r\n",
    b"CLIENT REPLY OFF\r\nPING\r\nCLIENT REPLY ON\r\n",
    b"CLIENT REPLY SKIP\r\nPING\r\nECHO seen\r\n",
    b"CLIENT REPLY SKIP\r\nCLIENT REPLY SKIP\r\nPING\r\nECHO seen\r\n",
]


def words_of(line):
    return [
        word.encode().decode("unicode_escape").encode("latin-1") if "\\" in word else word.encode()
        for word in line.split(" ")
    ]


class Difference(Exception):
    pass


def compare(what, ours, theirs):
    if ours != theirs:
        raise Difference(f"{what!r}:\n    we answer     {ours!r}\n    redis answers {theirs!r}")


def ask_both(script, both):
    for line in script.strip().replace("LONG", "a" * 140).split("\n"):
        answers = [client.ask(*words_of(line)) for client in both]
        if line.startswith("HELLO") and answers[0][:1] in b"*%" and answers[1][:1] in b"*%":
            continue  # versions and numbers differ
        compare(line, *answers)


def run_script(script, ports, protocol):
    both = [Client(port) for port in ports]
    if protocol == 3:
        for client in both:
            client.ask("HELLO", "3")
    for client in both:
        client.ask("DEL", "a", "b", "c", "g", "n", "new", "gone")
    ask_both(script, both)
    for client in both:
        if not client.is_closed():
            raise Difference("QUIT does not close the connection")


def answer_to_raw(port, data):
    """All that comes until the server closes, or has answered a last PING."""
    with Client(port) as client:
        try:
            client.send(data)
            client.send(command("ECHO", "the last one"))
            while not client.received.endswith(b"the last one\r\n"):
                client.receive()
        except (Closed, ConnectionError):
            pass
        return client.received


def run_raw(ports):
    for data in RAW:
        compare(data[:80], *(answer_to_raw(port, data) for port in ports))


def run_strangers(script, ports):
    ask_both(script, [Client(port) for port in ports])
    for data in (b"*11\r\n", b"*2\r\n$20000\r\n", b"*2\r\n$4\r\nECHO\r\n$16385\r\n"):
        compare(data, *(answer_to_raw(port, data) for port in ports))


def random_command(random_source):
    key = random_source.choice(["k1", "k2", "k3"])
    value = str(random_source.randrange(100))
    choices = [
        ["GET", key],
        ["SET", key, value],
        ["SET", key, value, "EX", "100"],
        ["SET", key, value, "KEEPTTL"],
        ["SET", key, value, random_source.choice(["NX", "XX"])],
        ["SET", key, value, "GET"],
        ["SET", key, value, "PXAT", "1"],
        ["DEL", key],
        ["DEL", "k1", "k2"],
        ["EXISTS", "k1", "k2", "k3"],
        ["EXPIRE", key, random_source.choice(["-1", "50", "100", "200"])],
        ["EXPIRE", key, "150", random_source.choice(["NX", "XX", "GT", "LT"])],
        ["TTL", key],
        ["PERSIST", key],
        ["GETEX", key, "PERSIST"],
        ["GETEX", key, "EX", "70"],
        ["GETDEL", key],
        ["MGET", "k1", "k2", "k3"],
        ["MSET", "k1", value, "k2", value],
        ["MSET", "k1", "1", key, value, "k1", value],
        ["SET", key, value, "NX", "GET"],
        ["SET", key, value, "XX", "GET", "EX", "60"],
        ["SET", key, value, "GET", "KEEPTTL"],
        ["GETEX", key, "PXAT", "1"],
        ["SETNX", key, value],
        ["STRLEN", key],
        ["TYPE", key],
        ["OBJECT", "ENCODING", key],
    ]
    return random_source.choice(choices)


def run_random(ports, seed, count):
    """Sent in pipelines, so that order counts, too."""
    random_source = random.Random(seed)
    both = [Client(port) for port in ports]
    for client in both:
        client.ask("DEL", "k1", "k2", "k3")
    while count > 0:
        commands = [random_command(random_source) for _ in range(random_source.randrange(1, 40))]
        for client in both:
            client.send(b"".join(command(*words) for words in commands))
        for words in commands:
            compare(" ".join(words), *(client.answer() for client in both))
        count -= len(commands)
    for client in both:
        client.ask("DEL", "k1", "k2", "k3")
        client.close()


EXPIRED = """
GET e1
TTL e1
SET e1 1 XX
SET e1 2 NX GET
SET e1 3 KEEPTTL
TTL e1
SET e2 1 GET
GETEX e3 EX 100
GETEX e3
EXISTS e3
GETDEL e4
DEL e5
EXPIRE e5 10
PERSIST e5
SETNX e5 1
STRLEN e6
TYPE e6
MGET e1 e6
OBJECT ENCODING e6
MSET e6 1 e7 2
TTL e6
DEL e1 e2 e3 e4 e5 e6 e7
"""


def run_expired(ports):
    """Keys whose time has come are to both as if they had never been."""
    both = [Client(port) for port in ports]
    ways = [
        ("SET", "e1", "v", "PX", "20"),
        ("SET", "e2", "v", "PX", "20", "GET"),
        ("PSETEX", "e3", "20", "v"),
        ("SET", "e4", "v"),
        ("PEXPIRE", "e4", "20"),
        ("SET", "e5", "v"),
        ("GETEX", "e5", "PX", "20"),
        ("MSET", "e6", "v", "e7", "v"),
        ("PEXPIRE", "e6", "20"),
        ("PEXPIRE", "e7", "20"),
    ]
    for words in ways:
        compare(" ".join(words), *(client.ask(*words) for client in both))
    deadline = time.monotonic() + 30
    for client in both:
        while client.ask("EXISTS", *(f"e{i}" for i in range(1, 8))) != b":0\r\n":
            assert time.monotonic() < deadline, "they do not expire"
    ask_both(EXPIRED, both)
    for client in both:
        client.close()


def compare_command_info(ports):
    """Arity, flags and key positions of every command that we have."""
    both = [Client(port) for port in ports]
    both[0].ask("HELLO", "2")
    names = both[0].ask("COMMAND", "LIST").split(b"\r\n")[2::2]
    for name in names:
        if not name:
            continue
        infos = [client.ask("COMMAND", "INFO", name) for client in both]
        # Up to the categories, which RESP2 shows as a nested array like the flags.
        heads = [info.split(b"\r\n*", 3) for info in infos]
        ours, theirs = (b"\r\n*".join(head[:3]).rsplit(b"\r\n", 1)[0] for head in heads)
        compare(b"COMMAND INFO " + name, ours, theirs)
    for client in both:
        client.close()


def main():
    ports = [int(word) for word in sys.argv[1:3]]
    password = sys.argv[3] if len(sys.argv) > 3 else None
    good = True
    if password:
        script = STRANGERS.replace("PASSWORD", password)
        cases = [("strangers", lambda: run_strangers(script, ports))]
    else:
        cases = [
            ("scripted commands, RESP2", lambda: run_script(SCRIPT, ports, 2)),
            ("scripted commands, RESP3", lambda: run_script(SCRIPT, ports, 3)),
            ("raw bytes", lambda: run_raw(ports)),
            ("random commands in pipelines", lambda: run_random(ports, 7, 4000)),
            ("keys that have expired", lambda: run_expired(ports)),
            ("COMMAND INFO", lambda: compare_command_info(ports)),
        ]
    for name, case in cases:
        try:
            case()
            print(f"ok - as redis-server: {name}")
        except Difference as difference:
            print(f"not ok - as redis-server: {name}: {difference}")
            good = False
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
