# The budget worker: settles ended requests; the ledger comes here.
noinst_LIBRARIES += workers/budget/libbudget.a
workers_budget_libbudget_a_SOURCES = \
	workers/budget/budget_worker.c \
	workers/budget/outbox.c workers/budget/outbox.h \
	workers/budget/settlement.c workers/budget/settlement.h
BUDGET_LIBS = workers/budget/libbudget.a $(WORKER_LIBS)

if HAVE_CMOCKA
BUDGET_TESTS = tests/unit/settlement_test tests/component/budget_worker_test
check_PROGRAMS += $(BUDGET_TESTS)
TESTS += $(BUDGET_TESTS)
tests_unit_settlement_test_SOURCES = tests/unit/settlement_test.c
tests_unit_settlement_test_LDADD = workers/budget/libbudget.a ipc/libipc.a $(BASE_LIBS) $(CMOCKA_LIBS)
tests_component_budget_worker_test_SOURCES = tests/component/budget_worker_test.c
tests_component_budget_worker_test_LDADD = workers/budget/libbudget.a $(FAKE_SUPERVISOR_LIBS) $(CMOCKA_LIBS)
endif
