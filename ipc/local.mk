# ipc: what processes say to each other (messages over socketpairs) and what they share (the scoreboard).
noinst_LIBRARIES += ipc/libipc.a
ipc_libipc_a_SOURCES = \
	ipc/role.h \
	ipc/messages.def ipc/message.c ipc/message.h \
	ipc/codec.c ipc/codec.h \
	ipc/channel.c ipc/channel_send.c ipc/channel.h ipc/channel_private.h \
	ipc/handlers.c ipc/handlers.h
IPC_LIBS = ipc/libipc.a $(MSGPACK_LIBS) $(EV_LIBS) $(BASE_LIBS)

# The scoreboard: shared memory, no messages.
ipc_libipc_a_SOURCES += \
	ipc/scoreboard.h ipc/scoreboard_layout.h \
	ipc/scoreboard_memory.c \
	ipc/scoreboard_file.c \
	ipc/scoreboard_record.c \
	ipc/scoreboard_row.c \
	ipc/scoreboard_bury.c \
	ipc/scoreboard_counter.c \
	ipc/scoreboard_outbox.c
