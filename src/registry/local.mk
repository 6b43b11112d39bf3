# registry: the backends and their models, as immutable snapshots.
noinst_LIBRARIES += src/registry/libregistry.a
src_registry_libregistry_a_SOURCES = \
	src/registry/registry.c src/registry/registry.h \
	src/registry/registry_index.c src/registry/registry_index.h \
	src/registry/registry_nearest.c
REGISTRY_LIBS = src/registry/libregistry.a $(BASE_LIBS)

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/registry_test
TESTS += tests/unit/registry_test
tests_unit_registry_test_SOURCES = tests/unit/registry_test.c
tests_unit_registry_test_LDADD = $(REGISTRY_LIBS) $(CMOCKA_LIBS)
endif
