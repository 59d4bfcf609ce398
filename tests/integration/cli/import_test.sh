#!/bin/bash
# import against a server: every field, once, whatever the file looks like.
. tests/integration/cli/check.sh
start

# 3,000 rows of 200 cases that take turns, with all that CSV allows.
/usr/bin/python3 - "$folder/log.csv" << 'PYTHON'
import csv, sys
with open(sys.argv[1], "w", newline="", encoding="utf-8-sig") as file:
    rows = csv.writer(file)
    rows.writerow(["case", "what", "when", "note"])
    for i in range(3000):
        rows.writerow([f"case-{i // 7 % 200}", f"Type {i % 13}", f"2026-01-{i % 28 + 1:02} 10:00:00+01:00",
                       ["plain", 'say "yes"', "a,b", "two\r\nlines", "Größe", ""][i % 6]])
PYTHON
columns=(--stream-column case --type-column what --time-column when)

run import "$folder/log.csv" "${columns[@]}" --json
expect_code 0
[[ $(json 'it["events"], it["streams"], it["stored_before"], it["skipped"]') == "(3000, 200, 0, 0)" ]] ||
    fail "all rows"
run info --json
[[ $(json 'it["events"], it["streams"], it["types"]') == "(3000, 200, 13)" ]] || fail "info"

"$SAGABASE" read --all --json > "$folder/events.jsonl"
/usr/bin/python3 - "$folder/log.csv" "$folder/events.jsonl" << 'PYTHON'
import csv, json, sys
rows = list(csv.DictReader(open(sys.argv[1], newline="", encoding="utf-8-sig")))
events = [json.loads(line) for line in open(sys.argv[2], encoding="utf-8")]
assert len(rows) == len(events)
for row, event in zip(rows, events):
    assert event["data"] == row, (event, row)
    assert list(event["data"]) == list(row)
    assert event["stream"] == row["case"] and event["type"] == row["what"]
    assert event["metadata"] == {"time": row["when"]}
PYTHON

# Again: nothing is stored twice, packed or not, from a file that has grown, too.
gzip -k "$folder/log.csv"
mkdir "$folder/again"
mv "$folder/log.csv.gz" "$folder/again/log.csv"
run import "$folder/again/log.csv" "${columns[@]}" --json
[[ $(json 'it["events"], it["stored_before"]') == "(0, 3000)" ]] || fail "the same again"
printf 'case-28,Type 0,2026-02-01,more\r\nnew-1,Type 0,2026-02-01,more\r\n' >> "$folder/log.csv"
run import "$folder/log.csv" "${columns[@]}"
expect_code 0
[[ $output == "imported 2 events into 2 streams in "*" s ("*" events/s), 3,000 stored before" ]] ||
    fail "a file that has grown"

# What read prints can be imported elsewhere.
stop
mv "$folder/data" "$folder/first"
start
input=$folder/events.jsonl run import - --format jsonl --json
expect_code 0
[[ $(json 'it["events"], it["streams"]') == "(3000, 200)" ]] || fail "events from read"
"$SAGABASE" read --all --json > "$folder/copied.jsonl"
/usr/bin/python3 - "$folder/events.jsonl" "$folder/copied.jsonl" << 'PYTHON'
import json, sys
first, second = ([json.loads(line) for line in open(name, encoding="utf-8")] for name in sys.argv[1:])
for event in first + second:
    del event["created"]
assert first == second
PYTHON

# Bad rows.
printf 'case,what,when\nc-1,A,2026-01-01\nc-1,B,someday\nc-2,\nc-1,C,2026-01-02\n' > "$folder/bad.csv"
run import "$folder/bad.csv" "${columns[@]}"
expect_code 1
expect_error 'sagabase: import: bad.csv:3: column when: a time like *, not "someday"'
run import "$folder/bad.csv" "${columns[@]}" --skip-bad-rows 1
expect_code 1
expect_error 'sagabase: import: bad.csv:3: * (left out)'
run import "$folder/bad.csv" "${columns[@]}" --skip-bad-rows 2 --json
expect_code 0
[[ $(json 'it["events"], it["stored_before"], it["skipped"]') == "(1, 1, 2)" ]] || fail "skipped rows"
run stream show c-1 --json
[[ $(json 'it["events"]') == 2 ]] || fail "nothing twice"

head -c 200 "$folder/again/log.csv" > "$folder/cut.csv.gz"
run import "$folder/cut.csv.gz" "${columns[@]}"
expect_code 1
[[ $errors == *"the gzip data ends too early"* ]] || fail "a file that is cut off"
run import "$folder/bad.csv"
expect_error 'sagabase: import: bad.csv: --stream-column: there is no column "stream"'
