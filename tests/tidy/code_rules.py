"""Rules for C and for BUILD files."""

import os
import re

from tree import Rule, Violation, numbered

# Which rooms a room may include, besides itself; "x/*" is x and what is in it. Arrows
# point down only. "protos" is the code that is generated from protos/.
ARROWS = {
    "base": [],
    "storage/engine": ["base"],
    "storage/rocksdb": ["base", "storage/engine"],
    "storage/keys": ["base"],
    "storage/log": ["base", "storage/engine", "storage/keys"],
    "storage/snapshots": ["base", "storage/engine", "storage/log"],
    "server/config": ["base"],
    "server/resp": ["base", "storage/log", "storage/snapshots"],
    "server/reducers": ["base", "protos", "storage/log", "storage/snapshots"],
    "server/wire": ["base"],
    "server/rpc": ["base", "protos", "server/wire"],
    "server/observe": ["base", "protos", "server/rpc", "server/services"],
    "server/subscriptions": ["base", "storage/log"],
    "server/sagas": ["base", "protos", "server/wire", "storage/log"],
    "server/snapshots": ["base", "server/reducers", "storage/log", "storage/snapshots"],
    "server/services": [
        "base",
        "protos",
        "server/reducers",
        "server/rpc",
        "server/sagas",
        "server/snapshots",
        "server/subscriptions",
        "storage/log",
        "storage/snapshots",
    ],
    "server/services/reducers": [
        "base",
        "protos",
        "server/reducers",
        "server/rpc",
        "server/services",
        "storage/log",
    ],
    "server/services/sagas": [
        "base",
        "protos",
        "server/rpc",
        "server/sagas",
        "server/services",
        "server/subscriptions",
        "storage/log",
    ],
    "server/services/snapshots": [
        "base",
        "protos",
        "server/rpc",
        "server/services",
        "server/snapshots",
        "server/subscriptions",
        "storage/log",
        "storage/snapshots",
    ],
    "server": ["base", "bazel", "server/*", "storage/*"],  # puts the rooms together
    "clients/c": ["base", "protos"],
    "clients/cli": ["base", "bazel", "clients/c", "protos", "server"],
    "examples": ["clients/c", "protos"],
    "tests": ["base", "bazel", "clients/*", "protos", "server/*", "storage/*"],
    "protos": [],
    "bazel": [],
}

# Which rooms may include what a library brings.
LIBRARIES = {
    "grpc/": ["server/rpc", "clients/c", "tests"],
    "rocksdb/": ["storage/rocksdb", "tests"],
    "sodium.h": ["storage/keys", "server/sagas", "tests"],
    "microhttpd.h": ["server/observe", "tests"],
    "yaml.h": ["server/config", "tests"],
    "lua5.4/": ["server/reducers", "tests"],
    "jansson.h": ["clients/cli", "server/reducers", "tests"],
    "protobuf-c/": ["server", "clients", "tests"],
    "cmocka.h": ["tests"],
}

BANNED = "strcpy strcat sprintf vsprintf gets atoi strtok alloca sleep usleep system".split()
LINE_COLUMNS_MAX = 100
FUNCTION_LINES_MAX = 70
FILE_LINES_MAX = 600
TEST_FILE_LINES_MAX = 800

_ONE_NAME = re.compile(r" *(case )?\w+[:;,)]*")
_INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')
_BANNED = re.compile(r"(?<![\w.>])(" + "|".join(BANNED) + r")\s*\(")


def within(path, folders):
    return any(path == folder or path.startswith(folder + "/") for folder in folders)


def room_of(path):
    rooms = [room for room in ARROWS if path.startswith(room + "/")]
    return max(rooms, key=len, default=None)


def may_include(room, other):
    return other == room or any(
        other == allowed or (allowed.endswith("/*") and within(other, [allowed[:-2]]))
        for allowed in ARROWS[room]
        if other
    )


def includes(tree):
    for path, text in tree.c_files():
        for line, content in numbered(text):
            match = _INCLUDE.match(content)
            if match:
                yield path, line, match[1], match[2]


def arrows_point_down(tree):
    for path, line, quote, target in includes(tree):
        room = room_of(path)
        if room is None:
            yield Violation(path, line, "no room: add its folder to ARROWS in this rule")
        elif quote == '"' and "/" not in target:
            yield Violation(path, line, f'include "{target}" by its path from the top folder')
        elif quote == '"':
            generated = target.endswith(".pb-c.h") or target.startswith("protos/")
            other = "protos" if generated else room_of(target)
            if not may_include(room, other):
                yield Violation(path, line, f"{room} must not include {target}")


def libraries_stay_in_their_room(tree):
    for path, line, quote, target in includes(tree):
        for prefix, rooms in LIBRARIES.items():
            if quote == "<" and target.startswith(prefix) and not within(path, rooms):
                why = f"only {', '.join(rooms)} may include <{target}>"
                yield Violation(path, line, why)


def no_banned_function(tree):
    for path, code in tree.c_code():
        for line, content in numbered(code):
            for match in _BANNED.finditer(content):
                yield Violation(path, line, f"{match[1]}() is banned")


