#!/usr/bin/python3
"""Kills the server with -9 while it scavenges, erases and deletes, and looks what is left.

    retention.py SAGABASE [--kills N] [--seed N]

After each kill `sagabase verify` must find the store whole, and the server, started again, must
show every event that nobody took away, unchanged; none that was deleted; and no payload that was
erased.
What was under way at the kill may have happened or not. A payload whose erasure was answered is in
no file of the data directory.
"""

import argparse
import base64
import json
import os
import random
import select
import shutil
import subprocess
import sys
import tempfile
import time

STREAMS = 6
EVENTS = 150  # appended to a stream at a time
READY_S = 60


class Wrong(Exception):
    """What the server did that it may not do."""


class Stream:
    """What is known of one stream; the second of each pair is what may have been done, too."""

    def __init__(self, name):
        self.name = name
        self.secrets = []
        self.hidden = self.maybe_hidden = 0  # revisions below it
        self.erased, self.maybe_erased = set(), set()

    def settle(self, shown):
        """`shown`: what the server shows, by revision."""
        first = min(shown, default=len(self.secrets))
        if not self.hidden <= first <= self.maybe_hidden:
            raise Wrong(f"{self.name} begins at {first}, not at {self.hidden}..{self.maybe_hidden}")
        if first not in (self.hidden, self.maybe_hidden):
            raise Wrong(f"{self.name} is half deleted: it begins at {first}")
        if sorted(shown) != list(range(first, len(self.secrets))):
            raise Wrong(f"{self.name} has gaps, or lost its end: {len(shown)} events from {first}")
        for revision, event in shown.items():
            if "erased" not in event and event["data"] != self.secrets[revision]:
                raise Wrong(f"{self.name} {revision}: its data are altered")
            if "erased" in event and revision not in self.maybe_erased:
                raise Wrong(f"{self.name} {revision}: erased, but nobody wanted that")
            if "erased" not in event and revision in self.erased:
                raise Wrong(f"{self.name} {revision}: its erasure was answered, but it is there")
            if "erased" in event:
                self.erased.add(revision)
        self.hidden = self.maybe_hidden = first
        self.maybe_erased = set(self.erased)


