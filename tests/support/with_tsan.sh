#!/bin/sh
# Runs a test with our suppressions; they are beside it in the runfiles.
export TSAN_OPTIONS="suppressions=$PWD/tests/support/tsan.supp:second_deadlock_stack=1:halt_on_error=1"
exec "$@"
