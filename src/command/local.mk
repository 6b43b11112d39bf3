# command: the shell's words, and the client of the admin socket.
noinst_LIBRARIES += src/command/libcommand.a
src_command_libcommand_a_SOURCES = \
	src/command/commands.def \
	src/command/command.h \
	src/command/command_complete.c \
	src/command/command_config.c \
	src/command/command_console.c \
	src/command/command_help.c \
	src/command/command_main.c \
	src/command/command_match.c \
	src/command/command_serve.c \
	src/command/command_table.c \
	src/command/console_client.c src/command/console_client.h \
	src/command/report.c src/command/report.h \
	src/command/text_table.c src/command/text_table.h
COMMAND_LIBS = src/command/libcommand.a $(CONFIG_LIBS) $(JANSSON_LIBS)

if HAVE_CMOCKA
COMMAND_TESTS = tests/unit/command_match_test tests/unit/console_client_test tests/unit/report_test
check_PROGRAMS += $(COMMAND_TESTS)
TESTS += $(COMMAND_TESTS)
tests_unit_command_match_test_LDADD = $(COMMAND_LIBS) $(CMOCKA_LIBS)
tests_unit_console_client_test_LDADD = $(COMMAND_LIBS) $(CMOCKA_LIBS)
tests_unit_report_test_LDADD = $(COMMAND_LIBS) $(CMOCKA_LIBS)
endif

# The reference page, printed from the same rows; `make reference` writes it anew.
check_PROGRAMS += docs/print_commands
docs_print_commands_LDADD = $(COMMAND_LIBS)
TESTS += tests/lint/commands_reference_test.sh
EXTRA_DIST += docs/reference/commands.md tests/lint/commands_reference_test.sh
reference:: docs/print_commands
	$(AM_V_GEN)docs/print_commands > $(srcdir)/docs/reference/commands.md
