# base: what every room stands on; knows nothing of the product.
noinst_LIBRARIES += src/base/libbase.a
src_base_libbase_a_SOURCES = \
	src/base/arena.c src/base/arena.h \
	src/base/buffer.c src/base/buffer.h \
	src/base/clock.c src/base/clock.h \
	src/base/daemonize.c src/base/daemonize.h \
	src/base/directory.c src/base/directory.h \
	src/base/error.c src/base/error.h \
	src/base/fatal.c src/base/fatal.h \
	src/base/fd.c src/base/fd.h \
	src/base/hash_table.c src/base/hash_table.h \
	src/base/json_scan.c src/base/json_scan.h src/base/json_string.c \
	src/base/json_scan_kernel.c src/base/json_scan_kernel.h \
	src/base/json_write.c src/base/json_write.h \
	src/base/list.h \
	src/base/log.c src/base/log.h \
	src/base/log_place.c src/base/log_place.h \
	src/base/memory.c src/base/memory.h \
	src/base/net_address.c src/base/net_address.h \
	src/base/net_listen.c src/base/net_listen.h \
	src/base/random.c src/base/random.h \
	src/base/service_notify.c src/base/service_notify.h \
	src/base/slice.h \
	src/base/text.c src/base/text.h
BASE_LIBS = src/base/libbase.a

if HAVE_CMOCKA
base_tests = \
	tests/unit/arena_test \
	tests/unit/buffer_test \
	tests/unit/directory_test \
	tests/unit/error_test \
	tests/unit/fd_test \
	tests/unit/hash_table_test \
	tests/unit/json_scan_test \
	tests/unit/json_write_test \
	tests/unit/list_test \
	tests/unit/log_place_test \
	tests/unit/log_test \
	tests/unit/net_address_test \
	tests/unit/net_listen_test \
	tests/unit/random_test \
	tests/unit/service_notify_test \
	tests/unit/text_test
check_PROGRAMS += $(base_tests)
TESTS += $(base_tests)
tests_unit_arena_test_LDADD = $(BASE_LIBS) $(CMOCKA_LIBS)
tests_unit_buffer_test_LDADD = $(BASE_LIBS) $(CMOCKA_LIBS)
tests_unit_error_test_LDADD = $(BASE_LIBS) $(CMOCKA_LIBS)
tests_unit_fd_test_LDADD = $(BASE_LIBS) $(CMOCKA_LIBS)
tests_unit_hash_table_test_LDADD = $(BASE_LIBS) $(CMOCKA_LIBS)
tests_unit_json_scan_test_LDADD = $(BASE_LIBS) $(CMOCKA_LIBS)
tests_unit_json_write_test_LDADD = $(BASE_LIBS) $(CMOCKA_LIBS)
tests_unit_list_test_LDADD = $(BASE_LIBS) $(CMOCKA_LIBS)
tests_unit_log_test_LDADD = $(BASE_LIBS) $(CMOCKA_LIBS)
tests_unit_net_address_test_LDADD = $(BASE_LIBS) $(CMOCKA_LIBS)
tests_unit_random_test_LDADD = $(BASE_LIBS) $(CMOCKA_LIBS)
tests_unit_text_test_LDADD = $(BASE_LIBS) $(CMOCKA_LIBS)
tests_unit_directory_test_LDADD = $(BASE_LIBS) $(CMOCKA_LIBS)
tests_unit_log_place_test_LDADD = $(BASE_LIBS) $(CMOCKA_LIBS)
tests_unit_net_listen_test_LDADD = $(BASE_LIBS) $(CMOCKA_LIBS)
tests_unit_service_notify_test_LDADD = $(BASE_LIBS) $(CMOCKA_LIBS)
endif

if BUILD_FUZZERS
noinst_PROGRAMS += tests/fuzz/json_scan_fuzzer
tests_fuzz_json_scan_fuzzer_LDADD = $(BASE_LIBS) $(JANSSON_LIBS)
tests_fuzz_json_scan_fuzzer_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
endif
EXTRA_DIST += tests/fuzz/corpus/json_scan

EXTRA_PROGRAMS += tests/bench/json_scan_bench
tests_bench_json_scan_bench_LDADD = $(BASE_LIBS)
