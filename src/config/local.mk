# config: nexus.conf to one immutable struct; every key declared once.
noinst_LIBRARIES += src/config/libnexusconfig.a
src_config_libnexusconfig_a_SOURCES = \
	src/config/config.c src/config/config.h src/config/config_structs.h \
	src/config/config_keys.def src/config/config_lists.def \
	src/config/config_build.h \
	src/config/config_check.c \
	src/config/config_diff.c \
	src/config/config_errors.c \
	src/config/config_form.c \
	src/config/config_load.c \
	src/config/config_print.c \
	src/config/config_scan.c \
	src/config/config_schema.c src/config/config_schema.h \
	src/config/config_secret.c \
	src/config/config_units.c \
	src/config/config_value.c
src_config_libnexusconfig_a_CPPFLAGS = $(AM_CPPFLAGS) \
	-DNEXUS_SYSCONFDIR='"$(sysconfdir)"' -DNEXUS_LOCALSTATEDIR='"$(localstatedir)"' -DNEXUS_RUNSTATEDIR='"$(runstatedir)"'
CONFIG_LIBS = src/config/libnexusconfig.a $(LIBCONFIG_LIBS) $(BASE_LIBS)
