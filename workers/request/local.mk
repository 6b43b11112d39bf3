noinst_LIBRARIES += workers/request/librequest.a
workers_request_librequest_a_SOURCES =