def functions_are_short(tree):
    """Counts from the line of the name to the closing brace, as clang-format lays them out."""
    for path, code in tree.c_code():
        lines = code.split("\n")
        start = None
        for index, content in enumerate(lines):
            if content.rstrip() == "{":
                start = index
                while start > 0 and lines[start - 1].strip() and lines[start - 1][0] not in "#}":
                    start -= 1
            elif content.startswith("}") and start is not None:
                length = index - start + 1
                if length > FUNCTION_LINES_MAX:
                    why = f"a function of {length} lines; at most {FUNCTION_LINES_MAX}"
                    yield Violation(path, start + 1, why)
                start = None


def files_are_short(tree):
    for path, text in tree.matching(".c", ".h", ".py"):
        most = TEST_FILE_LINES_MAX if path.startswith("tests/") else FILE_LINES_MAX
        length = text.count("\n")
        if length > most:
            yield Violation(path, most + 1, f"a file of {length} lines; at most {most}")


def lines_are_short(tree):
    """But for a line of C that clang-format cannot break: a single name that is too long."""
    for path, text in tree.matching(".c", ".h", ".proto", ".py"):
        for line, content in numbered(text):
            unbreakable = path.endswith((".c", ".h")) and _ONE_NAME.fullmatch(content)
            if len(content) > LINE_COLUMNS_MAX and not unbreakable:
                why = f"{len(content)} columns; at most {LINE_COLUMNS_MAX}"
                yield Violation(path, line, why)


def names(build, folder, source):
    """Does the text of a BUILD file name it? Also in two parts, as in name + "_test.c"."""
    if re.search(rf'"(:|//{re.escape(folder)}:)?{re.escape(source)}"', build):
        return True
    return any(
        source.endswith(end) and f'"{source[:-len(end)]}"' in build and f'+ "{end}"' in build
        for end in ("_test.c", ".c")
    )


def every_source_is_built(tree):
    builds = dict(tree.builds())
    for path, _ in tree.matching(".c"):
        folder = os.path.dirname(path)
        while folder and f"{folder}/BUILD" not in builds:
            folder = os.path.dirname(folder)
        build = f"{folder}/BUILD" if folder else "BUILD"
        if not names(builds.get(build, ""), folder, os.path.relpath(path, folder or ".")):
            yield Violation(path, 1, f"is not named in {build}")


def builds_name_their_sources(tree):
    for path, text in tree.builds():
        for line, content in numbered(text):
            if re.search(r"\bglob\s*\(", content.split("#")[0]):
                yield Violation(path, line, "glob(): a new file is a decision, so name it")


_LONG_FUNCTION = "int\nlong_one(void)\n{\n" + "    step();\n" * 70 + "}\n"

RULES = [
    Rule(
        "includes point down",
        arrows_point_down,
        [
            {"storage/log/read.c": '#include "server/rpc/call.h"\n'},
            {"storage/engine/x.c": '#include "sagabase/v1/event_store.pb-c.h"\n'},
            {"storage/log/read.c": '#include "read.h"\n'},
            {"base/x.c": '#include "storage/engine/engine.h"\n'},
            {"clients/cli/x.c": '#include "server/rpc/call.h"\n'},
            {"server/services/x.c": '#include "elsewhere/x.h"\n'},
            {"elsewhere/x.c": "#include <stdio.h>\n"},
        ],
    ),
    Rule(
        "libraries stay in their room",
        libraries_stay_in_their_room,
        [
            {"server/services/x.c": "#include <grpc/grpc.h>\n"},
            {"storage/log/x.c": "#  include <rocksdb/c.h>\n"},
            {"storage/log/x.c": "#include <protobuf-c/protobuf-c.h>\n"},
            {"server/rpc/x.c": "#include <microhttpd.h>\n"},
            {"clients/cli/x.c": "#include <yaml.h>\n"},
            {"base/x.c": "#include <cmocka.h>\n"},
        ],
    ),
    Rule(
        "no banned function",
        no_banned_function,
        [{"base/x.c": f"int x(void)\n{{\n    return {name}(a);\n}}\n"} for name in BANNED],
    ),
    Rule("functions are short", functions_are_short, [{"base/x.c": _LONG_FUNCTION}]),
    Rule(
        "files are short",
        files_are_short,
        [{"base/x.c": "\n" * 601}, {"tests/x_test.c": "\n" * 801}],
    ),
    Rule(
        "lines are short",
        lines_are_short,
        [{"base/x.c": "/" * 101}, {"protos/x.proto": "/" * 101}],
    ),
    Rule(
        "every source is built",
        every_source_is_built,
        [
            {"base/lost.c": "", "base/BUILD": 'srcs = ["found.c"]', "BUILD": '"lost.c"'},
            {"base/lost.c": ""},
            {"tests/lost_test.c": "", "tests/BUILD": 'srcs = [name + "_test.c"] for "found"'},
        ],
    ),
    Rule(
        "builds name their sources",
        builds_name_their_sources,
        [{"base/BUILD": 'srcs = glob(["*.c"])\n'}],
    ),
]
