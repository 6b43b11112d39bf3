# supervisor: the one process that keeps the others alive.
noinst_LIBRARIES += supervisor/libsupervisor.a
supervisor_libsupervisor_a_SOURCES = \
	supervisor/admin.c supervisor/admin.h supervisor/admin_commands.c supervisor/admin_status.c \
	supervisor/config_issue.c supervisor/config_issue.h \
	supervisor/listen_sockets.c supervisor/listen_sockets.h \
	supervisor/liveness.c supervisor/liveness.h \
	supervisor/mailroom.c supervisor/mailroom.h \
	supervisor/obituary.c supervisor/obituary.h \
	supervisor/process_table.c supervisor/process_table.h \
	supervisor/registry_cache.c supervisor/registry_cache.h \
	supervisor/reload.c supervisor/reload.h \
	supervisor/respawn.c supervisor/respawn.h \
	supervisor/restart_policy.c supervisor/restart_policy.h \
	supervisor/service.c supervisor/service.h \
	supervisor/slot.c supervisor/slot.h \
	supervisor/slot_life.c supervisor/slot_life.h \
	supervisor/spawn.c supervisor/spawn.h \
	supervisor/state_dir.c supervisor/state_dir.h \
	supervisor/stop.c supervisor/stop.h \
	supervisor/supervisor.c supervisor/supervisor.h
SUPERVISOR_LIBS = supervisor/libsupervisor.a $(CONFIG_LIBS) $(IPC_LIBS)

if HAVE_CMOCKA
supervisor_tests = \
	tests/unit/restart_policy_test \
	tests/unit/liveness_test \
	tests/unit/slot_test \
	tests/unit/obituary_test \
	tests/unit/registry_cache_test \
	tests/unit/mailroom_test \
	tests/component/supervisor_test \
	tests/component/supervisor_reload_test
check_PROGRAMS += $(supervisor_tests)
TESTS += $(supervisor_tests)
tests_unit_restart_policy_test_LDADD = $(SUPERVISOR_LIBS) $(CMOCKA_LIBS)
tests_unit_liveness_test_LDADD = $(SUPERVISOR_LIBS) $(CMOCKA_LIBS)
tests_unit_slot_test_LDADD = $(SUPERVISOR_LIBS) $(CMOCKA_LIBS)
tests_unit_obituary_test_LDADD = $(SUPERVISOR_LIBS) $(CMOCKA_LIBS)
tests_unit_registry_cache_test_LDADD = $(SUPERVISOR_LIBS) $(CMOCKA_LIBS)
tests_unit_mailroom_test_LDADD = $(SUPERVISOR_LIBS) $(CMOCKA_LIBS)
DRIVEN_SERVICE = tests/component/driven_service.c tests/component/driven_service.h
tests_component_supervisor_test_SOURCES = tests/component/supervisor_test.c $(DRIVEN_SERVICE)
tests_component_supervisor_reload_test_SOURCES = tests/component/supervisor_reload_test.c $(DRIVEN_SERVICE)
tests_component_supervisor_reload_test_LDADD = $(SUPERVISOR_LIBS) $(WORKER_LIBS) $(CMOCKA_LIBS)
tests_component_supervisor_test_LDADD = $(SUPERVISOR_LIBS) $(WORKER_LIBS) $(CMOCKA_LIBS)
endif
