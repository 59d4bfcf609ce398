"""What a run has measured."""

import os
import platform
import statistics


class Results:
    def __init__(self, seconds, repeats, events, stored):
        self.conditions = {
            "seconds": seconds,
            "repeats": repeats,
            "events": events,
            "stored": stored,
            "machine": machine(),
        }
        self.measured = {}  # (work, system) -> list of measurements
        self.skipped = {}  # system -> why
        self.fsync = []  # before and after

    def add(self, work, system, measurement):
        self.measured.setdefault((work, system), []).append(measurement)

    def skip(self, system, why):
        self.skipped[system] = why

    def values(self, work, system, field):
        return [one[field] for one in self.measured.get((work, system), []) if field in one]

    def median(self, work, system, field):
        """None where nothing was measured."""
        values = self.values(work, system, field)
        return statistics.median(values) if values else None

    def spread(self, work, system, field):
        values = self.values(work, system, field)
        return min(values), max(values)

    def rate_field(self, system):
        return "calls_per_s" if system == "empty call" else "events_per_s"

    def ratio(self, aim):
        """(of the medians, lowest and highest of any two runs), or None."""
        peer_work = aim.peer_work or aim.work
        field = self.rate_field(aim.peer)
        ours = self.median(aim.work, "sagabase", "events_per_s")
        theirs = self.median(peer_work, aim.peer, field)
        if not ours or not theirs:
            return None
        low, high = self.spread(aim.work, "sagabase", "events_per_s")
        peer_low, peer_high = self.spread(peer_work, aim.peer, field)
        return ours / theirs, low / peer_high, high / peer_low


def machine():
    model = platform.processor() or platform.machine()
    with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
        for line in file:
            if line.startswith("model name"):
                model = line.split(":", 1)[1].strip()
                break
    cores = len(os.sched_getaffinity(0))
    return f"{cores} cores of {model}, Linux {platform.release()}"
