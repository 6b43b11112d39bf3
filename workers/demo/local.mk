noinst_LIBRARIES += workers/demo/libdemo.a
workers_demo_libdemo_a_SOURCES =
