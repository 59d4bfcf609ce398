#!/bin/bash
# Events that are shown in their newest form, from the command line.
. tests/integration/cli/check.sh
start

cat > "$folder/names.lua" << 'END'
return function(event)
  local name = event.data.name
  if not name then return event end
  local space = name:find(" ")
  event.data = { first = name:sub(1, space - 1), last = name:sub(space + 1) }
  return event
end
END
run append person-1 --type PersonNamed --data '{"name": "Ada Lovelace"}'
run append person-1 --type PersonNamed --data '{"first": "Grace", "last": "Hopper"}'
run upcaster put PersonNamed "$folder/names.lua"
[[ $output =~ ^PersonNamed\ upcaster\ [0-9a-f]{16}$ ]] || fail "upcaster put"
run upcaster list
[[ $output == *" runs "*" PersonNamed" ]] || fail "upcaster list"
for command in "read person-1" "read --all --category person" "snapshot load person-1" \
    "subscribe person-1 --until-caught-up"; do
    run $command --json --upcast
    expect_code 0
    output=$(head -1 <<< "$output") # of two
    [[ $(json 'it["data"] == {"first": "Ada", "last": "Lovelace"}') == True ]] || fail "$command --upcast"
    run $command --json
    output=$(head -1 <<< "$output")
    [[ $(json 'it["data"] == {"name": "Ada Lovelace"}') == True ]] || fail "$command as it is stored"
done
printf 'return function(event) return event.data.x.y end' > "$folder/broken.lua"
run upcaster put PersonNamed "$folder/broken.lua"
run read person-1 --upcast
expect_code 1
expect_error 'sagabase: read: person-1: *PersonNamed*'
until run upcaster list && [[ $output == *"disabled  PersonNamed"* ]]; do # behind the read
    read -r -t 0.05 <> <(:) || true
done
[[ $output == *"disabled  PersonNamed"$'\n'*"revision 0 of person-1"* ]] || fail "why it is disabled"
run upcaster delete PersonNamed
expect_output deleted
run read person-1 --upcast --count 1 --json
expect_code 0
