#!/usr/bin/python3
"""Checks what the documents show and where they lead: `pages.py`, or `pages.py --self-test`.

A link must lead to a file of the house, and to a heading of it if it names one; links to other
sites are not followed. A link from `words` to a file of the tests must find these words in it: so
a document names the test that proves what it says. A fenced block behind the line

    <!-- region NAME of FILE -->

is that region of a program: what stands between its lines "region NAME" and "endregion", which
are comments in whatever language. `pages.py --write` copies regions to where they are shown.
Every region of a program of which any is shown has to be shown.
"""

import argparse
import os
import re
import sys

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))

READ = ("examples/", "tests/")

_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_NAMED = re.compile(r"\[`([^`]+)`\]\(([^)\s]+)\)")
_CODE = re.compile(r"`[^`]*`")
_HEADING = re.compile(r"^#+ (.*?) *$", re.MULTILINE)
_FENCED = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
_REGION = re.compile(r"^\W*region (\S+)(?: \*/)?$")
_END = re.compile(r"^\W*endregion(?: \*/)?$")
_SHOWN = re.compile(
    r"^<!-- region (\S+) of (\S+) -->\n\n?```\w*\n(.*?)^```$", re.MULTILINE | re.DOTALL
)


def anchors_of(text):
    """What GitHub makes of the headings."""
    names, seen = set(), {}
    for heading in _HEADING.findall(_FENCED.sub("", text)):
        words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()
        name = re.sub(r"[^\w\- ]", "", words).replace(" ", "-")
        names.add(f"{name}-{seen[name]}" if name in seen else name)
        seen[name] = seen.get(name, 0) + 1
    return names


def wrong_links(path, text, files):
    """`files`: path -> text, None for what is not a document."""
    wrong = []
    for target in _LINK.findall(_CODE.sub("", _FENCED.sub("", text))):
        place, _, anchor = target.partition("#")
        if re.match(r"\w+:", target):
            continue
        there = os.path.normpath(os.path.join(os.path.dirname(path), place)) if place else path
        if there not in files:
            wrong.append(f"{path}: {target}: there is no {there}")
        elif anchor and anchor not in anchors_of(files[there] or ""):
            wrong.append(f"{path}: {target}: {there} has no such heading")
    return wrong


def wrong_names(path, text, files):
    """What a document says of tests that is not so."""
    named = [
        (words, os.path.normpath(os.path.join(os.path.dirname(path), target)))
        for words, target in _NAMED.findall(_FENCED.sub("", text))
    ]
    return [
        f"{path}: there is no {words} in {there}"
        for words, there in named
        if there.startswith("tests/") and words not in (files.get(there) or words)
    ]


def regions_of(text):
    """Name -> lines, without the indentation that all have."""
    regions, name, lines = {}, None, []
    for line in text.split("\n"):
        begins, ends = _REGION.match(line), _END.match(line)
        if begins:
            name, lines = begins[1], []
        elif ends and name:
            regions[name] = dedented(lines)
            name = None
        elif name:
            lines.append(line)
    return regions


def dedented(lines):
    while lines and not lines[-1].strip():
        lines = lines[:-1]
    filled = [line for line in lines if line.strip()]
    common = os.path.commonprefix([re.match(r"[ \t]*", line)[0] for line in filled])
    cut = [line[len(common) :] for line in lines]
    return "".join(re.sub(r"^\t+", spaces_for_tabs, line) + "\n" for line in cut)


def spaces_for_tabs(tabs):
    return "    " * len(tabs[0])


def wrong_samples(documents, programs):
    """Both: path -> text."""
    wrong, shown = [], {}
    for path, text in documents.items():
        for name, program, sample in _SHOWN.findall(text):
            regions = regions_of(programs.get(program, ""))
            shown.setdefault(program, set()).add(name)
            if name not in regions:
                wrong.append(f"{path}: {program} has no region {name}")
            elif sample != regions[name]:
                wrong.append(f"{path}: region {name} of {program} differs: pages.py --write")
        if len(re.findall(r"^<!-- region ", text, re.MULTILINE)) != len(_SHOWN.findall(text)):
            wrong.append(f"{path}: a region stands before no fenced block")
    for program, names in shown.items():
        for name in regions_of(programs.get(program, "")):
            if name not in names:
                wrong.append(f"{program}: no document shows region {name}")
    return wrong


