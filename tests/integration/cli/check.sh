# What the tests of the commands share: running one and saying what must come of it.
SAGABASE=$1
. tests/support/server.sh

output=
errors=
code=0

# Runs sagabase; what it writes is kept in $output and $errors.
run() {
    code=0
    output=$("$SAGABASE" "$@" 2> "$folder/errors" < "${input:-/dev/null}") || code=$?
    errors=$(< "$folder/errors")
}

fail() {
    printf 'FAILED: %s\n  code   %s\n  output %s\n  errors %s\n' "$*" "$code" "$output" "$errors" >&2
    exit 1
}

expect_code() {
    [[ $code == "$1" ]] || fail "exit code $1 expected"
}

expect_output() {
    [[ $output == "$1" ]] || fail "output expected: $1"
}

# The first line, so that a hint may follow.
expect_error() {
    [[ ${errors%%$'\n'*} == $1 ]] || fail "error expected: $1"
}

# json EXPRESSION: of the output's one object.
json() {
    /usr/bin/python3 -c 'import json, sys
it = json.loads(sys.argv[1])
print(eval(sys.argv[2]))' "$output" "$1"
}
