# What every worker's life has in common, and one folder a role.
noinst_LIBRARIES += workers/libworker.a
workers_libworker_a_SOURCES =
include workers/request/local.mk
include workers/health/local.mk
include workers/budget/local.mk
include workers/demo/local.mk
