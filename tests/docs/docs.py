#!/usr/bin/python3
"""Runs the commands of the documents against a server.

Every fenced block of kind `sh` stands behind one of these lines:

    <!-- run -->                  it is run; it must succeed
    <!-- not run: reason -->      it is not run

and a block of kind `text` behind <!-- prints --> tells what the block before it prints: each of
its lines, "..." or "…" standing for anything. The blocks of one document run one after another in
one folder, against one server of their own. Commands are written for localhost:2113,
localhost:2114 and, where it answers clients of Redis, port 6380; here they reach the server of
the test.
"""

import argparse
import dataclasses
import os
import re
import shutil
import subprocess
import sys
import tempfile

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
BLOCK_SECONDS_MAX = 120
TOOLS = {  # what a command may need: a full path, or one below $SAGABASE_TOOLS
    "grpcurl": "bin/grpcurl",
    "npm": "node/node_modules",
    "pip": "python/bin/pip",
    "redis-cli": "/usr/bin/redis-cli",
}
COPIED = ("clients", "examples", "protos")  # commands write into them; all else is linked
# So that npm and pip use what is in $SAGABASE_TOOLS, and no network.
OFFLINE = {
    "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    "PIP_NO_BUILD_ISOLATION": "false",  # pip reads it so: the isolation is false
    "PIP_NO_DEPS": "1",
    "PIP_NO_INDEX": "1",
    "npm_config_offline": "true",
    "npm_config_update_notifier": "false",
}

_MARK = re.compile(r"^<!-- (run|prints|not run: \S.*) -->$")
_FENCE = re.compile(r"^```(\w*)\s*$")
_ROW = re.compile(r"^\| F(\d+) \|.*\| ([^|]*)\|$", re.MULTILINE)
_NAMED = re.compile(r"`(\w+)`")
_TEST = re.compile(r"^\s*(?:static )?(?:void )?(\w+)\(\s*void \*\*state\)$", re.MULTILINE)
_RESP_PORT = re.compile(r"\b6380\b")
_ADDRESS = re.compile(r"\b(localhost|127\.0\.0\.1):2113\b")
_HTTP = re.compile(r"\b(localhost|127\.0\.0\.1):2114\b")


@dataclasses.dataclass
class Block:
    line: int
    mark: str
    commands: str
    prints: list = dataclasses.field(default_factory=list)


class Wrong(Exception):
    """What a document or one of its commands does wrong."""


def blocks_of(text):
    """The blocks with a mark, in order. Wrong: a block of commands without one."""
    blocks, lines, mark, at = [], text.split("\n"), None, 0
    while at < len(lines):
        fence = _FENCE.match(lines[at])
        if not fence:
            found = _MARK.match(lines[at].strip())
            if found or lines[at].strip():
                mark = found[1] if found else None
            at += 1
            continue
        start, at = at, at + 1
        while at < len(lines) and lines[at].strip() != "```":
            at += 1
        body = lines[start + 1 : at]
        if fence[1] in ("sh", "bash", "shell", "console"):
            if fence[1] != "sh" or mark is None or mark == "prints":
                raise Wrong(f"line {start + 1}: write <!-- run --> or <!-- not run: reason -->")
            blocks.append(Block(start + 1, mark, "\n".join(body)))
        elif mark == "prints":
            if not blocks or blocks[-1].mark != "run":
                raise Wrong(f"line {start + 1}: there is nothing before it that is run")
            blocks[-1].prints = [line.strip() for line in body if line.strip()]
        elif mark is not None:
            raise Wrong(f"line {start + 1}: <!-- {mark} --> stands before no commands")
        mark, at = None, at + 1
    return blocks


def prints_line(output, wanted):
    pattern = ".*".join(re.escape(part) for part in re.split(r"\.\.\.|…", wanted))
    return any(re.fullmatch(pattern, line.strip()) for line in output.split("\n"))


