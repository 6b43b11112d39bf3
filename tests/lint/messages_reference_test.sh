#!/bin/sh
# docs/reference/messages.md is what messages.def prints.
./docs/print_messages | diff -u "$srcdir/docs/reference/messages.md" - && exit 0
echo "docs/reference/messages.md is out of date: run make reference" >&2
exit 1
