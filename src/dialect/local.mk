noinst_LIBRARIES += src/dialect/libdialect.a
src_dialect_libdialect_a_SOURCES =
