noinst_LIBRARIES += src/backend/libbackend.a
src_backend_libbackend_a_SOURCES =

EXTRA_DIST += tests/unit/data/recorded
