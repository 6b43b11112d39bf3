# config: nexus.conf to one immutable struct; every key declared once.
noinst_LIBRARIES += src/config/libnexusconfig.a
src_config_libnexusconfig_a_SOURCES = \
	src/config/config.c src/config/config.h src/config/config_structs.h \
	src/config/config_keys.def src/config/config_lists.def \
	src/config/config_build.h \
	src/config/config_amend.c \
	src/config/config_check.c \
	src/config/config_check_routing.c \
	src/config/config_diff.c \
	src/config/config_errors.c \
	src/config/config_form.c \
	src/config/config_load.c \
	src/config/config_print.c \
	src/config/config_source.c \
	src/config/config_schema.c src/config/config_schema.h \
	src/config/config_secret.c \
	src/config/config_units.c \
	src/config/config_value.c
src_config_libnexusconfig_a_CPPFLAGS = $(AM_CPPFLAGS) \
	-DNEXUS_SYSCONFDIR='"$(sysconfdir)"' -DNEXUS_LOCALSTATEDIR='"$(localstatedir)"' -DNEXUS_RUNSTATEDIR='"$(runstatedir)"'
CONFIG_LIBS = src/config/libnexusconfig.a $(LIBCONFIG_LIBS) $(BASE_LIBS)

if HAVE_CMOCKA
CONFIG_TESTS = tests/unit/config_load_test tests/unit/config_print_test
check_PROGRAMS += $(CONFIG_TESTS)
TESTS += $(CONFIG_TESTS)
CONFIG_TEST_CPPFLAGS = $(AM_CPPFLAGS) -DTEST_DATA='"$(abs_top_srcdir)/tests/unit/data"'
tests_unit_config_load_test_CPPFLAGS = $(CONFIG_TEST_CPPFLAGS)
tests_unit_config_load_test_LDADD = $(CONFIG_LIBS) $(CMOCKA_LIBS)
tests_unit_config_print_test_CPPFLAGS = $(CONFIG_TEST_CPPFLAGS)
tests_unit_config_print_test_LDADD = $(CONFIG_LIBS) $(CMOCKA_LIBS)
endif

if BUILD_FUZZERS
noinst_PROGRAMS += tests/fuzz/config_fuzzer
tests_fuzz_config_fuzzer_LDADD = $(CONFIG_LIBS)
tests_fuzz_config_fuzzer_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
endif
EXTRA_DIST += tests/unit/data/nexus.conf tests/fuzz/corpus/config

# The reference page, printed from the same rows; `make reference` writes it anew.
check_PROGRAMS += docs/print_config
docs_print_config_LDADD = $(CONFIG_LIBS)
TESTS += tests/lint/configuration_reference_test.sh
EXTRA_DIST += docs/reference/configuration.md tests/lint/configuration_reference_test.sh
reference:: docs/print_config
	$(AM_V_GEN)docs/print_config > $(srcdir)/docs/reference/configuration.md
