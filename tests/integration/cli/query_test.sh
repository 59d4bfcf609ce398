#!/bin/bash
# Tags, conditions, queries, times and lists on the command line.
. tests/integration/cli/check.sh
start

# names EXPRESSION: of each JSON line of the output.
each() {
    /usr/bin/python3 -c 'import json, sys
print([eval(sys.argv[1], {"it": json.loads(line)}) for line in sys.stdin])' "$1" <<< "$output"
}

run append course-1 --type Defined --tag course:1
expect_output "revision 0, position 0"
run append student-7 --type Joined --tag course:1 --tag student:7 --metadata '$correlationId=c-7' \
    --fail-if 'type=Joined,Left tag=student:7' --fail-if 'tag=course:1' --after 0
expect_output "revision 0, position 1"
run append student-8 --type Joined --tag course:1 --fail-if 'tag=course:1' --after 0
expect_code 1
expect_error 'sagabase: append: student-8: an event that matches --fail-if is at position 1: *'
run append student-8 --type Joined --tag course:1 --fail-if 'type=Joined tag=course:1' --after 1 --json
[[ $(json 'it["position"]') == 2 ]] || fail "append --fail-if --json"
run append student-8 --type Joined --after 1
expect_code 2
expect_error 'sagabase: append: --after: only with --fail-if'
run append student-8 --type Joined --fail-if 'color=red'
expect_code 2
expect_error 'sagabase: append: --fail-if: type, tag, category or correlation, not "color"'
printf '{"type":"Left","tags":["course:1","student:7"]}\n' > "$folder/lines"
input=$folder/lines run append student-7 --jsonl
expect_output "revision 1, position 3"

run read --all --tag course:1 --tag student:7 --json
[[ $(each 'it["position"]') == "[1, 3]" ]] || fail "read --tag"
[[ $(each 'it["tags"]') == "[['course:1', 'student:7'], ['course:1', 'student:7']]" ]] ||
    fail "tags in JSON"
run read --all --type Joined --type Defined --json
[[ $(each 'it["position"]') == "[0, 1, 2]" ]] || fail "read --type"
run read --all --category student --backwards --count 2 --json
[[ $(each 'it["position"]') == "[3, 2]" ]] || fail "read --category"
run read --all --correlation c-7 --json
[[ $(each 'it["position"], it["metadata"]') == "[(1, {'\$correlationId': 'c-7'})]" ]] ||
    fail "read --correlation"
run read student-7 --tag course:1
expect_code 2
expect_error 'sagabase: read: --tag, --type, --category, --correlation: only with --all'

run read student-7 --type-regex '^L' --json
[[ $(each 'it["revision"]') == "[1]" ]] || fail "read STREAM --type-regex"
run read --all --tag course:1 --stream-prefix student-8 --stream-prefix course --json
[[ $(each 'it["position"]') == "[0, 2]" ]] || fail "read --tag --stream-prefix"

run read --all --since 2000-01-01 --json
[[ $(each 'it["position"]') == "[0, 1, 2, 3]" ]] || fail "read --since"
run read --all --since 2200-01-01T00:00:00Z --json
expect_output ""
run read student-7 --since 2200-01-01 --backwards --count 1 --json
[[ $(each 'it["revision"]') == "[1]" ]] || fail "read --since --backwards"
run read --all --since yesterday
expect_code 2
expect_error 'sagabase: read: --since: a time like *, not "yesterday"'
run read --all --since 2200-01-01 --from 1
expect_error 'sagabase: read: either --from or --since, not both'

run subscribe --tag student:7 --until-caught-up --json
[[ $(each 'it["position"]') == "[1, 3]" ]] || fail "subscribe --tag"
run subscribe --since 2000-01-01 --count 2 --json
[[ $(each 'it["position"]') == "[0, 1]" ]] || fail "subscribe --since"
run subscribe student-7 --type-prefix Le --until-caught-up --json
[[ $(each 'it["revision"]') == "[1]" ]] || fail "subscribe STREAM --type-prefix"

run stream categories
expect_output $'course\nstudent'
run stream categories s --json
expect_output '"student"'
run stream types
expect_output $'Defined\nJoined\nLeft'

# Tags from columns; empty values are none.
printf 'stream,type,course,note\na-1,Happened,9,x\na-1,Happened,,y\n' > "$folder/rows.csv"
run import "$folder/rows.csv" --tag-column course --tag-column note
expect_code 0
run read a-1 --json
[[ $(each 'it["tags"]') == "[['course:9', 'note:x'], ['note:y']]" ]] || fail "import --tag-column"
