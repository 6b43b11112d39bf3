# Benchmarks: run by hand (`make bench`), never by `make check`.
noinst_PROGRAMS += tests/bench/bench_upstream tests/bench/bench_streams
tests_bench_bench_upstream_SOURCES = tests/bench/bench_upstream.c
tests_bench_bench_streams_SOURCES = tests/bench/bench_streams.c
EXTRA_DIST += tests/bench/run

bench: all
	$(top_srcdir)/tests/bench/run --build $(abs_top_builddir)
.PHONY: bench
