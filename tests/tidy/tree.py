"""What the rules read: the text files of the house, and how a rule is written down."""

import dataclasses
import os
import re
import subprocess
from typing import Callable, Dict, List

BINARY = (".gz", ".png", ".pb", ".db", ".jar", ".ico", ".bin")
SKIPPED_FOLDERS = {".git", ".tools", "data", "node_modules", "__pycache__"}

_COMMENT_OR_TEXT = re.compile(
    r"//[^\n]*|/\*.*?\*/|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'", re.DOTALL
)


@dataclasses.dataclass(frozen=True)
class Violation:
    path: str
    line: int
    why: str

    def __str__(self):
        return f"{self.path}:{self.line}: {self.why}"


@dataclasses.dataclass(frozen=True)
class Rule:
    """`refused` are trees that break the rule: a rule must refuse each of them."""

    name: str
    check: Callable[["Tree"], List[Violation]]
    refused: List[Dict[str, str]]


class Tree:
    """Path from the root -> text."""

    def __init__(self, files):
        self.files = files

    def matching(self, *suffixes):
        return ((p, t) for p, t in sorted(self.files.items()) if p.endswith(suffixes))

    def c_files(self):
        return self.matching(".c", ".h")

    def c_code(self):
        """C without comments and texts; every line stays where it is."""
        return ((path, code_only(text)) for path, text in self.c_files())

    def builds(self):
        return ((p, t) for p, t in sorted(self.files.items()) if os.path.basename(p) == "BUILD")


def code_only(text):
    def blank(match):
        return re.sub(r"[^\n]", " ", match[0])

    return _COMMENT_OR_TEXT.sub(blank, text)


def numbered(text):
    return enumerate(text.split("\n"), start=1)


def _paths(root):
    """What git knows or would know; all files where there is no git."""
    listed = subprocess.run(
        ["git", "-C", root, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        capture_output=True,
        check=False,
    )
    if listed.returncode == 0:
        return [p for p in listed.stdout.decode().split("\0") if p]
    found = []
    for folder, folders, names in os.walk(root):
        folders[:] = [
            f for f in folders if f not in SKIPPED_FOLDERS and not f.startswith("bazel-")
        ]
        found += [os.path.relpath(os.path.join(folder, name), root) for name in names]
    return found


def read_tree(root):
    files = {}
    for path in _paths(root):
        whole = os.path.join(root, path)
        if path.endswith(BINARY) or not os.path.isfile(whole):
            continue
        with open(whole, encoding="utf-8", errors="replace") as file:
            files[path] = file.read()
    return Tree(files)