def filled_in(text, programs):
    def fill(match):
        name, program, sample = match.groups()
        now = regions_of(programs.get(program, "")).get(name, sample)
        return match[0].removesuffix(sample + "```") + now + "```"

    return _SHOWN.sub(fill, text)


def read_house():
    """Path -> text of documents, examples and tests, None for other files and for folders."""
    files = {}
    for folder, folders, names in os.walk(TOP):
        folders[:] = [
            f
            for f in folders
            if not f.startswith(("bazel-", ".")) and f not in ("data", "node_modules", "testdata")
        ]
        for name in names + folders:
            path = os.path.relpath(os.path.join(folder, name), TOP)
            files[path] = None
            if name.endswith(".md") or (path.startswith(READ) and name in names):
                with open(os.path.join(TOP, path), encoding="utf-8", errors="replace") as file:
                    files[path] = file.read()
    return files


def documents_of(files):
    return {path: text for path, text in sorted(files.items()) if path.endswith(".md")}


def check_pages():
    files = read_house()
    documents = documents_of(files)
    links = [wrong for path, text in documents.items() for wrong in wrong_links(path, text, files)]
    names = [wrong for path, text in documents.items() for wrong in wrong_names(path, text, files)]
    samples = wrong_samples(documents, {p: t for p, t in files.items() if t is not None})
    for what, wrong in (
        ("links lead somewhere", links),
        ("tests that are named are there", names),
        ("samples are programs", samples),
    ):
        print(f"not ok - {what}:" if wrong else f"ok - {what}", *wrong, sep="\n    ")
    return not links and not names and not samples


def write_samples():
    files = read_house()
    programs = {p: t for p, t in files.items() if t is not None}
    for path, text in documents_of(files).items():
        now = filled_in(text, programs)
        if now != text:
            with open(os.path.join(TOP, path), "w", encoding="utf-8") as file:
                file.write(now)
            print("wrote", path)
    return True


def check_self():
    files = {"a.md": "# A b: `c`\n# A b: `c`\n", "docs/b.md": "", "docs": None}
    program = "def f():\n    # region one\n    x = 1\n        y\n    # endregion\n"
    shows = "<!-- region one of p.py -->\n```python\n%s```\n"
    right = shows % "x = 1\n    y\n"
    tests = {"tests/x.c": "void it_holds(void **state)"}
    cases = {
        "a test that is there may be named": wrong_names("a.md", "[`it_holds`](tests/x.c)", tests)
        == [],
        "a test that is not there is refused": wrong_names("a.md", "[`it_is`](tests/x.c)", tests)
        != [],
        "a link to a file is followed": wrong_links("docs/b.md", "[a](../a.md)", files) == [],
        "a link to nothing is refused": wrong_links("a.md", "[x](c.md)", files) != [],
        "a link within the page": wrong_links("a.md", files["a.md"] + "[x](#a-b-c)", files) == [],
        "the second of equal headings": wrong_links("docs/b.md", "[x](../a.md#a-b-c-1)", files)
        == [],
        "a heading that is not there": wrong_links("docs/b.md", "[x](../a.md#d)", files) != [],
        "other sites and code are left": wrong_links("a.md", "[x](https://x/y) `[a](b)`", {})
        == [],
        "a sample is its region": wrong_samples({"a.md": right}, {"p.py": program}) == [],
        "a changed sample is refused": wrong_samples(
            {"a.md": shows % "x = 2\n"}, {"p.py": program}
        )
        != [],
        "a region that is not there": wrong_samples({"a.md": right}, {"p.py": "x\n"}) != [],
        "a region that nobody shows": wrong_samples(
            {"a.md": right}, {"p.py": program + program.replace("one", "two")}
        )
        != [],
        "a region without a block": wrong_samples({"a.md": right[:30]}, {"p.py": ""}) != [],
        "a sample is written": filled_in(shows % "old\n", {"p.py": program}) == right,
    }
    for name, good in cases.items():
        print("ok -" if good else "not ok -", name)
    return all(cases.values())


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--self-test", action="store_true")
    parser.add_argument("--write", action="store_true")
    arguments = parser.parse_args()
    if arguments.write:
        return 0 if write_samples() else 1
    return 0 if (check_self() if arguments.self_test else check_pages()) else 1


if __name__ == "__main__":
    sys.exit(main())
