# demo: the model server for newcomers; demo_worker.c is all that knows of workers.
noinst_LIBRARIES += workers/demo/libdemo.a
workers_demo_libdemo_a_SOURCES = \
	workers/demo/demo_answer.c workers/demo/demo_answer.h \
	workers/demo/demo_ask.c workers/demo/demo_ask.h \
	workers/demo/demo_connection.c workers/demo/demo_private.h \
	workers/demo/demo_embedding.c workers/demo/demo_embedding.h \
	workers/demo/demo_route.c \
	workers/demo/demo_server.c workers/demo/demo_server.h \
	workers/demo/demo_text.c workers/demo/demo_text.h \
	workers/demo/demo_tool.c workers/demo/demo_tool.h \
	workers/demo/demo_worker.c
DEMO_LIBS = workers/demo/libdemo.a $(WORKER_LIBS) $(HTTP_LIBS)

if HAVE_CMOCKA
DEMO_TESTS = \
	tests/unit/demo_ask_test \
	tests/unit/demo_answer_test \
	tests/component/demo_server_test \
	tests/component/demo_worker_test
check_PROGRAMS += $(DEMO_TESTS)
TESTS += $(DEMO_TESTS)
tests_unit_demo_ask_test_LDADD = $(DEMO_LIBS) $(CMOCKA_LIBS)
tests_unit_demo_answer_test_LDADD = $(DEMO_LIBS) $(CMOCKA_LIBS)
tests_component_demo_server_test_LDADD = $(DEMO_LIBS) $(CMOCKA_LIBS)
tests_component_demo_worker_test_LDADD = workers/demo/libdemo.a $(FAKE_SUPERVISOR_LIBS) $(HTTP_LIBS) $(CMOCKA_LIBS)
endif
