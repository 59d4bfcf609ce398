"""What is measured: each system starts a server of its own in a folder of its own, and puts it
under one load at a time. Every measurement is a dict of numbers: events_per_s, calls_per_s,
p50_us, p99_us, p999_us and perhaps more.
"""

import json
import math
import os
import pwd
import re
import shutil
import socket
import subprocess
import time
import urllib.request

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
# Where the link leads now: another build may turn it while the benchmark runs.
BUILT = os.path.realpath(os.path.join(TOP, "bazel-bin"))
BINARIES = os.path.join(BUILT, "tests", "bench")
TOOLS = os.path.join(TOP, ".tools", "bench")
RESTATE = os.path.join(TOP, ".tools", "restate")
POSTGRES = "/usr/lib/postgresql/15/bin"
START_SECONDS_MAX = 30
STREAMS = 1000
DATA_BYTES = 256
CACHE_MIB = 64  # of the caches that are filled


class Missing(Exception):
    """A system that is not here or does not start, and why."""


def run_json(*command):
    done = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, check=True)
    return of_measured(json.loads(done.stdout))


def of_measured(line):
    """What tests/bench/measure.h prints, as rates."""
    seconds, calls = line["seconds"] or 1, line["calls"] or 1
    return {
        "events_per_s": line["events"] / seconds,
        "calls_per_s": line["calls"] / seconds,
        "server_cpu_us_per_call": line["server_cpu_us"] / calls,
        **{key: line[key] for key in ("p50_us", "p99_us", "p999_us", "seconds")},
        **{key: line[key] for key in ("resident_bytes", "resident_before")},
    }


def percentile(sorted_values, permille):
    """The value that so many of 1000 do not pass."""
    if not sorted_values:
        return 0
    rank = (len(sorted_values) * permille + 999) // 1000
    return sorted_values[max(rank, 1) - 1]


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def wait_until_it_listens(port, process):
    deadline = time.monotonic() + START_SECONDS_MAX
    while process.poll() is None and time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return True
        except OSError:
            time.sleep(0.02)
    return False


class Server:
    """A process with a folder; `stop` may be called at any time and more than once."""

    name = ""
    process = None

    def __init__(self, folder):
        self.folder = folder
        os.makedirs(folder, exist_ok=True)

    def spawn(self, command, **options):
        with open(os.path.join(self.folder, "output"), "ab") as output:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, **options
            )

    def stop(self):
        if self.process:
            self.process.terminate()
            try:
                self.process.wait(START_SECONDS_MAX)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.process = None

    def resident_bytes(self):
        with open(f"/proc/{self.process.pid}/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE")

    def why(self):
        """The end of what it said."""
        with open(os.path.join(self.folder, "output"), "rb") as output:
            lines = output.read().decode(errors="replace").strip().split("\n")
        return f"{self.name} did not start: {lines[-1]}"

    def load(self, workload, **settings):
        words = [f"{name}={value}" for name, value in settings.items()]
        return run_json(
            f"{BINARIES}/bench", workload, self.address, self.process.pid, *words
        )


