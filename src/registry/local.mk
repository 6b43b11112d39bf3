noinst_LIBRARIES += src/registry/libregistry.a
src_registry_libregistry_a_SOURCES =
