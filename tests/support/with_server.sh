#!/bin/bash
# with_server.sh SAGABASE PROGRAM [ARGUMENTS]: runs the program while a server listens at
# $SAGABASE_SERVER.
SAGABASE=$1
shift
. tests/support/server.sh
start
"$@"