def run_block(block, address, folder, environment, http="127.0.0.1:1", resp="1"):
    """Wrong: it fails, takes too long, or does not print what is promised."""
    commands = _HTTP.sub(http, _ADDRESS.sub(address, block.commands))
    commands = _RESP_PORT.sub(resp, commands)
    try:
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", commands],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=BLOCK_SECONDS_MAX,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise Wrong(f"line {block.line}: not done after {BLOCK_SECONDS_MAX} s") from error
    output = done.stdout.decode(errors="replace")
    if done.returncode != 0:
        raise Wrong(f"line {block.line}: exit code {done.returncode}\n{commands}\n{output}")
    for wanted in block.prints:
        if not prints_line(output, wanted):
            raise Wrong(f"line {block.line}: does not print: {wanted}\n{output}")


class Server:
    """A server of its own, in a folder of its own, on a free port."""

    def __init__(self, binary, folder):
        self.process = subprocess.Popen(
            [binary, "serve", "--data", os.path.join(folder, "data"), "--listen", "127.0.0.1:0"]
            + ["--http-listen", "127.0.0.1:0", "--resp-listen", "127.0.0.1:0"],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        told = []
        for line in self.process.stdout:
            told.append(line)
            http = re.match(r"  metrics  http://(\S+)/metrics$", line)
            if http:
                self.http = http[1]
            resp = re.match(r"  redis .*\bport (\d+)$", line)
            if resp:
                self.resp_port = resp[1]
            found = re.match(r"listening on (\S+)$", line)
            if found:
                self.address = found[1]
                return
        raise Wrong("the server did not start: " + "".join(told))

    def stop(self):
        self.process.terminate()
        self.process.communicate(timeout=60)


def missing_tools(block):
    tools = os.environ.get("SAGABASE_TOOLS", "")
    return [
        name
        for name, path in TOOLS.items()
        if re.search(rf"\b{name}\b", block.commands)
        and not os.access(os.path.join(tools, path), os.X_OK)
    ]


def prepare(folder, binary):
    """A folder that looks like the top of the house to the commands."""
    generated = shutil.ignore_patterns("node_modules", "generated", "build", "*.egg-info")
    for name in os.listdir(TOP):
        if name in COPIED:
            shutil.copytree(os.path.join(TOP, name), os.path.join(folder, name), ignore=generated)
        elif name not in ("data", ".git", "node_modules") and not name.startswith("bazel-"):
            os.symlink(os.path.join(TOP, name), os.path.join(folder, name))
    os.mkdir(os.path.join(folder, "bazel-bin"))
    os.symlink(os.path.abspath(binary), os.path.join(folder, "bazel-bin", "sagabase"))


def environment_of(folder):
    tools, site = os.environ.get("SAGABASE_TOOLS", ""), os.path.join(folder, "site")
    environment = dict(os.environ, HOME=folder, PIP_TARGET=site, PYTHONPATH=site, **OFFLINE)
    environment["PATH"] = f"{tools}/bin:{tools}/python/bin:{os.environ['PATH']}"
    return environment


def lend_node_modules(folder):
    """npm takes what is there already, whatever brought it."""
    lent = os.path.join(os.environ.get("SAGABASE_TOOLS", ""), "node", "node_modules")
    if os.path.isdir(lent):
        shutil.copytree(lent, os.path.join(folder, "node_modules"), symlinks=True)


def run_document(path, binary):
    with open(os.path.join(TOP, path), encoding="utf-8") as file:
        blocks = blocks_of(file.read())
    good = True
    with tempfile.TemporaryDirectory() as folder:
        prepare(folder, binary)
        run = [block for block in blocks if block.mark == "run"]
        environment = environment_of(folder)
        if any(re.search(r"\bnpm\b", block.commands) for block in run):
            lend_node_modules(folder)
        missing = set()
        server = Server(binary, folder) if run else None
        try:
            for block in run:
                missing.update(missing_tools(block))  # what comes later may need what it did
                if missing and os.environ.get("CI") != "true":
                    wanted = ", ".join(sorted(missing))
                    print(f"skip - {path}:{block.line}: {wanted} is not installed")
                else:
                    good = run_and_tell(path, block, server, folder, environment) and good
        finally:
            if server:
                server.stop()
    print(f"ok - {path}: every block of commands is marked")
    return good


def run_and_tell(path, block, server, folder, environment):
    told = dict(environment, SAGABASE_SERVER=server.address)
    try:
        run_block(block, server.address, folder, told, server.http, server.resp_port)
    except Wrong as wrong:
        print(f"not ok - {path}: {wrong}")
        return False
    print(f"ok - {path}:{block.line}")
    return True


def documents():
    for folder, folders, names in os.walk(TOP):
        folders[:] = sorted(
            f
            for f in folders
            if not f.startswith(("bazel-", ".")) and f not in ("data", "node_modules", "testdata")
        )
        for name in sorted(names):
            if name.endswith(".md"):
                yield os.path.relpath(os.path.join(folder, name), TOP)


def check_documents(binary):
    good = True
    for path in documents():
        try:
            good = run_document(path, binary) and good
        except Wrong as wrong:
            print(f"not ok - {path}: {wrong}")
            good = False
    return good


def wrong_rows(text, tests):
    """What a table of failures tells of tests that do not exist, or does not tell."""
    named = [(int(row), name) for row, cell in _ROW.findall(text) for name in _NAMED.findall(cell)]
    wrong = [f"F{row}: there is no test {name}" for row, name in named if name not in tests]
    told = {name for _, name in named}
    return wrong + [
        f"{name} is not told"
        for name in sorted(tests)
        if re.match(r"f\d+_", name) and name not in told
    ]


def tests_of(*folders):
    """The test functions of C files."""
    tests = set()
    for folder in folders:
        for name in sorted(os.listdir(os.path.join(TOP, folder))):
            if name.endswith(".c"):
                with open(os.path.join(TOP, folder, name), encoding="utf-8") as file:
                    tests.update(_TEST.findall(file.read()))
    return tests


def check_failures():
    with open(os.path.join(TOP, "docs", "sagas.md"), encoding="utf-8") as file:
        wrong = wrong_rows(file.read(), tests_of("tests/sagas", "tests/unit/server/sagas"))
    for what in wrong:
        print(f"not ok - docs/sagas.md: {what}")
    if not wrong:
        print("ok - docs/sagas.md: the tests of its failures are there, and all are told")
    return not wrong


def refused(document):
    try:
        with tempfile.TemporaryDirectory() as folder:
            for block in blocks_of(document):
                if block.mark == "run":
                    run_block(block, "127.0.0.1:1", folder, dict(os.environ))
    except Wrong:
        return True
    return False


def check_self():
    run = "<!-- run -->\n```sh\n%s\n```\n"
    prints = "<!-- prints -->\n```text\n%s\n```\n"
    cases = {
        "a block without a mark is refused": ("```sh\ntrue\n```\n", True),
        "a mark far above does not count": ("<!-- run -->\nwords\n```sh\ntrue\n```\n", True),
        "a reason must be given": ("<!-- not run: -->\n```sh\ntrue\n```\n", True),
        "a failing command is refused": (run % "true\nfalse\ntrue", True),
        "a failing pipe is refused": (run % "false | cat", True),
        "output that is missing is refused": (run % "echo 10" + prints % "11", True),
        "output of nothing is refused": (prints % "11", True),
        "what works is accepted": (run % "echo a 10 b" + prints % "a … b", False),
        "what is not run is not run": ("<!-- not run: no -->\n```sh\nfalse\n```\n", False),
        "the address is put in": (run % "test localhost:2113 = 127.0.0.1:1", False),
    }
    good = True
    for name, (document, must_refuse) in cases.items():
        right = refused(document) == must_refuse
        print("ok -" if right else "not ok -", name)
        good = good and right
    table = "| F1 | a | b | `f1_holds` |\n| F21 | there are none | | |\n"
    right = wrong_rows(table, {"f1_holds", "else"}) == []
    right = right and len(wrong_rows(table, {"f2_holds"})) == 2
    print("ok -" if right else "not ok -", "a row names a test, and a test has a row")
    return good and right


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--self-test", action="store_true")
    parser.add_argument("binary", nargs="?", help="sagabase")
    arguments = parser.parse_args()
    good = check_self() if arguments.self_test else check_documents(arguments.binary)
    if not arguments.self_test:
        good = check_failures() and good
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
