# backend: what is known of each kind of model server; no sockets.
noinst_LIBRARIES += src/backend/libbackend.a
src_backend_libbackend_a_SOURCES = \
	src/backend/backend.h src/backend/backend_types.h src/backend/backend_table.c \
	src/backend/backend_demo.c src/backend/backend_exo.c src/backend/backend_generic.c \
	src/backend/backend_llamacpp.c src/backend/backend_lmstudio.c src/backend/backend_ollama.c \
	src/backend/backend_openai.c src/backend/backend_vllm.c \
	src/backend/probe_answer.c src/backend/probe_answer.h \
	src/backend/probe_memory.c src/backend/probe_memory.h
BACKEND_LIBS = src/backend/libbackend.a $(JANSSON_LIBS) $(REGISTRY_LIBS)

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/backend_test
TESTS += tests/unit/backend_test
tests_unit_backend_test_SOURCES = tests/unit/backend_test.c
tests_unit_backend_test_CPPFLAGS = $(AM_CPPFLAGS) -DDATA_DIR='"$(abs_top_srcdir)/tests/unit/data"'
tests_unit_backend_test_LDADD = $(BACKEND_LIBS) $(CMOCKA_LIBS)
endif

if BUILD_FUZZERS
noinst_PROGRAMS += tests/fuzz/backend_fuzzer
tests_fuzz_backend_fuzzer_SOURCES = tests/fuzz/backend_fuzzer.c
tests_fuzz_backend_fuzzer_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_backend_fuzzer_LDADD = $(BACKEND_LIBS)
endif

EXTRA_DIST += tests/unit/data/recorded tests/unit/data/servers tests/fuzz/corpus/backend
