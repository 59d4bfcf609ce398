#!/usr/bin/python3
"""Checks the house against its rules: `tidy.py`, or `tidy.py --self-test` to check the rules.

One line for each rule: "ok - rule" or "not ok - rule: file:line: why".
"""

import os
import sys

sys.dont_write_bytecode = True

import code_rules
import proto_rules
import text_rules
from tree import Tree, read_tree

RULES = code_rules.RULES + proto_rules.RULES + text_rules.RULES
TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))

# A small house in order: every rule must accept it.
IN_ORDER = {
    "BUILD": "",
    "base/BUILD": 'cc_library(name = "base", srcs = ["status.c"])\n',
    "base/status.c": '#include <stdio.h>\n\n#include "base/status.h"\n\n'
    'static const char *text = "sleep(1)"; /* system(x) */\n'
    "\nint status_sleep(void)\n{\n    return my_sleep(text);\n}\n",
    "base/status.h": "int status_sleep(void);\n",
    "server/rpc/call.h": "#include <grpc/grpc.h>\n\nenum { CALLS_MAX = 3 };\n",
    "storage/log/limits.h": "enum {\n    NAME_BYTES_MAX = 10,\n};\n",
    "docs/limits.md": "| `NAME_BYTES_MAX` | 10 bytes | a name |\n",
    "ARCHITECTURE.md": "| `CALLS_MAX` | 3 | calls |\n",
    "protos/sagabase/v1/x.proto": "// S.\nservice S {\n  // Gets.\n  rpc Get(A) returns (B);\n}\n"
    "message A {\n  // At most 10 bytes.\n  string name = 1;\n"
    "  oneof x {\n    // It.\n    B b = 2;\n  }\n}\nmessage B {}\n"
    "enum E {\n  // None.\n  E_NONE = 0;\n  E_ONE = 1; // One.\n}\n",
}


def report(what, violations):
    if not violations:
        print(f"ok - {what}")
        return True
    print(f"not ok - {what}: {violations[0]}")
    for violation in violations[1:]:
        print(f"    {violation}")
    return False


def check_house(tree):
    return all([report(rule.name, list(rule.check(tree))) for rule in RULES])


def check_rules():
    good = True
    for rule in RULES:
        accepted = [str(files) for files in rule.refused if not list(rule.check(Tree(files)))]
        wrong = [f"accepts {files}" for files in accepted] if rule.refused else ["is never tried"]
        wrong += [f"refuses {v}" for v in rule.check(Tree(IN_ORDER))]
        good = report(f"refuses what it must and nothing else: {rule.name}", wrong) and good
    return good


def main():
    if sys.argv[1:] == ["--self-test"]:
        return 0 if check_rules() else 1
    tree = read_tree(TOP)
    if not list(tree.c_files()):
        print("not ok - the house was found: no C below", TOP)
        return 1
    return 0 if check_house(tree) else 1


if __name__ == "__main__":
    sys.exit(main())
