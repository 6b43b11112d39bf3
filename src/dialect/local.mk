# dialect: what OpenAI's answers say, and how to change them; no sockets.
noinst_LIBRARIES += src/dialect/libdialect.a
src_dialect_libdialect_a_SOURCES = \
	src/dialect/openai_embeddings.c src/dialect/openai_embeddings.h \
	src/dialect/openai_event.c src/dialect/openai_event.h
DIALECT_LIBS = src/dialect/libdialect.a $(HTTP_LIBS)

if HAVE_CMOCKA
dialect_tests = tests/unit/openai_embeddings_test tests/unit/openai_event_test
check_PROGRAMS += $(dialect_tests)
TESTS += $(dialect_tests)
tests_unit_openai_embeddings_test_LDADD = $(DIALECT_LIBS) $(CMOCKA_LIBS)
tests_unit_openai_event_test_LDADD = $(DIALECT_LIBS) $(CMOCKA_LIBS)
tests_unit_openai_event_test_CPPFLAGS = $(AM_CPPFLAGS) -DTEST_DATA=\"$(abs_top_srcdir)/tests/unit/data\"
endif

if BUILD_FUZZERS
noinst_PROGRAMS += tests/fuzz/openai_event_fuzzer
tests_fuzz_openai_event_fuzzer_LDADD = $(DIALECT_LIBS)
tests_fuzz_openai_event_fuzzer_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
endif
EXTRA_DIST += tests/fuzz/corpus/openai_event

EXTRA_PROGRAMS += tests/bench/openai_event_bench
tests_bench_openai_event_bench_LDADD = $(DIALECT_LIBS)
