#!/usr/bin/python3
"""What tests/report counts, from logs and events as cmocka and Bazel write them."""

import importlib.machinery
import importlib.util
import json
import os
import sys
import tempfile

sys.dont_write_bytecode = True
PATH = os.path.join(os.path.dirname(os.path.realpath(__file__)), "report")
LOADER = importlib.machinery.SourceFileLoader("report", PATH)
report = importlib.util.module_from_spec(importlib.util.spec_from_loader("report", LOADER))
LOADER.exec_module(report)

CMOCKA = """[==========] Running 3 test(s).
[ RUN      ] good
[       OK ] good
[  FAILED  ] bad
[  SKIPPED ] tired
[==========] 3 test(s) run.
[  PASSED  ] 1 test(s).
[  SKIPPED ] 1 test(s), listed below:
[  SKIPPED ] tired
[  FAILED  ] 1 test(s), listed below:
[  FAILED  ] bad

 1 FAILED TEST(S)
"""


def count(status, log):
    found = report.count_target("//a:b", status, log.split("\n"))
    return found.passed, found.failed, found.skipped


def run(events, bazel_exit):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "events")
        for number, event in enumerate(events):
            if "log" in event:
                log = os.path.join(folder, f"log {number}")
                with open(log, "w", encoding="utf-8") as file:
                    file.write(event.pop("log"))
                uri = "file://" + log.replace(" ", "%20")
                event["testResult"]["testActionOutput"] = [{"name": "test.log", "uri": uri}]
        with open(path, "w", encoding="utf-8") as file:
            file.writelines(json.dumps(event) + "\n" for event in events)
        return report.count_run(path, bazel_exit).line()


def result(status, log, attempt=1, shard=1):
    test = {"label": "//a:b", "run": 1, "shard": shard, "attempt": attempt}
    return {"id": {"testResult": test}, "testResult": {"status": status}, "log": log}


def completed(label, success):
    event = {"id": {"targetCompleted": {"label": label}}}
    return dict(event, **({"completed": {"success": True}} if success else {"aborted": {}}))


CASES = {
    "each test of cmocka counts": (
        count("FAILED", CMOCKA),
        (1, ["//a:b: bad"], ["//a:b: tired"]),
    ),
    "two groups of cmocka in one log count": (
        count("PASSED", "[  PASSED  ] 2 test(s).\n" * 2),
        (4, [], []),
    ),
    "lines of a script count": (
        count("FAILED", "ok - x\nnot ok - y: why\nskip - z: no tool\n"),
        (1, ["//a:b: y: why"], ["//a:b: z: no tool"]),
    ),
    "a log without tests counts as one": (count("PASSED", "hello\n"), (1, [], [])),
    "a failing log without tests counts as one": (count("FAILED", ""), (0, ["//a:b: failed"], [])),
    "a crash after tests that passed fails": (
        count("FAILED", "[  PASSED  ] 2 test(s).\n"),
        (2, ["//a:b: failed"], []),
    ),
    "a time-out fails": (count("TIMEOUT", "ok - x\n"), (1, ["//a:b: timeout"], [])),
    "of several attempts the last counts": (
        run([result("FAILED", "not ok - x\n"), result("PASSED", "ok - x\n", 2)], 0),
        "1 passed, 0 failed",
    ),
    "every shard counts": (
        run([result("PASSED", "ok - x\n"), result("PASSED", "ok - y\n", shard=2)], 0),
        "2 passed, 0 failed",
    ),
    "what does not build fails": (
        run([result("PASSED", "ok - x\n"), completed("//a:c", False)], 1),
        "1 passed, 1 failed",
    ),
    "what builds and is no test does not count": (
        run([result("PASSED", "ok - x\n"), completed("//a:c", True)], 0),
        "1 passed, 0 failed",
    ),
    "a build that fails before any test fails": (run([], 1), "0 passed, 1 failed"),
    "no test at all fails": (run([], 4), "0 passed, 1 failed"),
    "an error of Bazel itself fails": (
        run([result("PASSED", "ok - x\n")], 37),
        "1 passed, 1 failed",
    ),
    "skipped tests are told": (
        run([result("PASSED", "ok - x\nskip - y: no\n")], 0),
        "1 passed, 0 failed, 1 skipped",
    ),
}


def main():
    good = True
    for name, (found, wanted) in CASES.items():
        right = found == wanted
        print("ok -" if right else "not ok -", name, "" if right else f": {found}, not {wanted}")
        good = good and right
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
