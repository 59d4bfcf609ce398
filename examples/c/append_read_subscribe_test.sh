#!/bin/bash
# The example says what it promises.
SAGABASE=$1
. tests/support/server.sh
start

diff - <("$2" "$SAGABASE_SERVER") << 'EXPECTED'
appended OrderPlaced as revision 0
appended OrderPaid as revision 1
refused: expected revision 0, but it is at 1
read 0 OrderPlaced {"item": "book", "total": 42}
read 1 OrderPaid {}
told 0 OrderPlaced {"item": "book", "total": 42}
told 1 OrderPaid {}
EXPECTED
