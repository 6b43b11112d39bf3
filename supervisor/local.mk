noinst_LIBRARIES += supervisor/libsupervisor.a
supervisor_libsupervisor_a_SOURCES =
