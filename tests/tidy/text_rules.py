"""Rules for what is written in any file, and for what the documents must tell."""

import re

from tree import Rule, Violation, numbered

# This folder writes down what the others must not contain.
OWN_FOLDER = "tests/tidy/"

# Where limits are listed: those that users meet, and those inside.
LIMITS = ("docs/limits.md", "ARCHITECTURE.md")

_UNFINISHED = re.compile(r"\b(TO" + r"DO|FIX" + r"ME|XX" + r"X)\b")
_PLACES = [
    (re.compile(r"(?<![\w.$}])/(work|root)/"), "a path of one machine"),
    (re.compile(r"(?<![\w.$}])/(home|Users)/\w+"), "a path of one machine"),
    (
        re.compile(r"\b(registry|proxy|deb|repo1?|index|files)\.[\w.-]+\.(org|com|io)\b"),
        "the host of a package registry",
    ),
]
# Where packages that are published by themselves tell their version.
_VERSIONS = {
    "clients/node/package.json": re.compile(r'^  "version": "([^"]*)"'),
    "clients/python/pyproject.toml": re.compile(r'^version = "([^"]*)"'),
}
_LIMIT = re.compile(r"^\s*(?:#\s*define\s+)?([A-Z][A-Z0-9_]*_MAX)\b(?!\w)\s*(?:=|\s\S|,|$)")


def others(tree):
    return ((p, t) for p, t in sorted(tree.files.items()) if not p.startswith(OWN_FOLDER))


def nothing_unfinished(tree):
    for path, text in others(tree):
        for line, content in numbered(text):
            match = _UNFINISHED.search(content)
            if match:
                yield Violation(path, line, f"{match[0]}: do it, or file an issue")


def no_place_of_work(tree):
    for path, text in others(tree):
        for line, content in numbered(text):
            for pattern, what in _PLACES:
                match = pattern.search(content)
                if match:
                    yield Violation(path, line, f"{match[0]}: {what}")


def _told_limits(text):
    rows = [row for row in text.split("\n") if row.startswith("|")]
    return set(re.findall(r"`([A-Z0-9_]+_MAX)`", "\n".join(rows)))


def limits_are_written_down(tree):
    """Each NAME_MAX that a header of storage/ or server/ defines stands as `NAME_MAX` in a row
    of a table of one of the two documents that list limits."""
    told = {path: _told_limits(tree.files.get(path, "")) for path in LIMITS}
    defined = set()
    for path, code in tree.c_code():
        if not path.endswith(".h") or not path.startswith(("storage/", "server/")):
            continue
        for line, content in numbered(code):
            match = _LIMIT.match(content)
            if match:
                defined.add(match[1])
                if not any(match[1] in names for names in told.values()):
                    places = " or, if no user meets it, ".join(LIMITS)
                    why = f"add a row with `{match[1]}` to a table of {places}"
                    yield Violation(path, line, why)
    for path, names in told.items():
        for name in sorted(names - defined):
            if not any(re.search(rf"\b{name}\b", code) for _, code in tree.c_code()):
                yield Violation(path, 1, f"{name} is in no source")
    for name in sorted(set.intersection(*told.values())):
        yield Violation(LIMITS[1], 1, f"{name} stands in {LIMITS[0]} already")


def every_file_ends_its_last_line(tree):
    for path, text in tree.files.items():
        if text and not text.endswith("\n"):
            yield Violation(path, text.count("\n") + 1, "no newline at the end of the file")


def packages_have_the_version(tree):
    """Bazel reads VERSION; pip and npm do not."""
    version = tree.files.get("VERSION", "").strip()
    for path, pattern in _VERSIONS.items():
        if path not in tree.files:
            continue
        told = [(n, pattern.match(content)) for n, content in numbered(tree.files[path])]
        told = [(line, match[1]) for line, match in told if match]
        for line, own in told or [(1, "")]:
            if own != version:
                yield Violation(path, line, f'version "{own}", but VERSION says "{version}"')


RULES = [
    Rule(
        "nothing is unfinished",
        nothing_unfinished,
        [{"base/x.c": "/* TO" + "DO: later */\n"}, {"docs/x.md": "FIX" + "ME\n"}],
    ),
    Rule(
        "no place of work is named",
        no_place_of_work,
        [
            {"docs/x.md": "see /work" + "/main/x\n"},
            {"Makefile": "cd /home" + "/someone/x\n"},
            {"bazel/setup": "curl https://registry." + "example.org/x\n"},
        ],
    ),
    Rule(
        "limits are written down",
        limits_are_written_down,
        [
            {"storage/log/limits.h": "enum {\n    NAME_BYTES_MAX = 10,\n};\n"},
            {
                "storage/log/limits.h": "enum {\n    NAME_BYTES_MAX = 10, /* said */\n};\n",
                "ARCHITECTURE.md": "NAME_BYTES_MAX without a table\n",
            },
            {"server/rpc/call.h": "#define ARMED_MAX 3\n"},
            {"ARCHITECTURE.md": "| `GONE_MAX` | 3 |\n"},
            {"docs/limits.md": "| `GONE_MAX` | 3 |\n"},
            {
                "server/rpc/call.h": "#define ARMED_MAX 3\n",
                "docs/limits.md": "| `ARMED_MAX` | 3 |\n",
                "ARCHITECTURE.md": "| `ARMED_MAX` | 3 |\n",
            },
        ],
    ),
    Rule(
        "packages have the version of the whole",
        packages_have_the_version,
        [
            {"VERSION": "0.2.0\n", "clients/node/package.json": '{\n  "version": "0.1.0",\n}\n'},
            {"VERSION": "0.2.0\n", "clients/python/pyproject.toml": "[project]\n"},
        ],
    ),
    Rule(
        "every file ends its last line",
        every_file_ends_its_last_line,
        [{"base/x.c": "int x;"}],
    ),
]
