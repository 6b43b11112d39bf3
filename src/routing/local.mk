# routing: what a request says, and the pure choice of a backend.
noinst_LIBRARIES += src/routing/librouting.a
src_routing_librouting_a_SOURCES = \
	src/routing/alias.c \
	src/routing/inspect.c src/routing/inspect.h \
	src/routing/inspect_messages.c src/routing/inspection.h \
	src/routing/policy.c \
	src/routing/routing.c src/routing/routing.h src/routing/routing_stages.h \
	src/routing/routing_context.c \
	src/routing/stage_capability.c \
	src/routing/stage_capacity.c \
	src/routing/stage_health.c \
	src/routing/stage_model.c \
	src/routing/stage_privacy.c \
	src/routing/stage_score.c \
	src/routing/stage_tier.c \
	src/routing/substitute.c \
	src/routing/token_estimate.c src/routing/token_estimate.h
INSPECT_LIBS = src/routing/librouting.a $(BASE_LIBS)
ROUTING_LIBS = src/routing/librouting.a $(CONFIG_LIBS) $(REGISTRY_LIBS)

if HAVE_CMOCKA
routing_tests = tests/unit/inspect_test tests/unit/routing_test tests/unit/routing_worlds_test tests/unit/token_estimate_test \
	tests/unit/routing_policy_worlds_test tests/unit/routing_substitutes_test tests/unit/routing_zones_test
check_PROGRAMS += $(routing_tests)
TESTS += $(routing_tests)
tests_unit_routing_test_SOURCES = tests/unit/routing_test.c tests/unit/routing_fixture.h
tests_unit_routing_worlds_test_SOURCES = tests/unit/routing_worlds_test.c tests/unit/routing_fixture.h
tests_unit_routing_worlds_test_LDADD = $(ROUTING_LIBS) $(CMOCKA_LIBS)
tests_unit_routing_policy_worlds_test_SOURCES = tests/unit/routing_policy_worlds_test.c tests/unit/routing_fixture.h
tests_unit_routing_policy_worlds_test_LDADD = $(ROUTING_LIBS) $(CMOCKA_LIBS)
tests_unit_routing_substitutes_test_SOURCES = tests/unit/routing_substitutes_test.c tests/unit/routing_fixture.h
tests_unit_routing_substitutes_test_LDADD = $(ROUTING_LIBS) $(CMOCKA_LIBS)
tests_unit_routing_zones_test_SOURCES = tests/unit/routing_zones_test.c tests/unit/routing_fixture.h
tests_unit_routing_zones_test_LDADD = $(ROUTING_LIBS) $(CMOCKA_LIBS)
tests_unit_routing_test_LDADD = $(ROUTING_LIBS) $(CMOCKA_LIBS)
tests_unit_inspect_test_LDADD = $(INSPECT_LIBS) $(CMOCKA_LIBS)
tests_unit_token_estimate_test_LDADD = $(INSPECT_LIBS) $(CMOCKA_LIBS)
tests_unit_token_estimate_test_CPPFLAGS = $(AM_CPPFLAGS) -DTEST_DATA=\"$(abs_top_srcdir)/tests/unit/data\"
endif
EXTRA_DIST += tests/unit/data/token_counts.jsonl tests/fuzz/corpus/inspect

if BUILD_FUZZERS
noinst_PROGRAMS += tests/fuzz/inspect_fuzzer
tests_fuzz_inspect_fuzzer_LDADD = $(INSPECT_LIBS)
tests_fuzz_inspect_fuzzer_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
endif

EXTRA_PROGRAMS += tests/bench/inspect_bench tests/bench/routing_bench
tests_bench_routing_bench_LDADD = $(ROUTING_LIBS)
tests_bench_inspect_bench_LDADD = $(INSPECT_LIBS)
