"""Rules for what is written in any file, and for what the documents must tell."""

import re

from tree import Rule, Violation, numbered

# This folder writes down what the others must not contain.
OWN_FOLDER = "tests/tidy/"

# Where limits are listed: those that users meet, and those inside.
LIMITS = ("docs/limits.md", "ARCHITECTURE.md")
OPTIONS = "server/config/options.c"

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
_UNITS = {"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}
_TIMES = ("_US_MAX", "_MS_MAX", "_S_MAX")
_DEFINED = re.compile(
    r"^\s*(?:#\s*define\s+)?([A-Z][A-Z0-9_]*_MAX)(?: = |\s+)([^,\n]+?),?\s*$", re.MULTILINE
)
_OPTION = re.compile(
    r'^\s*\{"([a-z-]+)",\s+"\w+",\s+OPTION_\w+,\s+FIELD\(\w+\),\s+"([^"]*)"', re.MULTILINE
)
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


def _value(expression):
    """Of 10, 1 << 20, 4 * MIB and the like; None of anything else."""
    for unit, count in _UNITS.items():
        expression = re.sub(rf"\b{unit[0].upper()}IB\b", str(count), expression)
    match = re.fullmatch(r"\(?(\d+)U?L*(?: (<<|\*) (\d+)U?L*)?\)?", expression.strip())
    if not match:
        return None
    left, right = int(match[1]), int(match[3] or 0)
    return {None: left, "<<": left << right, "*": left * right}[match[2]]


def _written(value):
    """The ways to write it: 1,024 or 1 KiB."""
    ways = [f"{value:,}"]
    ways += [f"{value // n:,} {u}" for u, n in _UNITS.items() if value and value % n == 0]
    return "|".join(re.escape(way) for way in ways)


def _rows_of(tree, pattern):
    """What the pattern finds in tables of limits -> the rows: path, line, text."""
    rows = {}
    for path in LIMITS:
        for line, row in numbered(tree.files.get(path, "")):
            for name in re.findall(pattern, row) if row.startswith("|") else ():
                rows.setdefault(name, []).append((path, line, row))
    return rows


def _unsaid(name, rows, value, source):
    """A violation, unless one of the rows says the value."""
    pattern = rf"(?<![\d,])(?<!\d\.)(?:{_written(value)})(?!,?\d)"
    if not any(re.search(pattern, row) for _, _, row in rows):
        yield Violation(rows[0][0], rows[0][1], f"{name} is {value:,} in {source}")


def limits_are_as_written(tree):
    """What a row says of a NAME_MAX of storage/ or server/ is what the code says, where that is a
    number of its own; times are written in other units."""
    rows = _rows_of(tree, r"`([A-Z0-9_]+_MAX)`")
    for path, code in tree.c_code():
        if not path.endswith(".h") or not path.startswith(("storage/", "server/")):
            continue
        for name, expression in _DEFINED.findall(code):
            value = _value(expression)
            if value is not None and name in rows and not name.endswith(_TIMES):
                yield from _unsaid(name, rows[name], value, path)


def defaults_are_as_written(tree):
    """A row that names an option of the server tells its default."""
    rows = _rows_of(tree, r"`--([a-z-]+)`")
    for name, default in _OPTION.findall(tree.files.get(OPTIONS, "")):
        number = re.match(r"(\d+)([KMG]iB)?$", default)
        if name in rows and number:
            value = int(number[1]) * _UNITS.get(number[2], 1)
            yield from _unsaid(f"--{name}", rows[name], value, OPTIONS)


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
    for rows in _rows_of(tree, r"`([A-Z0-9_]+_MAX)`").values():
        for path, line, row in rows[1:]:
            if row == rows[0][2]:
                yield Violation(path, line, "this row stands here twice")


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
            {
                "server/rpc/call.h": "#define ARMED_MAX 3\n",
                "docs/limits.md": "| `ARMED_MAX` | 3 |\n| `ARMED_MAX` | 3 |\n",
            },
        ],
    ),
    Rule(
        "limits are as written",
        limits_are_as_written,
        [
            {
                "storage/log/limits.h": "enum {\n    NAME_BYTES_MAX = 10,\n};\n",
                "docs/limits.md": "| a name | 100 bytes | `NAME_BYTES_MAX` |\n",
            },
            {
                "server/rpc/call.h": "#define ARMED_MAX (3 * KIB)\n",
                "ARCHITECTURE.md": "| armed | 2 KiB, 3 MiB | `ARMED_MAX` |\n",
            },
            {
                "server/rpc/call.h": "enum {\n    BIG_MAX = 1 << 20, /* so */\n};\n",
                "docs/limits.md": "| big | 11 MiB | `BIG_MAX` |\n",
            },
        ],
    ),
    Rule(
        "defaults are as written",
        defaults_are_as_written,
        [
            {
                OPTIONS: '    {"queue-memory", "Q", OPTION_SIZE, FIELD(q),\n     "64MiB", "S"},\n',
                "docs/limits.md": "| a queue | 32 MiB | `--queue-memory` |\n",
            },
            {
                OPTIONS: '    {"calls", "C", OPTION_COUNT, FIELD(c), "1000", "CALLS"},\n',
                "docs/limits.md": "| calls | 10,000 | `--calls` |\n",
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
