#!/bin/sh
# docs/reference/configuration.md is what its rows print.
./docs/print_config | diff -u "$srcdir/docs/reference/configuration.md" - && exit 0
echo "docs/reference/configuration.md is out of date: run make reference" >&2
exit 1
