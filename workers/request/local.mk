# The request worker: serves clients.
noinst_LIBRARIES += workers/request/librequest.a
workers_request_librequest_a_SOURCES = \
	workers/request/ask_headers.c workers/request/ask_headers.h \
	workers/request/body_decoder.c workers/request/body_decoder.h \
	workers/request/client.c workers/request/client.h \
	workers/request/client_answer.c \
	workers/request/client_request.c workers/request/client_request.h \
	workers/request/cors.c workers/request/cors.h \
	workers/request/endpoint_health.c \
	workers/request/endpoint_models.c \
	workers/request/endpoint_proxy.c \
	workers/request/exchange.c workers/request/exchange.h \
	workers/request/exchange_choose.c \
	workers/request/exchange_headers.c \
	workers/request/exchange_request.c \
	workers/request/fleet.h \
	workers/request/host_check.c workers/request/host_check.h \
	workers/request/listener.c workers/request/listener.h \
	workers/request/load_view.c workers/request/load_view.h \
	workers/request/opener.c workers/request/opener.h \
	workers/request/pool.c workers/request/pool.h \
	workers/request/relay.c \
	workers/request/request_counters.c workers/request/request_counters.h \
	workers/request/request_worker.c workers/request/request_worker.h \
	workers/request/retry_after.c workers/request/retry_after.h \
	workers/request/route.c workers/request/route.h workers/request/routes.def \
	workers/request/upstream.c workers/request/upstream.h \
	workers/request/whole_answer.c workers/request/whole_answer.h
REQUEST_LIBS = workers/request/librequest.a $(WORKER_LIBS) $(DIALECT_LIBS) $(BACKEND_LIBS) $(ROUTING_LIBS) $(HTTP_LIBS) $(CURL_LIBS) $(ZLIB_LIBS)

if HAVE_CMOCKA
request_tests = tests/component/opener_test tests/unit/ask_headers_test tests/unit/retry_after_test tests/unit/route_test
check_PROGRAMS += $(request_tests)
TESTS += $(request_tests)
tests_component_opener_test_SOURCES = tests/component/opener_test.c
tests_component_opener_test_LDADD = $(REQUEST_LIBS) $(CMOCKA_LIBS)
tests_unit_ask_headers_test_SOURCES = tests/unit/ask_headers_test.c
tests_unit_ask_headers_test_LDADD = $(REQUEST_LIBS) $(CMOCKA_LIBS)
tests_unit_retry_after_test_SOURCES = tests/unit/retry_after_test.c
tests_unit_retry_after_test_LDADD = $(REQUEST_LIBS) $(CMOCKA_LIBS)
tests_unit_route_test_SOURCES = tests/unit/route_test.c
tests_unit_route_test_LDADD = $(REQUEST_LIBS) $(CMOCKA_LIBS)
endif
