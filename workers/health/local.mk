# The health worker, and the fake model server its tests (and all scenario tests) talk to.
noinst_LIBRARIES += workers/health/libhealth.a
workers_health_libhealth_a_SOURCES = \
	workers/health/backend_state.c workers/health/backend_state.h \
	workers/health/catalogue.c workers/health/catalogue_entry.c workers/health/catalogue.h \
	workers/health/health_json.c workers/health/health_json.h \
	workers/health/health_worker.c \
	workers/health/model_list.c workers/health/model_list.h \
	workers/health/numbers.c workers/health/numbers.h \
	workers/health/probe.c workers/health/probe.h \
	workers/health/publish.c workers/health/publish.h \
	workers/health/schedule.c workers/health/schedule.h
EXTRA_DIST += tests/fake/fake_backend.py tests/fake/fake_answers.py tests/fake/fake_behaviour.py
HEALTH_LIBS = workers/health/libhealth.a $(WORKER_LIBS) $(BACKEND_LIBS) $(CURL_LIBS)

# Fake model servers for component tests: link $(FAKE_BACKEND_LIBS).
check_LIBRARIES += tests/fake/libfakebackend.a
tests_fake_libfakebackend_a_SOURCES = tests/fake/fake_backend.c tests/fake/fake_backend.h
tests_fake_libfakebackend_a_CPPFLAGS = $(AM_CPPFLAGS) \
	-DFAKE_BACKEND_PROGRAM='"$(abs_top_srcdir)/tests/fake/fake_backend.py"'
FAKE_BACKEND_LIBS = tests/fake/libfakebackend.a $(BASE_LIBS)

if HAVE_CMOCKA
HEALTH_TESTS = tests/unit/backend_state_test tests/unit/catalogue_test tests/unit/numbers_test \
	tests/component/health_worker_test
check_PROGRAMS += $(HEALTH_TESTS)
TESTS += $(HEALTH_TESTS)
tests_unit_backend_state_test_SOURCES = tests/unit/backend_state_test.c
tests_unit_backend_state_test_LDADD = $(HEALTH_LIBS) $(CMOCKA_LIBS)
tests_unit_catalogue_test_SOURCES = tests/unit/catalogue_test.c
tests_unit_catalogue_test_LDADD = $(HEALTH_LIBS) $(CMOCKA_LIBS)
tests_unit_numbers_test_SOURCES = tests/unit/numbers_test.c
tests_unit_numbers_test_LDADD = $(HEALTH_LIBS) $(CMOCKA_LIBS)
tests_component_health_worker_test_SOURCES = tests/component/health_worker_test.c
tests_component_health_worker_test_LDADD = tests/fake/libfakesupervisor.a $(FAKE_BACKEND_LIBS) \
	$(HEALTH_LIBS) $(CMOCKA_LIBS)
endif
