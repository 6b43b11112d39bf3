# ipc: what processes say to each other (messages over socketpairs) and what they share (the scoreboard).
noinst_LIBRARIES += ipc/libipc.a
ipc_libipc_a_SOURCES = \
	ipc/role.h \
	ipc/messages.def ipc/message.c ipc/message.h \
	ipc/codec.c ipc/codec.h \
	ipc/channel.c ipc/channel_send.c ipc/channel.h ipc/channel_private.h \
	ipc/handlers.c ipc/handlers.h
IPC_LIBS = ipc/libipc.a $(MSGPACK_LIBS) $(EV_LIBS) $(BASE_LIBS)

# The reference page, printed from the same rows; `make reference` writes it anew.
check_PROGRAMS += docs/print_messages
docs_print_messages_SOURCES = docs/print_messages.c
docs_print_messages_LDADD = $(IPC_LIBS)
TESTS += tests/lint/messages_reference_test.sh
EXTRA_DIST += tests/lint/messages_reference_test.sh
reference:: docs/print_messages
	$(AM_V_GEN)docs/print_messages > $(srcdir)/docs/reference/messages.md
.PHONY: reference

if HAVE_CMOCKA
IPC_TESTS = tests/unit/message_test tests/unit/codec_test tests/unit/channel_test tests/unit/channel_send_test \
	tests/unit/handlers_test
check_PROGRAMS += $(IPC_TESTS)
TESTS += $(IPC_TESTS)
tests_unit_message_test_SOURCES = tests/unit/message_test.c
tests_unit_message_test_LDADD = $(IPC_LIBS) $(CMOCKA_LIBS)
tests_unit_codec_test_SOURCES = tests/unit/codec_test.c tests/unit/message_values.c tests/unit/message_values.h
tests_unit_codec_test_LDADD = $(IPC_LIBS) $(CMOCKA_LIBS)
tests_unit_channel_test_SOURCES = tests/unit/channel_test.c tests/unit/channel_ear.c tests/unit/channel_ear.h
tests_unit_channel_test_LDADD = $(IPC_LIBS) $(CMOCKA_LIBS)
tests_unit_channel_send_test_SOURCES = tests/unit/channel_send_test.c tests/unit/channel_ear.c tests/unit/channel_ear.h
tests_unit_channel_send_test_LDADD = $(IPC_LIBS) $(CMOCKA_LIBS)
tests_unit_handlers_test_SOURCES = tests/unit/handlers_test.c
tests_unit_handlers_test_LDADD = $(IPC_LIBS) $(CMOCKA_LIBS)
endif

if BUILD_FUZZERS
noinst_PROGRAMS += tests/fuzz/codec_fuzzer
tests_fuzz_codec_fuzzer_SOURCES = tests/fuzz/codec_fuzzer.c
tests_fuzz_codec_fuzzer_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_codec_fuzzer_LDADD = $(IPC_LIBS)
endif
EXTRA_DIST += tests/fuzz/corpus/codec

# The scoreboard: shared memory, no messages.
SCOREBOARD_SOURCES = \
	ipc/scoreboard.h ipc/scoreboard_layout.h \
	ipc/scoreboard_memory.c \
	ipc/scoreboard_file.c \
	ipc/scoreboard_record.c \
	ipc/scoreboard_row.c \
	ipc/scoreboard_bury.c \
	ipc/scoreboard_counter.c \
	ipc/scoreboard_outbox.c
ipc_libipc_a_SOURCES += $(SCOREBOARD_SOURCES)

if HAVE_CMOCKA
SCOREBOARD_TESTS = \
	tests/unit/scoreboard_memory_test tests/unit/scoreboard_file_test \
	tests/unit/scoreboard_record_test tests/unit/scoreboard_row_test \
	tests/unit/scoreboard_bury_test tests/unit/scoreboard_outbox_test \
	tests/unit/scoreboard_counter_test \
	tests/component/scoreboard_step_test tests/component/scoreboard_torture_test
check_PROGRAMS += $(SCOREBOARD_TESTS)
TESTS += $(SCOREBOARD_TESTS)
SCOREBOARD_TEST_LIBS = ipc/libipc.a $(BASE_LIBS) $(CMOCKA_LIBS)
tests_unit_scoreboard_memory_test_SOURCES = tests/unit/scoreboard_memory_test.c tests/unit/scoreboard_fixture.h
tests_unit_scoreboard_memory_test_LDADD = $(SCOREBOARD_TEST_LIBS)
tests_unit_scoreboard_file_test_LDADD = $(SCOREBOARD_TEST_LIBS)
tests_unit_scoreboard_record_test_LDADD = $(SCOREBOARD_TEST_LIBS)
tests_unit_scoreboard_row_test_LDADD = $(SCOREBOARD_TEST_LIBS)
tests_unit_scoreboard_bury_test_LDADD = $(SCOREBOARD_TEST_LIBS)
tests_unit_scoreboard_outbox_test_LDADD = $(SCOREBOARD_TEST_LIBS)
tests_unit_scoreboard_counter_test_LDADD = $(SCOREBOARD_TEST_LIBS)
tests_component_scoreboard_step_test_LDADD = $(SCOREBOARD_TEST_LIBS)
# Compiles the scoreboard for itself, with time to be killed between two stores.
tests_component_scoreboard_torture_test_SOURCES = tests/component/scoreboard_torture_test.c $(SCOREBOARD_SOURCES)
tests_component_scoreboard_torture_test_CPPFLAGS = $(AM_CPPFLAGS) -DSCOREBOARD_LINGER
tests_component_scoreboard_torture_test_LDADD = $(BASE_LIBS) $(CMOCKA_LIBS)
endif
