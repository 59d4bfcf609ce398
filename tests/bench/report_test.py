#!/usr/bin/python3
"""Checks what is made of measurements: not one of them is taken here."""

import contextlib
import io
import json
import os
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))

import aims
import report
import systems
from results import Results

REDIS = """
Latency by percentile distribution:
0.000% <= 0.519 milliseconds (cumulative count 1)
50.000% <= 1.863 milliseconds (cumulative count 10068)
99.219% <= 11.911 milliseconds (cumulative count 19844)
99.902% <= 14.375 milliseconds (cumulative count 19981)
100.000% <= 14.503 milliseconds (cumulative count 20000)

Cumulative distribution of latencies:
99.000% <= 11.103 milliseconds (cumulative count 19800)

Summary:
  throughput summary: 22148.39 requests per second
"""


def measurement(rate, p99_us=900):
    return {
        "events_per_s": rate,
        "calls_per_s": rate,
        "p50_us": 300,
        "p99_us": p99_us,
        "p999_us": 2000,
    }


def results_of(**rates):
    """At 64 clients."""
    results = Results(1, 3, 10, 10)
    results.fsync = [measurement(5000), measurement(4000)]
    for system, values in rates.items():
        for value in values:
            results.add(aims.append(64), system, measurement(value))
    return results


def aim_of(peer):
    return next(aim for aim in aims.RATIOS if (aim.work, aim.peer) == (aims.append(64), peer))


class Measurements(unittest.TestCase):
    def test_ratio_is_that_of_the_medians_with_the_extremes_beside_it(self):
        results = results_of(sagabase=[100, 50, 90], redis=[100, 120, 300])
        ratio, low, high = results.ratio(aim_of("redis"))
        self.assertAlmostEqual(ratio, 90 / 120)
        self.assertAlmostEqual(low, 50 / 300)
        self.assertAlmostEqual(high, 100 / 100)

    def test_aims_are_met_at_what_is_wanted_and_missed_below(self):
        results = results_of(sagabase=[70], redis=[100], postgresql=[24])
        self.assertTrue(report.reached(results, aim_of("redis"))[1])
        self.assertFalse(report.reached(results, aim_of("postgresql"))[1])

    def test_what_was_not_measured_is_neither_met_nor_missed(self):
        self.assertIsNone(report.reached(results_of(sagabase=[70]), aim_of("redis")))

    def test_figures_have_a_highest_or_a_lowest_value(self):
        results = results_of()
        results.add(aims.RESTART, "sagabase", {"seconds": 2.5, "seconds_after_kill": 1.5})
        results.add(aims.READ_ALL, "sagabase", measurement(999_999))
        good = {
            (aim.work, aim.field): report.reached(results, aim)[1]
            for aim in aims.FIGURES
            if report.reached(results, aim)
        }
        self.assertFalse(good[aims.RESTART, "seconds"])
        self.assertTrue(good[aims.RESTART, "seconds_after_kill"])
        self.assertFalse(good[aims.READ_ALL, "events_per_s"])

    def test_table_has_each_aim_beside_its_peer_and_tells_who_is_missing(self):
        results = results_of(sagabase=[70], redis=[100], postgresql=[30])
        results.skip("umadb", "there is none")
        with contextlib.redirect_stdout(io.StringIO()) as table:
            report.print_table(results)
        lines = table.getvalue().split("\n")
        redis = next(line for line in lines if line.startswith("  redis"))
        postgres = next(line for line in lines if line.startswith("  postgresql"))
        self.assertIn("0.70 x redis", redis)
        self.assertNotIn("missed", redis)
        self.assertIn("(missed)", postgres)
        self.assertTrue(any("skipped: umadb: there is none" in line for line in lines))

    def test_json_holds_every_run_and_every_aim(self):
        results = results_of(sagabase=[70, 80, 90])
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "bench.json")
            report.write_json(results, path)
            with open(path, encoding="utf-8") as file:
                whole = json.load(file)
        self.assertEqual([run["events_per_s"] for run in whole["rows"][0]["runs"]], [70, 80, 90])
        self.assertEqual(whole["rows"][0]["median"]["events_per_s"], 80)
        self.assertEqual(len(whole["aims"]), len(aims.RATIOS) + len(aims.FIGURES))


class Peers(unittest.TestCase):
    def test_redis_benchmark_is_read(self):
        got = systems.of_redis_benchmark(REDIS)
        self.assertEqual(got["events_per_s"], 22148.39)
        self.assertEqual((got["p50_us"], got["p99_us"], got["p999_us"]), (1863, 11103, 14375))

    def test_warm_up_and_end_of_a_pgbench_log_do_not_count(self):
        lines = [f"0 {i} {1000 + i} 0 {i // 10} {i % 10 * 100000}" for i in range(40)]
        got = systems.of_pgbench_log(lines, 1, 2)
        self.assertEqual(got["events_per_s"], 10)
        self.assertEqual(got["p50_us"], 1019)
        self.assertEqual(got["p999_us"], 1029)

    def test_percentile_is_a_value_that_occurred(self):
        self.assertEqual(systems.percentile([], 500), 0)
        self.assertEqual(systems.percentile([7], 999), 7)
        self.assertEqual(systems.percentile(list(range(1, 1001)), 990), 990)


if __name__ == "__main__":
    unittest.main()
