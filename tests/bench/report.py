"""Tells what a run has measured: a table, JSON and a picture."""

import json
import os
import shutil
import statistics
import subprocess

import aims

LATENCIES = ("p50_us", "p99_us", "p999_us")
COLORS = {
    "sagabase": "#c0392b",
    "empty call": "#bbbbbb",
    "redis": "#2980b9",
    "postgresql": "#27ae60",
    "umadb": "#8e44ad",
    "rocksdb": "#7f8c8d",
    "1 subscriber": "#c0392b",
    "1,000 subscribers": "#e67e22",
    "fsync alone": "#bbbbbb",
}


NOTES = """
Medians; in brackets the ratio of the worst run to the other's best, and of the best to its worst.
CPU us: of the server, for a call. Latencies: of a call; of a whole read; of a pipeline of 16 in the
rows of redis beside appends of 100; live: from the sending of an append to its arrival.
sagabase, the empty call and umadb are driven by the same client (tests/bench/bench.c, one thread, 4
connections), redis by redis-benchmark, postgresql by pgbench. Events have 256 bytes of data and
every append is on disk (fsync) before it is answered, everywhere."""


def reached(results, aim):
    """The words for an aim: what was wanted beside what was reached; None if not measured."""
    if isinstance(aim, aims.Ratio):
        ratio = results.ratio(aim)
        if ratio is None:
            return None
        peer = aim.peer if not aim.peer_work else f"{aim.peer}, {aim.peer_work}"
        text = f"{ratio[0]:.2f} x {peer} ({ratio[1]:.2f} to {ratio[2]:.2f}), aim {aim.wanted:g}"
        return text, ratio[0] >= aim.wanted
    value = results.median(aim.work, "sagabase", aim.field)
    if value is None:
        return None
    good = value <= aim.wanted if aim.at_most else value >= aim.wanted
    bound = "at most" if aim.at_most else "at least"
    name = aim.field.replace("_", " ")
    return f"{name}: {value:,.2f} {aim.unit}, aim {bound} {aim.wanted:,}", good


def all_aims(results):
    for aim in aims.RATIOS + aims.FIGURES:
        found = reached(results, aim)
        yield aim, *(found or ("not measured", None))


def aim_lines(results, work, system):
    """Sagabase's ratio to a peer stands in the peer's row, its other figures in its own."""
    for aim in aims.RATIOS + aims.FIGURES:
        if isinstance(aim, aims.Ratio):
            here = aim.work == work and aim.peer == system
        else:
            here = system == "sagabase" and aim.work == work
        found = reached(results, aim) if here else None
        if found:
            yield found[0] + ("" if found[1] else "  (missed)")
    if work == aims.LIVE:
        fsync_ms = results.median(work, system, "fsync_p99_ms")
        yield f"fsync alone, just before: p99 {fsync_ms:.2f} ms"


def print_row(results, work, system):
    field = results.rate_field(system)
    rate = results.median(work, system, field)
    lines = list(aim_lines(results, work, system))
    text = f"  {system:<24}"
    if rate is not None:
        low, high = results.spread(work, system, field)
        latencies = [results.median(work, system, name) for name in LATENCIES]
        text += f"{rate:>11,.0f} {f'{low:,.0f} to {high:,.0f}':>24}"
        cpu = results.median(work, system, "server_cpu_us_per_call")
        text += "".join(f"{value:>10,.0f}" if value else f"{'-':>10}" for value in latencies)
        text += f"{cpu:>8,.1f}" if cpu else f"{'-':>8}"
    else:
        text += " " * 74
    print(text + "   " + (lines[0] if lines else ""))
    for line in lines[1:]:
        print(" " * 103 + line)


def print_fsync(results):
    for when, one in zip(("before", "after"), results.fsync):
        print(
            f"fsync {when:<6} {one['calls_per_s']:,.0f}/s, us: p50 {one['p50_us']:,}, "
            f"p99 {one['p99_us']:,}, p99.9 {one['p999_us']:,}"
        )


def print_table(results):
    conditions = results.conditions
    print(f"\n{conditions['machine']}; {conditions['repeats']} runs of {conditions['seconds']:g} s")
    print_fsync(results)
    head = "".join(f"{name:>10}" for name in ("p50 us", "p99 us", "p99.9 us"))
    head += f"{'CPU us':>8}   sagabase's aim"
    print(f"\n{'':<26}{'events/s':>11} {'lowest to highest':>24}{head}")
    previous = None
    for work, system in results.measured:
        if work != previous:
            print(work)
        previous = work
        print_row(results, work, system)
    for system, why in results.skipped.items():
        print(f"skipped: {system}: {why}; `bazel/setup bench` installs it")
    print(NOTES)
    missed = sum(good is False for _, _, good in all_aims(results))
    unknown = sum(good is None for _, _, good in all_aims(results))
    total = len(aims.RATIOS + aims.FIGURES)
    print(f"\naims: {total}, of which {missed} were missed and {unknown} not measured")


