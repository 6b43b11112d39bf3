# The health worker, and the fake model server its tests (and all scenario tests) talk to.
noinst_LIBRARIES += workers/health/libhealth.a
workers_health_libhealth_a_SOURCES =
EXTRA_DIST += tests/fake/fake_backend.py tests/fake/fake_answers.py tests/fake/fake_behaviour.py
