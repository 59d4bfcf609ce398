#!/bin/sh
# The C code is laid out as .clang-format says: `make format` makes it so.
set -eu
cd "$(dirname "$(readlink -f "$0")")/../.."

if ! command -v clang-format > /dev/null; then
    if [ "${CI:-}" = true ]; then
        echo "not ok - the code is formatted: clang-format is not installed"
        exit 1
    fi
    echo "skip - the code is formatted: clang-format is not installed"
    exit 0
fi

list_files() {
    git ls-files --cached --others --exclude-standard '*.c' '*.h' 2> /dev/null ||
        find base storage server clients tests examples -name '*.[ch]' ! -path '*/node_modules/*'
}
files=$(list_files | while read -r file; do [ ! -f "$file" ] || echo "$file"; done)
if [ -z "$files" ]; then
    echo "not ok - the code is formatted: no code found"
    exit 1
fi

# It must refuse what is badly laid out, or it tests nothing.
if printf 'int  x ;\n' | clang-format --dry-run -Werror --assume-filename=base/x.c 2> /dev/null; then
    echo "not ok - clang-format refuses bad form"
    exit 1
fi
echo "ok - clang-format refuses bad form"

if echo "$files" | xargs clang-format --dry-run -Werror; then
    echo "ok - the code is formatted"
else
    echo "not ok - the code is formatted: run make format"
    exit 1
fi
