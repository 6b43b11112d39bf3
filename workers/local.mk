# What every worker's life has in common, and one folder a role.
noinst_LIBRARIES += workers/libworker.a
workers_libworker_a_SOURCES = \
	workers/worker.c workers/worker.h workers/worker_private.h \
	workers/worker_boot.c \
	workers/worker_config.c \
	workers/worker_pulse.c \
	workers/worker_registry.c
WORKER_LIBS = workers/libworker.a $(REGISTRY_LIBS) $(CONFIG_LIBS) $(IPC_LIBS)

# A worker and all it is given, for component tests: link $(FAKE_SUPERVISOR_LIBS).
check_LIBRARIES += tests/fake/libfakesupervisor.a
tests_fake_libfakesupervisor_a_SOURCES = tests/fake/fake_supervisor.c tests/fake/fake_supervisor.h
FAKE_SUPERVISOR_LIBS = tests/fake/libfakesupervisor.a $(WORKER_LIBS)

if HAVE_CMOCKA
check_PROGRAMS += tests/component/worker_life_test
TESTS += tests/component/worker_life_test
tests_component_worker_life_test_SOURCES = tests/component/worker_life_test.c
tests_component_worker_life_test_LDADD = $(FAKE_SUPERVISOR_LIBS) $(CMOCKA_LIBS)
endif

include workers/request/local.mk
include workers/health/local.mk
include workers/budget/local.mk
include workers/demo/local.mk