class Ours(Server):
    """Prints the address it listens on."""

    command = ()

    def start(self):
        began = time.monotonic()
        self.process = subprocess.Popen(
            self.command,
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        for line in self.process.stdout:
            if line.startswith("  redis "):
                self.resp_port = int(line.split()[-1])
            if line.startswith("listening on "):
                self.address = line.split()[2]
                return time.monotonic() - began
        raise SystemExit(f"bench: {self.name} did not start")

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process = None


class Echo(Ours):
    name = "empty call"
    command = (f"{BINARIES}/echo_server",)


class Sagabase(Ours):
    name = "sagabase"
    command = (
        f"{BUILT}/sagabase",
        *("serve", "--listen", "127.0.0.1:0", "--data", "data"),
    )
    options = ()

    def start(self):
        self.http = f"127.0.0.1:{free_port()}"
        self.command = (*Sagabase.command, "--http-listen", self.http, *self.options)
        return super().start()

    def metric(self, name):
        """Of a counter without labels, or of a histogram's _count."""
        with urllib.request.urlopen(f"http://{self.http}/metrics", timeout=5) as response:
            for line in response.read().decode().splitlines():
                if line.startswith(f"{name} "):
                    return float(line.split()[1])
        raise SystemExit(f"bench: no metric {name}")


class Traced(Sagabase):
    """Sends spans of a share of its calls to one who takes and forgets them."""

    def __init__(self, folder, collector, ratio):
        super().__init__(folder)
        self.options = (
            *("--otlp-endpoint", f"http://{collector}", "--otel-traces-sampler", "traceidratio"),
            *("--otel-traces-sampler-arg", str(ratio)),
        )


class Resp(Ours):
    """Our face for clients of Redis, plain values on disk within a second; driven by
    redis-benchmark."""

    name = "sagabase"
    command = (*Sagabase.command, "--resp-listen", "127.0.0.1:0", "--http-listen", "off")

    def start(self):
        need_redis_benchmark()
        seconds = super().start()
        self.benchmark = RedisBenchmark(self.resp_port, self.seconds)
        return seconds


class FullResp(Resp):
    """With a cache that is soon full, and little other memory."""

    command = (
        *Resp.command,
        *("--cache-memory", f"{CACHE_MIB}MiB"),
        *("--write-buffer", "16MiB", "--block-cache", "16MiB"),
    )


def need_redis_benchmark():
    if not shutil.which("redis-server") or not shutil.which("redis-benchmark"):
        raise Missing("there is no redis-server or no redis-benchmark")


class RedisBenchmark:
    """Counts commands, not seconds: the run before tells how many to take."""

    def __init__(self, port, seconds):
        self.port = port
        self.seconds = seconds
        self.rates = {}

    def run(self, clients, pipeline, count, words):
        done = subprocess.run(
            ["redis-benchmark", "-h", "127.0.0.1", "-p", str(self.port)]
            + ["-c", str(clients), "-P", str(pipeline), "-n", str(count), *words],
            stdout=subprocess.PIPE,
            check=True,
            text=True,
        )
        return of_redis_benchmark(done.stdout)

    def measure(self, clients, pipeline, words):
        key = clients, pipeline, *words
        if key not in self.rates:
            few = self.run(clients, pipeline, 100 * clients * pipeline, words)
            self.rates[key] = few["events_per_s"]
        count = max(100 * clients, int(self.rates[key] * self.seconds))
        got = self.run(clients, pipeline, count, words)
        self.rates[key] = got["events_per_s"]
        return got

    def fill(self):
        """Some hundred thousand values of mixed sizes, several times what the cache may hold."""
        for size, count in ((16, 200_000), (300, 100_000), (5_000, 10_000), (60_000, 1_500)) * 2:
            words = ("-t", "set", "-r", "10000000", "-d", str(size))
            self.run(64, 16, count, words)

    def used_bytes(self):
        """What the server says that its values take."""
        done = subprocess.run(
            ["redis-cli", "-p", str(self.port), "info", "memory"],
            stdout=subprocess.PIPE,
            check=True,
            text=True,
        )
        return int(re.search(r"used_memory:(\d+)", done.stdout)[1])

    def cache(self, what, pipeline):
        """SET or GET of one value of 256 bytes by 64 clients."""
        return self.measure(64, pipeline, ("-t", what, "-d", str(DATA_BYTES)))


class Redis(Server):
    """Streams, every command on disk before it is answered; driven by redis-benchmark."""

    name = "redis"
    seconds = 1.0
    saving = "always"
    options = ()

    def start(self):
        need_redis_benchmark()
        self.port = free_port()
        self.benchmark = RedisBenchmark(self.port, self.seconds)
        self.spawn(
            ["redis-server", "--bind", "127.0.0.1", "--port", str(self.port)]
            + ["--dir", os.path.realpath(self.folder), "--save", "", "--appendonly", "yes"]
            + ["--appendfsync", self.saving, "--auto-aof-rewrite-percentage", "0", *self.options]
        )
        if not wait_until_it_listens(self.port, self.process):
            raise Missing(self.why())

    def append(self, clients, pipeline=1):
        words = ("XADD", "bench-__rand_int__", "*", "d", "x" * DATA_BYTES)
        return self.benchmark.measure(clients, pipeline, ("-r", str(STREAMS), *words))


class RedisCache(Redis):
    """Plain values, on disk within a second."""

    saving = "everysec"


class FullRedis(RedisCache):
    options = ("--maxmemory", f"{CACHE_MIB}mb", "--maxmemory-policy", "allkeys-lru")


def of_redis_benchmark(text):
    points = [
        (float(percent), float(ms))
        for percent, ms in re.findall(r"([\d.]+)% <= ([\d.]+) milliseconds", text)
    ]
    rate = float(re.search(r"throughput summary: ([\d.]+)", text)[1])

    def at(percent):
        return round(1000 * min(ms for reached, ms in points if reached >= percent))

    return {
        "events_per_s": rate,
        "calls_per_s": rate,
        "p50_us": at(50),
        "p99_us": at(99),
        "p999_us": at(99.9),
    }


POSTGRES_SCHEMA = """
CREATE TABLE event (
    position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    stream text NOT NULL,
    revision bigint NOT NULL,
    id uuid NOT NULL,
    type text NOT NULL,
    data bytea NOT NULL,
    UNIQUE (stream, revision)
);

-- Appends of one stream wait for each other, those of different streams do not.
-- An expected revision of NULL stands for any, -1 for a stream that does not exist.
CREATE FUNCTION append_event(to_stream text, expected bigint, event_id uuid, event_type text,
                             event_data bytea) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    newest bigint;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended(to_stream, 0));
    SELECT max(revision) INTO newest FROM event WHERE stream = to_stream;
    newest := coalesce(newest, -1);
    IF expected <> newest THEN
        RAISE EXCEPTION 'stream % is at revision %, not %', to_stream, newest, expected;
    END IF;
    INSERT INTO event (stream, revision, id, type, data)
        VALUES (to_stream, newest + 1, event_id, event_type, event_data);
    RETURN newest + 1;
END
$$;
"""

POSTGRES_APPEND = f"""\\set stream random(1, {STREAMS})
SELECT append_event('bench-' || :stream, NULL, gen_random_uuid(), 'Measured', '{"x" * DATA_BYTES}');
"""


class Postgres(Server):
    """A cluster of its own, fsync on, defaults otherwise; driven by pgbench."""

    name = "postgresql"
    seconds = 1.0

    def start(self):
        if not os.path.exists(f"{POSTGRES}/initdb") or not shutil.which("pgbench"):
            raise Missing("there is no PostgreSQL 15")
        self.user = {}
        if os.geteuid() == 0:  # it refuses to run as root
            account = pwd.getpwnam("postgres")
            os.chown(self.folder, account.pw_uid, account.pw_gid)
            self.user = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
        self.port = free_port()
        data = os.path.join(self.folder, "data")
        initdb = subprocess.run(
            [f"{POSTGRES}/initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8"]
            + ["--no-locale"],
            cwd=self.folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            check=False,
            text=True,
            **self.user,
        )
        if initdb.returncode != 0:
            raise Missing(f"initdb: {initdb.stderr.strip()}")
        self.spawn(
            [f"{POSTGRES}/postgres", "-D", data, "-p", str(self.port), "-c", "fsync=on"]
            + ["-c", "synchronous_commit=on", "-c", "listen_addresses=127.0.0.1"]
            + ["-c", "unix_socket_directories=", "-c", "max_connections=300"],
            cwd=self.folder,
            **self.user,
        )
        if not wait_until_it_listens(self.port, self.process) or not self.make_schema():
            raise Missing(self.why())
        self.script = os.path.join(self.folder, "append.sql")
        with open(self.script, "w", encoding="ascii") as file:
            file.write(POSTGRES_APPEND)

    def address_options(self):
        return ["-h", "127.0.0.1", "-p", str(self.port), "-U", "postgres"]

    def make_schema(self):
        """It listens a little before it lets anybody in."""
        deadline = time.monotonic() + START_SECONDS_MAX
        while time.monotonic() < deadline:
            done = subprocess.run(
                ["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", *self.address_options()],
                input=POSTGRES_SCHEMA,
                stderr=subprocess.DEVNULL,
                check=False,
                text=True,
            )
            if done.returncode == 0:
                return True
            time.sleep(0.1)
        return False

    def stop(self):
        if self.process:
            self.process.send_signal(2)  # SIGINT: without waiting for clients
            self.process.wait()
        self.process = None

    def append(self, clients):
        """pgbench takes whole seconds and writes the end and the latency of each transaction into
        files. Neither its first seconds count, in which the clients connect and plan, nor its last,
        in which they end one after another."""
        prefix = os.path.join(self.folder, "latency")
        warm_up = math.ceil(clients / 64)
        whole = warm_up + math.ceil(self.seconds) + 1
        subprocess.run(
            ["pgbench", "-n", "-M", "prepared", "-f", self.script, "-c", str(clients)]
            + ["-T", str(whole), "-l", "--log-prefix", prefix]
            + [*self.address_options(), "postgres"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=True,
        )
        lines = []
        for entry in os.listdir(self.folder):
            if entry.startswith("latency."):
                path = os.path.join(self.folder, entry)
                with open(path, encoding="ascii") as log:
                    lines += log.readlines()
                os.unlink(path)
        return of_pgbench_log(lines, warm_up, self.seconds)


def of_pgbench_log(lines, warm_up, seconds):
    """`seconds` of it, after its warm-up.
    Columns: client, transaction, latency us, script, end s, end us."""
    rows = [[int(word) for word in line.split()] for line in lines]
    ended = [(row[4] * 1_000_000 + row[5], row[2]) for row in rows]
    from_us = min(end for end, _ in ended) + warm_up * 1e6
    to_us = from_us + seconds * 1e6
    latencies = sorted(latency for end, latency in ended if from_us <= end < to_us)
    rate = len(latencies) / seconds
    return {
        "events_per_s": rate,
        "calls_per_s": rate,
        "p50_us": percentile(latencies, 500),
        "p99_us": percentile(latencies, 990),
        "p999_us": percentile(latencies, 999),
    }


class Umadb(Server):
    """The server of its Python package (the server is Rust all the same); driven by our client."""

    name = "umadb"

    def start(self):
        binary = f"{TOOLS}/bin/umadb"
        if not os.path.exists(binary):
            raise Missing("there is no .tools/bench/bin/umadb")
        self.port = free_port()
        self.address = f"127.0.0.1:{self.port}"
        database = os.path.join(self.folder, "uma.db")
        self.spawn([binary, "--listen", self.address, "--db-path", database])
        if not wait_until_it_listens(self.port, self.process):
            raise Missing(self.why())


class Restate(Server):
    """Its server, and the saga as a service of its SDK for Node; driven by Node, too."""

    name = "restate"
    services = None

    def start(self):
        binary = f"{RESTATE}/node_modules/.bin/restate-server"
        if not os.path.exists(binary) or not shutil.which("node"):
            raise Missing("there is no .tools/restate, or no node")
        self.port, admin, peer, services = (free_port() for _ in range(4))
        self.spawn(
            [binary, "--base-dir", os.path.realpath(self.folder), "--node-name", "bench"],
            env={
                **os.environ,
                "RESTATE_INGRESS__BIND_ADDRESS": f"127.0.0.1:{self.port}",
                "RESTATE_ADMIN__BIND_ADDRESS": f"127.0.0.1:{admin}",
                "RESTATE_BIND_ADDRESS": f"127.0.0.1:{peer}",
                "RESTATE_ADVERTISED_ADDRESS": f"http://127.0.0.1:{peer}",
            },
        )
        with open(os.path.join(self.folder, "services"), "wb") as output:
            self.services = subprocess.Popen(
                ["node", f"{RESTATE}/services.mjs", str(services)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        if not wait_until_it_listens(self.port, self.process) or not wait_until_it_listens(
            services, self.services
        ):
            raise Missing(self.why())
        if not self.register(admin, services):
            raise Missing("restate did not take the services")

    def register(self, admin, services):
        """It listens a little before it takes them."""
        body = json.dumps({"uri": f"http://127.0.0.1:{services}"}).encode()
        deadline = time.monotonic() + START_SECONDS_MAX
        while time.monotonic() < deadline:
            request = urllib.request.Request(
                f"http://127.0.0.1:{admin}/deployments",
                data=body,
                headers={"content-type": "application/json"},
            )
            try:
                with urllib.request.urlopen(request, timeout=5):
                    return True
            except OSError:
                time.sleep(0.2)
        return False

    def stop(self):
        super().stop()
        if self.services:
            self.services.kill()
            self.services.wait()
        self.services = None

    def sagas(self, clients, seconds):
        return run_json("node", f"{RESTATE}/load.mjs", self.port, clients, 1, seconds)


def raw(what, *words):
    """fsync and RocksDB without a server."""
    return run_json(f"{BINARIES}/raw", what, *words)
