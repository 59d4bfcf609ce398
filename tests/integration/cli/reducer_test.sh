#!/bin/bash
# States that the server computes, from the command line: put, asked for, failed, put again,
# deleted.
. tests/integration/cli/check.sh
start

# Lua.
cat > "$folder/account.lua" << 'END'
return function(state, event)
  state = state or { balance = 0 }
  if event.type == "Deposited" then
    state.balance = state.balance + event.data.amount
  end
  return state
end
END
for amount in 10 20 30; do
    run append account-7 --type Deposited --data "{\"amount\": $amount}"
done
run state account-7
expect_code 1
expect_error 'sagabase: state: account-7: *no reducer*'
run reducer put account "$folder/account.lua"
expect_code 0
[[ $output =~ ^account\ reducer\ [0-9a-f]{16}$ ]] || fail "reducer put"
run state account-7
expect_output '{"balance":60}'
run state account-7 --revision 1 --json
[[ $(json 'it["state"], it["revision"]') == "({'balance': 30}, 1)" ]] || fail "state --revision"
run state account-7 --revision 3
expect_error 'sagabase: state: account-7: *revision: 3 does not exist*'
run state account-8
expect_error 'sagabase: state: account-8: *'

# Merge patches, from stdin.
printf '{"rules": [
    {"event_type": "CustomerRegistered"},
    {"event_type": "AddressChanged", "at": ["address"]},
    {"event_type": "CustomerLeft", "patch": {"left": true, "address": null}}]}' > "$folder/rules"
input=$folder/rules run reducer put customer -
expect_code 0
run append customer-1 --type CustomerRegistered --data '{"name": "Ada"}'
run append customer-1 --type AddressChanged --data '{"town": "London"}'
run state customer-1
[[ $(json 'it == {"name": "Ada", "address": {"town": "London"}}') == True ]] || fail "merged"
run append customer-1 --type CustomerLeft
run state customer-1
[[ $(json 'it == {"name": "Ada", "left": True}') == True ]] || fail "patched"
run reducer list
[[ $output == *"lua "*" runs "*" account"$'\n'"merge patch "*" runs "*" customer" ]] || fail "list"

# What is listed as JSON can be put again.
run reducer list --json
tail -1 <<< "$output" > "$folder/listed"
/usr/bin/python3 -c 'import json, sys
json.dump(json.load(sys.stdin)["reducer"]["merge_patch"], sys.stdout)' \
    < "$folder/listed" > "$folder/again"
hash=$(/usr/bin/python3 -c 'import json, sys; print(json.load(sys.stdin)["hash"])' \
    < "$folder/listed")
run reducer put customer "$folder/again"
expect_output "customer reducer $hash"

# One that does not compile, one that fails: told where, and it runs again when it is put again.
printf 'return function(state,' > "$folder/broken.lua"
run reducer put account "$folder/broken.lua"
expect_code 1
expect_error "sagabase: reducer put: $folder/broken.lua: reducer.lua.source: reducer:1: *"
run append account-7 --type Deposited --data '{"amount": "much"}'
run state account-7
expect_code 1
expect_error 'sagabase: state: account-7: *account-7@3*reducer:4: *'
run reducer list
[[ $output == *"disabled  account"$'\n'*"at revision 3 of account-7:"$'\n'*"reducer:4: "* ]] ||
    fail "why it is disabled"
run reducer put account "$folder/account.lua"
run state account-7 --revision 2
expect_output '{"balance":60}'

run reducer delete account
expect_output deleted
run reducer delete account --json
expect_output '{"deleted":false}'
