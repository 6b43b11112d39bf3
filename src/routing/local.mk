# routing: what a request says, and the pure choice of a backend.
noinst_LIBRARIES += src/routing/librouting.a
src_routing_librouting_a_SOURCES = \
	src/routing/alias.c \
	src/routing/routing.c src/routing/routing.h src/routing/routing_stages.h \
	src/routing/routing_context.c \
	src/routing/stage_capability.c \
	src/routing/stage_capacity.c \
	src/routing/stage_health.c \
	src/routing/stage_model.c \
	src/routing/stage_score.c
ROUTING_LIBS = src/routing/librouting.a $(CONFIG_LIBS) $(REGISTRY_LIBS)

if HAVE_CMOCKA
routing_tests = tests/unit/routing_test
check_PROGRAMS += $(routing_tests)
TESTS += $(routing_tests)
tests_unit_routing_test_LDADD = $(ROUTING_LIBS) $(CMOCKA_LIBS)
endif

EXTRA_PROGRAMS += tests/bench/routing_bench
tests_bench_routing_bench_LDADD = $(ROUTING_LIBS)
