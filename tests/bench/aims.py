"""What the project aims at: ratios between systems in one run, and a few absolute figures.

A missed aim is told, never an error: the machine may be busy.
"""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Ratio:
    """Sagabase's events (calls) a second at `work`, at least `wanted` times `peer`'s."""

    work: str
    peer: str
    wanted: float
    peer_work: str = ""  # empty: the same


@dataclasses.dataclass(frozen=True)
class Figure:
    """A field of Sagabase's row at `work`, at most (least) `wanted`."""

    work: str
    field: str
    wanted: float
    unit: str
    at_most: bool = True


def append(clients):
    return f"append 1 event, {clients} client{'s' if clients > 1 else ''}"


def append_100(clients):
    return f"append 100 events, {clients} clients"


def sagas(clients):
    return f"saga of 3 steps, {clients} at a time"


def cache(what, pipeline):
    more = f", {pipeline} in a pipeline" if pipeline > 1 else ""
    return f"{what.upper()} of Redis, 64 clients{more}"


CLIENTS = (1, 8, 64, 256)
CLIENTS_100 = (8, 64)
CACHED = ("set", "get")
SESSIONS = "append 1 event, 8 sessions of 64"
READ_ALL = "read all"
READ_STREAM = "read one stream"
LOAD_SNAPSHOT = "load 10,000 events, snapshot before the last 100"
LOAD_REPLAYED = "load 10,000 events, no snapshot"
LIVE = "live, 10,000 events/s"
FAN_OUT = "live, 1,000 subscribers, 20 events/s"
STORED = "append 1 event, 64 clients, Zipf"
STORED_FULL = "append 1 event, 64 clients, Zipf, store filled"
RESTART = "restart with the store filled"
UNTRACED = "append 1 event, 64 clients, not traced"
TRACED_SOME = "append 1 event, 64 clients, 1 % traced"
TRACED = "append 1 event, 64 clients, all traced"
IDLE = "memory"
CACHE_FULL = "values of 16 B to 60 kB in a cache of 64 MiB"
COMMITS = "RocksDB alone"
CLIENTS_SAGAS = (1, 64, 256)
SAGA_BURST = "10,000 sagas started at once"
SAGAS_OPEN = "100,000 open sagas"

RATIOS = (
    Ratio(append(64), "empty call", 0.5),
    Ratio(append(256), "empty call", 0.65),
    *(Ratio(append(clients), "redis", 0.7) for clients in CLIENTS),
    *(Ratio(append(clients), "postgresql", 3) for clients in CLIENTS),
    *(Ratio(append(clients), "umadb", 1) for clients in CLIENTS),
    Ratio(SESSIONS, "redis", 1.5),
    *(Ratio(append_100(clients), "redis", 1.5) for clients in CLIENTS_100),
    *(Ratio(append_100(clients), "umadb", 1) for clients in CLIENTS_100),
    Ratio(READ_ALL, "rocksdb", 0.4),
    Ratio(READ_ALL, "umadb", 2),
    Ratio(READ_STREAM, "rocksdb", 0.4),
    Ratio(READ_STREAM, "umadb", 2),
    Ratio(LOAD_SNAPSHOT, "sagabase", 30, LOAD_REPLAYED),
    Ratio(STORED_FULL, "sagabase", 0.9, STORED),
    Ratio(sagas(64), "restate", 10),
    Ratio(TRACED_SOME, "sagabase", 0.97, UNTRACED),
    Ratio(TRACED, "sagabase", 0.85, UNTRACED),
    *(Ratio(cache(what, 1), "redis", 1) for what in CACHED),
    *(Ratio(cache(what, 16), "redis", 0.8) for what in CACHED),
)

FIGURES = (
    Figure(READ_ALL, "events_per_s", 1_000_000, "events/s", at_most=False),
    Figure(READ_STREAM, "events_per_s", 1_000_000, "events/s", at_most=False),
    Figure(LIVE, "p99_beside_fsync_ms", 2, "ms"),
    Figure(RESTART, "seconds", 2, "s"),
    Figure(RESTART, "seconds_after_kill", 2, "s"),
    Figure(IDLE, "idle_mib", 48, "MiB"),
    Figure(IDLE, "kib_per_subscription", 32, "KiB"),
    Figure(CACHE_FULL, "counted_share", 1.05, "of the cache's memory"),
    Figure(sagas(1), "p50_us", 2000, "us"),
    Figure(sagas(1), "commits_per_saga", 4, "commits"),
    Figure(sagas(64), "commits_per_saga", 1, "commits"),
    Figure(SAGAS_OPEN, "bytes_per_saga", 1024, "bytes"),
    Figure(SAGAS_OPEN, "seconds", 2, "s"),
)
