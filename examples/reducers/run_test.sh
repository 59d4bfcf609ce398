#!/bin/bash
# Both ways lead to the same balance, one of them with 42 of 10,042 events.
#
# usage: run_test.sh SAGABASE

diff - <(examples/reducers/run "$1" |
    sed -E 's/in [0-9]+ ms/in N ms/; s/(reducer |"reducer_hash":")[0-9a-f]{16}/\1HASH/') << 'EXPECTED'
1. What folds an account goes in, and 10,000 deposits:
  account reducer HASH
2. Its state, from all of them:
  {"revision":9999,"folded":10000,"reducer_hash":"HASH","state":{"balance":10000,"deposits":10000}}
  in N ms
3. A policy: a snapshot every 100 events. The server makes the one that is due.
  FOR         EVENTS    TIME  KEEP  NAME
  category       100       -     1  account
  {"balance":10000,"deposits":10000}
4. 42 deposits later the state comes from that snapshot and what is behind it:
  {"revision":10041,"folded":42,"reducer_hash":"HASH","state":{"balance":10042,"deposits":10042}}
  in N ms
EXPECTED
