#!/bin/bash
# The example says what it promises.
SAGABASE=$1
. tests/support/server.sh
start

diff - <("$2" "$SAGABASE_SERVER") << 'EXPECTED'
order of ann: completed
  StockReserved
  CardCharged
order of broke: compensated
  StockReserved
  StockReleased
EXPECTED
