# Tests that belong to no single room; each room's unit tests are named in its own local.mk.
EXTRA_DIST += tests/run tests/scenario tests/clients tests/fresh tests/fuzz/run \
	tests/lint/_tree.py \
	tests/lint/banned_functions.py \
	tests/lint/file_length.py \
	tests/lint/function_length.py \
	tests/lint/header_alone.py \
	tests/lint/include_rules.py \
	tests/lint/no_machine_paths.py \
	tests/lint/tests_first_line.py

include tests/bench/local.mk
include tests/real/local.mk

# All that `make check` runs, built but not run.
check-programs: $(check_LIBRARIES) $(check_PROGRAMS)
.PHONY: check-programs

# README's two commands in a Debian made for it; root only, some minutes.
check-fresh:
	$(top_srcdir)/tests/fresh/run
.PHONY: check-fresh

# The unit tests once more, each under valgrind; not for a build with sanitizers.
VALGRIND = valgrind -q --error-exitcode=1 --leak-check=full
check-valgrind: check-programs
	$(MAKE) $(AM_MAKEFLAGS) check-TESTS LOG_COMPILER='$(VALGRIND)' \
		TESTS='$(filter tests/unit/%,$(check_PROGRAMS))'
.PHONY: check-valgrind

# Every fuzzer of a build with --enable-fuzzers, SECONDS each on a copy of its corpus.
SECONDS = 600
fuzz:
	$(top_srcdir)/tests/fuzz/run --build $(abs_top_builddir) --seconds $(SECONDS)
.PHONY: fuzz
