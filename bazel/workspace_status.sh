#!/bin/sh
# Bazel calls this to stamp version and commit into the binary.
echo "STABLE_SAGABASE_VERSION $(cat VERSION)"
commit=$(git rev-parse --short=12 HEAD 2>/dev/null || echo unknown)
test -z "$(git status --porcelain 2>/dev/null | head -1)" || commit="$commit-modified"
echo "STABLE_SAGABASE_COMMIT $commit"
