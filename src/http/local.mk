# http: bytes to requests and back; no sockets.
noinst_LIBRARIES += src/http/libhttp.a
src_http_libhttp_a_SOURCES = \
	src/http/errors.def \
	src/http/http_chunked.c src/http/http_chunked.h \
	src/http/http_error.c src/http/http_error.h \
	src/http/http_fields.c src/http/http_fields.h \
	src/http/http_head.c src/http/http_head.h \
	src/http/http_request.c src/http/http_request.h \
	src/http/http_response.c src/http/http_response.h \
	src/http/http_second_opinion.c src/http/http_second_opinion.h \
	src/http/sse.c src/http/sse.h
HTTP_LIBS = src/http/libhttp.a $(LLHTTP_LINK) $(BASE_LIBS)

if LLHTTP_FROM_SOURCES
# Debian ships llhttp as C sources to build with; strict mode is off unless asked for.
LLHTTP_LINK = src/http/libllhttp.a
LLHTTP_OBJECTS = src/http/llhttp_api.o src/http/llhttp_http.o src/http/llhttp_llhttp.o
src/http/llhttp_%.o: $(LLHTTP_SRCDIR)/%.c
	$(AM_V_CC)$(MKDIR_P) src/http && $(CC) $(LLHTTP_CFLAGS) -DLLHTTP_STRICT_MODE=1 $(CPPFLAGS) $(CFLAGS) -c -o $@ $<
src/http/libllhttp.a: $(LLHTTP_OBJECTS)
	$(AM_V_AR)rm -f $@ && $(AR) cr $@ $(LLHTTP_OBJECTS) && $(RANLIB) $@
CLEANFILES += $(LLHTTP_OBJECTS) src/http/libllhttp.a
else
LLHTTP_LINK = $(LLHTTP_LIBS)
endif

if HAVE_CMOCKA
HTTP_TESTS = \
	tests/unit/http_chunked_test \
	tests/unit/http_head_test \
	tests/unit/http_recorded_test \
	tests/unit/http_request_test \
	tests/unit/http_response_test \
	tests/unit/sse_test
check_PROGRAMS += $(HTTP_TESTS)
TESTS += $(HTTP_TESTS)
tests_unit_http_chunked_test_LDADD = $(HTTP_LIBS) $(CMOCKA_LIBS)
tests_unit_http_head_test_LDADD = $(HTTP_LIBS) $(CMOCKA_LIBS)
tests_unit_http_recorded_test_CPPFLAGS = $(AM_CPPFLAGS) -DRECORDED_DIR='"$(abs_top_srcdir)/tests/unit/data/recorded"'
tests_unit_http_recorded_test_LDADD = $(HTTP_LIBS) $(CMOCKA_LIBS)
tests_unit_http_request_test_LDADD = $(HTTP_LIBS) $(CMOCKA_LIBS)
tests_unit_http_response_test_LDADD = $(HTTP_LIBS) $(CMOCKA_LIBS)
tests_unit_sse_test_LDADD = $(HTTP_LIBS) $(CMOCKA_LIBS)
endif

if BUILD_FUZZERS
HTTP_FUZZERS = \
	tests/fuzz/http_chunked_fuzzer \
	tests/fuzz/http_request_fuzzer \
	tests/fuzz/http_response_fuzzer \
	tests/fuzz/sse_fuzzer
noinst_PROGRAMS += $(HTTP_FUZZERS)
FUZZ_HTTP_FLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_http_chunked_fuzzer_SOURCES = tests/fuzz/http_chunked_fuzzer.c tests/fuzz/split.h
tests_fuzz_http_request_fuzzer_SOURCES = tests/fuzz/http_request_fuzzer.c tests/fuzz/split.h
tests_fuzz_http_response_fuzzer_SOURCES = tests/fuzz/http_response_fuzzer.c tests/fuzz/split.h
tests_fuzz_sse_fuzzer_SOURCES = tests/fuzz/sse_fuzzer.c tests/fuzz/split.h
tests_fuzz_http_chunked_fuzzer_LDFLAGS = $(FUZZ_HTTP_FLAGS)
tests_fuzz_http_request_fuzzer_LDFLAGS = $(FUZZ_HTTP_FLAGS)
tests_fuzz_http_response_fuzzer_LDFLAGS = $(FUZZ_HTTP_FLAGS)
tests_fuzz_sse_fuzzer_LDFLAGS = $(FUZZ_HTTP_FLAGS)
tests_fuzz_http_chunked_fuzzer_LDADD = $(HTTP_LIBS)
tests_fuzz_http_request_fuzzer_LDADD = $(HTTP_LIBS)
tests_fuzz_http_response_fuzzer_LDADD = $(HTTP_LIBS)
tests_fuzz_sse_fuzzer_LDADD = $(HTTP_LIBS)
endif
EXTRA_DIST += \
	tests/fuzz/corpus/http_chunked \
	tests/fuzz/corpus/http_request \
	tests/fuzz/corpus/http_response \
	tests/fuzz/corpus/sse
