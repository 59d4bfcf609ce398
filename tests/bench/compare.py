#!/usr/bin/python3
"""Measures Sagabase beside others, in turns, in one run; tests/bench/run prepares and calls it.

    compare.py FOLDER JSON_FILE PNG_FILE

FOLDER is for data and lies on the disk that is measured. Settings are told in docs/benchmarks.md.
"""

import os
import sys

sys.dont_write_bytecode = True

import aims
import report
import systems
from results import Results

SECONDS = float(os.environ.get("BENCH_SECONDS", "1"))
REPEATS = int(os.environ.get("BENCH_REPEATS", "3"))
EVENTS = int(float(os.environ.get("BENCH_EVENTS", "1000000")))
STORED = int(float(os.environ.get("BENCH_STORED", "1000000")))
LIVE_RATE = 10_000
IDLE_SUBSCRIBERS = 10_000
IDLE_CONNECTIONS = 16  # a server takes 1,000 calls of one
UMADB_FILL_EVENTS = 100  # of an append


def say(text):
    print(f"  {text}", file=sys.stderr, flush=True)


def take_turns(results, work, runners, repeats=REPEATS):
    """runners: system -> function. A B C, then C B A, and so on: what slows the machine for a
    while should not hit one system alone."""
    say(work)
    for turn in range(repeats):
        order = list(runners.items())
        for system, measure in order if turn % 2 == 0 else reversed(order):
            results.add(work, system, measure())


