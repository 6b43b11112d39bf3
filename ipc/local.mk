noinst_LIBRARIES += ipc/libipc.a
ipc_libipc_a_SOURCES =