def write_json(results, path):
    rows = [
        {
            "work": work,
            "system": system,
            "median": {name: results.median(work, system, name) for name in measurements[0]},
            "runs": measurements,
        }
        for (work, system), measurements in results.measured.items()
    ]
    told = [
        {"work": aim.work, "wanted": aim.wanted, "reached": text, "good": good}
        for aim, text, good in all_aims(results)
    ]
    whole = {
        "conditions": results.conditions,
        "fsync": results.fsync,
        "skipped": results.skipped,
        "rows": rows,
        "aims": told,
    }
    with open(path, "w", encoding="utf-8") as file:
        json.dump(whole, file, indent=2)
        file.write("\n")


# --- the picture -----------------------------------------------------------------------------


LOGARITHMIC = "set logscale y\nset yrange [0.01:*]\nset format y '%g'\n"


def write_table(path, results, works, labels, field, systems):
    """One line for each work, one column for each system."""
    with open(path, "w", encoding="utf-8") as file:
        print("# work", *(f'"{system}"' for system in systems), file=file)
        for work, label in zip(works, labels):
            values = [
                results.median(work, system, field or results.rate_field(system))
                for system in systems
            ]
            print(f'"{label}"', *("?" if v is None else v for v in values), file=file)


def write_latencies(path, measurements):
    """measurements: name -> list of them."""
    with open(path, "w", encoding="utf-8") as file:
        print("# part", *(f'"{name}"' for name in measurements), file=file)
        for label, field in zip(("p50", "p99", "p99.9"), LATENCIES):
            values = [statistics.median([one[field] for one in m]) for m in measurements.values()]
            print(label, *(value / 1000 if value else "?" for value in values), file=file)


def panel(title, unit, path, systems, more=""):
    bars = ", ".join(
        f"'{path}' using {column}:xtic(1) title '{system}' linecolor rgb '{COLORS[system]}'"
        for column, system in enumerate(systems, 2)
    )
    after = "unset logscale y\nset format y '%.1s%c'\n"
    return f"set title '{title}'\nset ylabel '{unit}'\n{more}plot {bars}\n{after}"


def present(results, works):
    """Systems of these works that the picture knows, Sagabase first."""
    return [name for name in COLORS if any((work, name) in results.measured for work in works)]


def panels(results, folder):
    def path(name):
        return os.path.join(folder, name + ".data")

    works = [aims.append(clients) for clients in aims.CLIENTS]
    systems = present(results, works)
    write_table(path("appends"), results, works, aims.CLIENTS, None, systems)
    yield panel("append 1 event, by clients", "events/s", path("appends"), systems)
    for clients in (1, 64, 256):
        work = aims.append(clients)
        write_latencies(
            path(f"latency-{clients}"), {name: results.measured[work, name] for name in systems}
        )
        title = f"append 1 event, {clients} client{'s' if clients > 1 else ''}: latency"
        data = path(f"latency-{clients}")
        yield panel(title, "ms", data, systems, LOGARITHMIC)
    large = [aims.SESSIONS, *(aims.append_100(clients) for clients in aims.CLIENTS_100)]
    labels = ["sessions", *aims.CLIENTS_100]
    systems = present(results, large)
    write_table(path("large"), results, large, labels, None, systems)
    yield panel("8 sessions of 64; 100 events, by clients", "events/s", path("large"), systems)
    reads = [aims.READ_ALL, aims.READ_STREAM]
    systems = present(results, reads)
    write_table(path("reads"), results, reads, ["all", "one stream"], None, systems)
    yield panel("reads", "events/s", path("reads"), systems)


    live = {
        "1 subscriber": results.measured[aims.LIVE, "sagabase"],
        "1,000 subscribers": results.measured[aims.FAN_OUT, "sagabase"],
        "fsync alone": results.fsync,
    }
    write_latencies(path("live"), live)
    yield panel("live: sent to delivered", "ms", path("live"), list(live), LOGARITHMIC)


def draw(results, path, folder):
    if not shutil.which("gnuplot"):
        print("no picture: there is no gnuplot; `bazel/setup bench` installs it")
        return
    script = (
        "set terminal pngcairo size 1900,900 font 'sans,10' noenhanced\n"
        f"set output '{path}'\n"
        "set style data histograms\nset style histogram clustered gap 1\n"
        "set style fill solid\nset datafile missing '?'\nset boxwidth 0.9\n"
        "set grid ytics\nset key below horizontal\nset format y '%.1s%c'\n"
        "set multiplot layout 2,4 title 'medians of one run; every append is fsynced'\n"
    )
    for one in panels(results, folder):
        script += "set autoscale y\nset yrange [0:*]\n" + one
    done = subprocess.run(
        ["gnuplot"], input=script, stderr=subprocess.PIPE, check=False, text=True
    )
    if done.returncode != 0:
        print(f"no picture: gnuplot: {done.stderr.strip()}")
