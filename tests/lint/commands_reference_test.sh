#!/bin/sh
# docs/reference/commands.md is what its rows print.
./docs/print_commands | diff -u "$srcdir/docs/reference/commands.md" - && exit 0
echo "docs/reference/commands.md is out of date: run make reference" >&2
exit 1
