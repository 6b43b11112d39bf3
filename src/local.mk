# The one binary: argv to the command table, or a worker's life.
bin_PROGRAMS += nexus
nexus_SOURCES = src/main.c
nexus_LDADD = $(COMMAND_LIBS) $(SUPERVISOR_LIBS) $(REQUEST_LIBS) $(HEALTH_LIBS) $(BUDGET_LIBS) $(DEMO_LIBS)
TESTS += tests/component/command_line_test.sh
EXTRA_DIST += tests/component/command_line_test.sh
