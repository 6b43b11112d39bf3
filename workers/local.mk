# What every worker's life has in common, and one folder a role.
noinst_LIBRARIES += workers/libworker.a
workers_libworker_a_SOURCES = \
	workers/worker.c workers/worker.h workers/worker_private.h \
	workers/worker_boot.c \
	workers/worker_config.c \
	workers/worker_pulse.c \
	workers/worker_registry.c
WORKER_LIBS = workers/libworker.a $(REGISTRY_LIBS) $(CONFIG_LIBS) $(IPC_LIBS)
include workers/request/local.mk
include workers/health/local.mk
include workers/budget/local.mk
include workers/demo/local.mk
