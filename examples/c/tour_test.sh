#!/bin/bash
# The tour in C does what it does in the other languages.
SAGABASE=$1
. tests/support/server.sh
start

diff examples/tour.txt <("$2" "$SAGABASE_SERVER")