class Store:
    def __init__(self, sagabase, folder):
        self.sagabase = sagabase
        self.data = os.path.join(folder, "data")
        self.log = open(os.path.join(folder, "server.log"), "ab")
        self.server = None
        self.streams = [Stream(f"person-{number}") for number in range(STREAMS)]
        self.answered = set()  # payloads whose erasure was answered

    def start(self):
        self.server = subprocess.Popen(
            [self.sagabase, "serve", "--data", self.data, "--listen", "127.0.0.1:0",
             "--scavenge-rate", "1MiB"], bufsize=0, stdout=subprocess.PIPE, stderr=self.log)
        until = time.monotonic() + READY_S
        while time.monotonic() < until:
            if not select.select([self.server.stdout], [], [], 1)[0]:
                continue
            line = self.server.stdout.readline().decode()
            if line.startswith("listening on "):
                self.address = line.split()[-1]
                return
            if not line:
                break
        raise Wrong("the server did not start again")

    def kill(self):
        self.server.kill()
        self.server.wait()
        self.server.stdout.close()

    def command(self, *arguments, stdin=None):
        return subprocess.Popen([self.sagabase, *arguments, "--server", self.address],
                                stdin=subprocess.PIPE if stdin else subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def run(self, *arguments, stdin=None):
        """What a command prints; None if it failed."""
        process = self.command(*arguments, stdin=stdin)
        output, self.complaint = process.communicate(stdin)
        return output.decode() if process.returncode == 0 else None

    def must_run(self, *arguments, stdin=None):
        output = self.run(*arguments, stdin=stdin)
        if output is None:
            complaint = self.complaint.decode(errors="replace").strip()
            raise Wrong(f"{' '.join(arguments[:3])}: {complaint}")
        return output

    def must_erase(self, stream):
        """After a kill the erasure that was under way goes on first; others are refused."""
        arguments = ["stream", "erase", stream.name, "--reason", "a test", "--yes"]
        until = time.monotonic() + READY_S
        while self.run(*arguments) is None:
            if b"one at a time" not in self.complaint or time.monotonic() > until:
                raise Wrong(f"stream erase: {self.complaint.decode(errors='replace').strip()}")

    def append(self, stream):
        secrets = [base64.b64encode(random.randbytes(150)).decode() for _ in range(EVENTS)]
        lines = "".join(json.dumps({"type": "Told", "data": secret, "tags": [secret[:40]]}) + "\n"
                        for secret in secrets)
        self.must_run("append", stream.name, "--jsonl", stdin=lines.encode())
        stream.secrets += secrets

    def check(self):
        shown = {stream.name: {} for stream in self.streams}
        for line in self.must_run("export", "--all", "-").splitlines():
            event = json.loads(line)
            if event["stream"] in shown:
                shown[event["stream"]][event["revision"]] = event
        for stream in self.streams:
            stream.settle(shown[stream.name])

    def verify(self):
        found = subprocess.run([self.sagabase, "verify", "--data", self.data], check=False,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if found.returncode != 0:
            raise Wrong("verify: " + found.stdout.decode())

    def search(self):
        for name in os.listdir(self.data):
            with open(os.path.join(self.data, name), "rb") as file:
                content = file.read()
            for secret in self.answered:
                if secret[:40].encode() in content:
                    raise Wrong(f"{name} holds a payload whose erasure was answered")


def erase(store, stream):
    """Begins it; what ends it is called with whether it was answered."""
    everything = range(len(stream.secrets))
    if random.random() < 0.5:
        revisions, arguments = set(everything), []
    else:
        revisions = {random.choice(everything)}
        arguments = ["--revision", str(*revisions)]
    stream.maybe_erased |= revisions

    def end(answered):
        if answered:
            stream.erased |= revisions
            store.answered |= {stream.secrets[revision] for revision in revisions}

    return store.command("stream", "erase", stream.name, "--reason", "a test", "--yes",
                         *arguments), end


def delete(store, stream):
    stream.maybe_hidden = len(stream.secrets)

    def end(answered):
        if answered:
            stream.hidden = stream.maybe_hidden

    return store.command("stream", "delete", stream.name, "--expect", "any"), end


def scavenge(store, _stream):
    return store.command("scavenge", "--watch"), lambda answered: None


def live(store, kills):
    for _ in range(kills):
        store.start()
        store.check()
        for stream in random.sample(store.streams, 3):
            store.append(stream)
        streams = [stream for stream in store.streams if stream.secrets]
        # Each on a stream of its own, so that what is unknown at the kill is one thing.
        actions = [act(store, stream) for act, stream in
                   zip(random.choices([erase, delete, scavenge], k=3),
                       random.sample(streams, 3))]
        time_left = time.monotonic() + random.uniform(0, 0.4)
        while time.monotonic() < time_left and any(p.poll() is None for p, _ in actions):
            select.select([], [], [], 0.005)
        store.kill()
        for process, end in actions:
            process.terminate()  # it would try again for a while
            process.communicate()
            end(process.returncode == 0)
        store.verify()
        store.search()
    store.start()
    store.check()
    for stream in store.streams:
        if stream.secrets:
            store.must_erase(stream)
            store.answered |= set(stream.secrets)
            stream.erased = stream.maybe_erased = set(range(len(stream.secrets)))
    store.must_run("scavenge", "--watch")
    store.check()
    store.search()
    store.kill()
    store.verify()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("sagabase")
    parser.add_argument("--kills", type=int, default=25)
    parser.add_argument("--seed", type=int, default=time.time_ns() & 0xffffffff)
    options = parser.parse_args()
    random.seed(options.seed)
    print(f"seed {options.seed}", flush=True)
    folder = tempfile.mkdtemp(dir=os.environ.get("TEST_TMPDIR"))
    store = Store(os.path.abspath(options.sagabase), folder)
    try:
        live(store, options.kills)
    except Wrong as wrong:
        print(f"not ok - kills leave what retention and erasure left: {wrong}\n  in {folder}")
        return 1
    finally:
        if store.server and store.server.poll() is None:
            store.kill()
    print(f"ok - kills leave what retention and erasure left: {options.kills} kills, "
          f"{len(store.answered)} payloads erased")
    shutil.rmtree(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
