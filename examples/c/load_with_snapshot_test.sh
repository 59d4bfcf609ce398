#!/bin/bash
# Both ways lead to the same balance, one of them with a hundredth of the events.
SAGABASE=$1
. tests/support/server.sh
start

diff - <("$2" "$SAGABASE_SERVER" | sed -E 's/[0-9.]+ ms/N ms/; s/^[0-9]+ times/N times/') << 'EXPECTED'
without snapshot balance 10000 from 10000 events, N ms
with snapshot    balance 10000 from 100 events, N ms
N times as fast
EXPECTED
