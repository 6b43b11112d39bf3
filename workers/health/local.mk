noinst_LIBRARIES += workers/health/libhealth.a
workers_health_libhealth_a_SOURCES =
