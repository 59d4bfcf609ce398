"""Rules for the .proto files of our own API."""

import dataclasses
import re

from tree import Rule, Violation, numbered

# Their names become names in C, in lower case where they are methods.
KEYWORDS = set(
    """auto break case char const continue default do double else enum extern float for goto if
    inline int long register restrict return short signed sizeof static struct switch typedef
    union unsigned void volatile while""".split()
)
_BOUND = re.compile(r"\d|\b(as|see|bounded by)\b", re.IGNORECASE)
_BLOCK = re.compile(r"^(message|enum|service|oneof)\s+(\w+)\s*\{")
_FIELD = re.compile(r"^(?:(repeated|optional)\s+)?(map<[^>]*>|[\w.]+)\s+(\w+)\s*=\s*\d+")
_VALUE = re.compile(r"^(\w+)\s*=\s*-?\d+")
_METHOD = re.compile(r"^rpc\s+(\w+)\s*\(")


@dataclasses.dataclass
class Named:
    """Something with a name in a .proto file, and the comment above or beside it."""

    path: str
    line: int
    kind: str  # message, enum, service, oneof, field, value, rpc
    name: str
    comment: str
    type: str = ""
    label: str = ""
    message: str = ""  # that a field is in

    def violation(self, why):
        return Violation(self.path, self.line, f"{self.kind} {self.name}: {why}")


def named_in(path, text):
    blocks, comment = [], ""
    for line, content in numbered(text):
        code, _, beside = (part.strip() for part in content.partition("//"))
        if not code:
            comment = f"{comment} {beside}" if beside else ""
            continue
        about = f"{comment} {beside}".strip()
        comment = ""
        message = next((name for kind, name in reversed(blocks) if kind == "message"), "")
        inside = blocks[-1][0] if blocks else ""
        block, field = _BLOCK.match(code), _FIELD.match(code)
        value, method = _VALUE.match(code), _METHOD.match(code)
        if block:
            yield Named(path, line, block[1], block[2], about)
        elif inside in ("message", "oneof") and field:
            label, kind, name = field.groups(default="")
            yield Named(path, line, "field", name, about, kind, label, message)
        elif inside == "enum" and value:
            yield Named(path, line, "value", value[1], about)
        elif inside == "service" and method:
            yield Named(path, line, "rpc", method[1], about)
        for brace in re.findall(r"[{}]", code):
            if brace == "{":
                blocks.append((block[1], block[2]) if block else ("options", ""))
            elif blocks:
                blocks.pop()


def all_named(tree, *kinds):
    for path, text in tree.matching(".proto"):
        if path.startswith("protos/sagabase/"):
            yield from (named for named in named_in(path, text) if named.kind in kinds)


def no_optional(tree):
    for field in all_named(tree, "field"):
        if field.label == "optional":
            yield field.violation("protoc-gen-c refuses optional: use a oneof of one member")


def no_recursion(tree):
    fields = list(all_named(tree, "field"))
    reached = {}
    for field in fields:
        for name in re.findall(r"\w+", field.type):
            reached.setdefault(field.message, set()).add(name)
    for field in fields:
        seen, waiting = set(), set(re.findall(r"\w+", field.type))
        while waiting:
            name = waiting.pop()
            seen.add(name)
            waiting |= reached.get(name, set()) - seen
        if field.message in seen:
            yield field.violation(f"{field.message} contains itself: unpacking has no depth limit")


def everything_has_a_comment(tree):
    for named in all_named(tree, "field", "value", "rpc", "service"):
        if not named.comment:
            yield named.violation("has no comment")


def every_size_has_a_bound(tree):
    for field in all_named(tree, "field"):
        grows = field.label == "repeated" or field.type.startswith("map<")
        if (grows or field.type in ("string", "bytes")) and not _BOUND.search(field.comment):
            yield field.violation('the comment does not state its bound (a number, or "as ...")')


def no_keyword_as_name(tree):
    for named in all_named(tree, "field", "oneof", "rpc", "message", "enum", "service"):
        if named.name.lower() in KEYWORDS:
            yield named.violation("is a word of C")


def _proto(body):
    return {"protos/sagabase/v1/x.proto": body}


RULES = [
    Rule(
        "protos: no optional",
        no_optional,
        [_proto("message A {\n  // Less than 3.\n  optional int32 b = 1;\n}\n")],
    ),
    Rule(
        "protos: no recursion",
        no_recursion,
        [
            _proto("message A {\n  // It.\n  A a = 1;\n}\n"),
            _proto("message A {\n  // It.\n  B b = 1;\n}\nmessage B {\n  repeated A a = 1;\n}\n"),
            _proto("message A {\n  oneof x {\n    A a = 1;\n  }\n}\n"),
            _proto("message A {\n  map<string, A> a = 1;\n}\n"),
        ],
    ),
    Rule(
        "protos: everything has a comment",
        everything_has_a_comment,
        [
            _proto("message A {\n  // It.\n\n  int32 b = 1;\n}\n"),
            _proto("enum A {\n  B = 0;\n}\n"),
            _proto("// S.\nservice S {\n  rpc Get(A) returns (B);\n}\n"),
            _proto("\nservice S {\n}\n"),
        ],
    ),
    Rule(
        "protos: every size has a bound",
        every_size_has_a_bound,
        [
            _proto("message A {\n  // Its name.\n  string b = 1;\n}\n"),
            _proto("message A {\n  // Some.\n  repeated int32 b = 1;\n}\n"),
            _proto("message A {\n  // Some.\n  map<int32, int32> b = 1;\n}\n"),
        ],
    ),
    Rule(
        "protos: no word of C is a name",
        no_keyword_as_name,
        [
            _proto("// S.\nservice S {\n  // Does.\n  rpc Do(A) returns (B);\n}\n"),
            _proto("message A {\n  // It.\n  int32 register = 1;\n}\n"),
        ],
    ),
]