class Comparison:
    def __init__(self, folder, results):
        self.folder = folder
        self.results = results
        self.running = {}

    def start(self, kind, folder=None):
        """None where it is missing."""
        server = kind(os.path.join(self.folder, folder or kind.__name__.lower()))
        server.seconds = SECONDS
        try:
            server.start()
        except systems.Missing as missing:
            server.stop()
            self.results.skip(kind.name, str(missing))
            print(f"bench: {kind.name} is skipped: {missing}", file=sys.stderr)
            return None
        self.running[server.folder] = server
        return server

    def stop(self, *servers):
        for server in servers:
            if server:
                server.stop()
                self.running.pop(server.folder, None)

    def stop_all(self):
        self.stop(*list(self.running.values()))

    def fsync(self):
        self.results.fsync.append(systems.raw("fsync", self.folder, SECONDS))

    # --- appends ---------------------------------------------------------------------------

    def appends(self):
        echo, ours = self.start(systems.Echo), self.start(systems.Sagabase)
        redis, umadb = self.start(systems.Redis), self.start(systems.Umadb)
        postgres = self.start(systems.Postgres)
        for clients in aims.CLIENTS:
            closed = {"seconds": SECONDS, "outstanding": clients}
            runners = {
                "empty call": lambda: echo.load("empty", **closed),
                "sagabase": lambda: ours.load("append", **closed),
            }
            if redis:
                runners["redis"] = lambda: redis.append(clients)
            if postgres:
                runners["postgresql"] = lambda: postgres.append(clients)
            if umadb:
                runners["umadb"] = lambda: umadb.load("umadb-append", **closed)
            take_turns(self.results, aims.append(clients), runners)
        runners = {"sagabase": lambda: ours.load("sessions", seconds=SECONDS)}
        if redis:
            runners["redis"] = lambda: redis.append(64)
        take_turns(self.results, aims.SESSIONS, runners)
        for clients in aims.CLIENTS_100:
            closed = {"seconds": SECONDS, "outstanding": clients, "events": 100}
            runners = {"sagabase": lambda: ours.load("append", **closed)}
            if redis:
                runners["redis"] = lambda: redis.append(clients, pipeline=16)
            if umadb:
                runners["umadb"] = lambda: umadb.load("umadb-append", **closed)
            take_turns(self.results, aims.append_100(clients), runners)
        self.stop(echo, ours, redis, umadb, postgres)

    def rocksdb(self):
        folder = os.path.join(self.folder, "raw")
        runners = {
            f"rocksdb, {count} a commit": lambda count=count: systems.raw(
                "append", f"{folder}-{count}", SECONDS, count
            )
            for count in (1, 64, 100)
        }
        take_turns(self.results, aims.COMMITS, runners)

    # --- traces ------------------------------------------------------------------------------

    def traces(self):
        """The one who takes the spans shares the machine: its time is in the figures, too."""
        collector = self.start(systems.Echo, "collector")
        servers = {aims.UNTRACED: self.start(systems.Sagabase, "untraced")}
        for work, ratio in ((aims.TRACED_SOME, 0.01), (aims.TRACED, 1)):
            folder = os.path.join(self.folder, f"traced-{ratio}")
            server = systems.Traced(folder, collector.address, ratio)
            server.start()
            self.running[server.folder] = servers[work] = server
        closed = {"seconds": SECONDS, "outstanding": 64}
        say(aims.TRACED)
        for turn in range(REPEATS):
            order = list(servers.items())
            for work, server in order if turn % 2 == 0 else reversed(order):
                self.results.add(work, "sagabase", server.load("append", **closed))
        self.stop(*servers.values(), collector)

    def cache(self):
        ours, redis = self.start(systems.Resp), self.start(systems.RedisCache)
        for pipeline in (1, 16):
            for what in aims.CACHED:
                runners = {}
                if ours:
                    runners["sagabase"] = lambda: ours.benchmark.cache(what, pipeline)
                if redis:
                    runners["redis"] = lambda: redis.benchmark.cache(what, pipeline)
                take_turns(self.results, aims.cache(what, pipeline), runners)
        self.stop(ours, redis)
        self.full_cache()

    def full_cache(self):
        """What is counted, and what the processes have grown by, malloc's gaps and RocksDB's
        buffers included."""
        say(aims.CACHE_FULL)
        limit = systems.CACHE_MIB << 20
        for kind in (systems.FullResp, systems.FullRedis):
            server = self.start(kind)
            if not server:
                continue
            idle = server.resident_bytes()
            server.benchmark.fill()
            figures = {
                "counted_share": server.benchmark.used_bytes() / limit,
                "resident_share": (server.resident_bytes() - idle) / limit,
            }
            self.results.add(aims.CACHE_FULL, server.name, figures)
            self.stop(server)

    # --- a store that holds much -------------------------------------------------------------

    def stored(self):
        stored = max(STORED, EVENTS)
        zipf = {"streams": max(1, STORED // 10), "zipf": 1}
        empty, full = self.start(systems.Sagabase, "empty"), self.start(systems.Sagabase, "full")
        say(f"storing {stored:,} events")
        full.load("fill", total=stored, **zipf)
        closed = {"seconds": SECONDS, "outstanding": 64, **zipf}
        say(aims.STORED)
        for turn in range(REPEATS):
            pair = [(aims.STORED, empty), (aims.STORED_FULL, full)]
            for work, server in pair if turn % 2 == 0 else reversed(pair):
                self.results.add(work, "sagabase", server.load("append", **closed))
        self.stop(empty)
        self.restarts(full)
        self.reads(full)
        self.stop(full)

    def restarts(self, server):
        say(aims.RESTART)
        one_call = {"total": 1, "seconds": 0, "warm_up": 0}
        for _ in range(REPEATS):
            server.stop()
            seconds = server.start()
            server.load("read-all", **one_call)
            server.kill()
            killed_seconds = server.start()
            server.load("read-all", **one_call)
            figures = {"seconds": seconds, "seconds_after_kill": killed_seconds}
            self.results.add(aims.RESTART, "sagabase", figures)

    # --- reads ---------------------------------------------------------------------------------

    def reads(self, ours):
        """Every event was an append of its own; UmaDB is filled by hundreds, to save time."""
        raw_folder = os.path.join(self.folder, "raw-read")
        systems.raw("fill", raw_folder, EVENTS)
        say(f"storing {EVENTS:,} events in one stream")
        ours.load("fill-long", total=EVENTS)
        umadb = self.start(systems.Umadb, "umadb-read")
        once = {"total": EVENTS, "seconds": SECONDS, "warm_up": 0.1}
        if umadb:
            umadb.load("umadb-fill", outstanding=64, events=UMADB_FILL_EVENTS, total=EVENTS)
        for work, call, peer_call in (
            (aims.READ_ALL, "read-all", "umadb-read-all"),
            (aims.READ_STREAM, "read-stream", "umadb-read-tag"),
        ):
            runners = {
                "sagabase": lambda: ours.load(call, **once),
                "rocksdb": lambda: systems.raw("scan", raw_folder, EVENTS),
            }
            if umadb:
                runners["umadb"] = lambda: umadb.load(peer_call, **{**once, "warm_up": 0})
            take_turns(self.results, work, runners, min(REPEATS, 2))
        self.stop(umadb)

    # --- snapshots -----------------------------------------------------------------------------

    def snapshots(self):
        ours = self.start(systems.Sagabase, "snapshots")
        ours.load("fill-long", total=10_000)
        for work, call, events in (
            (aims.LOAD_REPLAYED, "load-replayed", 10_000),
            (aims.LOAD_SNAPSHOT, "load-snapshot", 100),
        ):
            runners = {
                "sagabase": lambda: ours.load(call, outstanding=1, connections=1, total=events)
            }
            take_turns(self.results, work, runners)
        self.stop(ours)

    # --- sagas ---------------------------------------------------------------------------------

    def sagas(self):
        ours, restate = self.start(systems.Sagabase, "sagas"), self.start(systems.Restate)
        for clients in aims.CLIENTS_SAGAS:
            runners = {"sagabase": lambda: self.our_sagas(ours, clients)}
            if restate:
                runners["restate"] = lambda: restate.sagas(clients, SECONDS)
            take_turns(self.results, aims.sagas(clients), runners)
        self.stop(restate)
        take_turns(
            self.results,
            aims.SAGA_BURST,
            {"sagabase": lambda: ours.load("saga-burst", total=10_000, connections=16)},
        )
        self.stop(ours)
        self.open_sagas()

    def our_sagas(self, server, clients):
        """With what it has cost: commits (each with its fsync) and events."""
        names = (
            "sagabase_sagas_started_total",
            "sagabase_commit_seconds_count",
            "sagabase_committed_events_total",
        )
        server.load("sagas", seconds=0, warm_up=0)  # once, for the definition
        before = [server.metric(name) for name in names]
        got = server.load("sagas", outstanding=clients, seconds=SECONDS)
        sagas, commits, events = (server.metric(name) - old for name, old in zip(names, before))
        got["commits_per_saga"] = commits / sagas
        got["events_per_saga"] = events / sagas
        return got

    def open_sagas(self):
        say(aims.SAGAS_OPEN)
        count = 100_000
        server = self.start(systems.Sagabase, "open-sagas")
        idle = server.resident_bytes()
        server.load("saga-fill", total=count, connections=16)
        server.stop()
        seconds = server.start()
        counted = server.metric("sagabase_saga_memory_bytes")
        figures = {
            "seconds": seconds,
            "bytes_per_saga": counted / count,
            "resident_bytes_per_saga": (server.resident_bytes() - idle) / count,
        }
        self.results.add(aims.SAGAS_OPEN, "sagabase", figures)
        self.stop(server)

    # --- live delivery and memory --------------------------------------------------------------

    def live(self):
        server = self.start(systems.Sagabase, "live")
        for _ in range(REPEATS):
            fsync = systems.raw("fsync", self.folder, min(SECONDS, 1))
            got = server.load("live", rate=LIVE_RATE, seconds=max(SECONDS, 1), warm_up=0.5)
            got["fsync_p99_ms"] = fsync["p99_us"] / 1000
            got["p99_beside_fsync_ms"] = (got["p99_us"] - fsync["p99_us"]) / 1000
            self.results.add(aims.LIVE, "sagabase", got)
        say(aims.LIVE)
        many = {"subscribers": 1000, "rate": 20, "seconds": max(SECONDS, 1)}
        runners = {"sagabase": lambda: server.load("fan-out", **many)}
        take_turns(self.results, aims.FAN_OUT, runners)
        self.stop(server)

    def memory(self):
        say(aims.IDLE)
        server = self.start(systems.Sagabase, "idle")
        idle = server.resident_bytes()
        got = server.load("idle", subscribers=IDLE_SUBSCRIBERS, connections=IDLE_CONNECTIONS)
        grown = got["resident_bytes"] - got["resident_before"]
        each = grown / IDLE_SUBSCRIBERS
        figures = {"idle_mib": idle / 2**20, "kib_per_subscription": each / 2**10}
        self.results.add(aims.IDLE, "sagabase", figures)
        self.stop(server)


def main():
    folder, json_file, png_file = sys.argv[1:]
    results = Results(SECONDS, REPEATS, EVENTS, STORED)
    comparison = Comparison(folder, results)
    try:
        comparison.fsync()
        comparison.memory()
        comparison.appends()
        comparison.cache()
        comparison.rocksdb()
        comparison.traces()
        comparison.live()
        comparison.snapshots()
        comparison.sagas()
        comparison.stored()
        comparison.fsync()
    finally:
        comparison.stop_all()
    report.print_table(results)
    report.write_json(results, json_file)
    report.draw(results, png_file, folder)


if __name__ == "__main__":
    main()
