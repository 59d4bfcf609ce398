#!/usr/bin/python3
"""Writes the history of this repository as CSV: one row per file that a commit touched.

stream   the top-level folder, as folder-NAME; files at the top are in folder-top
type     FileAdded, FileChanged, FileRemoved, FileRenamed
time     of the commit
path, author, subject, commit
"""

import csv
import os
import subprocess
import sys

COMMITS_MAX = 2000  # the newest; a demo should not take long
TYPES = {"A": "FileAdded", "C": "FileAdded", "D": "FileRemoved", "R": "FileRenamed"}
COLUMNS = ["stream", "type", "time", "path", "author", "subject", "commit"]
COMMIT = "\x01"  # begins a commit in git's output


def git_log(top):
    # Commits are told apart by \x01, their fields and file names by NUL.
    return subprocess.run(
        ["git", "-c", f"safe.directory={top}", "-C", top, "log", "-z", f"-n{COMMITS_MAX}"]
        + ["--reverse", "--name-status", "--format=%x01%h%x00%aI%x00%an%x00%s"],
        check=True,
        stdout=subprocess.PIPE,
    ).stdout.decode(errors="replace")


def changes(words):
    """(letter, path) from git's words: a letter and a path, or two paths if it moved."""
    at = 0
    while at + 1 < len(words):
        letter = words[at].strip()[:1]
        at += 2 if letter in ("R", "C") else 1
        yield letter, words[at]
        at += 1


def rows(log):
    for commit in log.split(COMMIT)[1:]:
        name, time, author, subject, *words = commit.split("\0")
        for letter, path in changes([word for word in words if word.strip()]):
            folder = path.split("/")[0] if "/" in path else "top"
            kind = TYPES.get(letter, "FileChanged")
            yield [f"folder-{folder}", kind, time, path, author, subject, name]


def main():
    top = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
    out = csv.writer(sys.stdout, lineterminator="\n")
    out.writerow(COLUMNS)
    out.writerows(rows(git_log(top)))


if __name__ == "__main__":
    main()
