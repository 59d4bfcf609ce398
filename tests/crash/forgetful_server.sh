#!/bin/sh
# A server that acknowledges and forgets: `serve --listen HOST:PORT --data DIR`, with its events
# in memory only. The crash test must find it out.
exec "$SAGABASE" serve --listen "$3" --in-memory
