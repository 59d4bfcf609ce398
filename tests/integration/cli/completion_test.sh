#!/bin/bash
# What a shell offers. Needs no server.
. tests/integration/cli/check.sh

# offers WORD...: what bash offers for the last of the words.
offers() {
    COMP_WORDS=("$@")
    COMP_CWORD=$(($# - 1))
    COMPREPLY=()
    _sagabase
    output="${COMPREPLY[*]}"
}

run completion bash
expect_code 0
eval "$output"
offers sagabase s
expect_output "serve subscribe stream saga scavenge snapshot state"
offers sagabase stream t
expect_output "types tombstone"
offers sagabase snapshot p
expect_output "put policy"
offers sagabase reducer ""
expect_output "put list delete"
offers sagabase upcaster l
expect_output "list"
offers sagabase read --upc
expect_output "--upcast"
offers sagabase stream list --c
expect_output "--count"
offers sagabase stream policy order-1 --max
expect_output "--max-count --max-age"
offers sagabase append order-1 --fa
expect_output "--fail-if"
offers sagabase serve --in
expect_output "--in-memory"
offers sagabase config print --in
expect_output "--in-memory"
offers sagabase config ""
expect_output "check print"
offers sagabase completion ""
expect_output "bash zsh fish"

run completion zsh
[[ $output == *bashcompinit*"complete -F _sagabase sagabase" ]] || fail "zsh"
run completion fish
[[ $output == *"__fish_seen_subcommand_from append' -l fail-if -r -d "* ]] || fail "fish"
[[ $output == *"-a 'serve config doctor help stream saga snapshot reducer upcaster'"* ]] || fail "fish"
run completion tcsh
expect_code 2
expect_error 'sagabase: completion: bash, zsh or fish, not "tcsh"'
