noinst_LIBRARIES += src/config/libnexusconfig.a
src_config_libnexusconfig_a_SOURCES =
