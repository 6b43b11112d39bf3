/* driven_service.h: a real service, and what a test does to it. The test's program is everything:
 * run as `PROGRAM serve DIR` it is the service, and the supervisor runs it as `nexus worker ROLE`,
 * where trivial roles do what DIR/ROLE.does says. */
#ifndef NEXUS_TESTS_COMPONENT_DRIVEN_SERVICE_H
#define NEXUS_TESTS_COMPONENT_DRIVEN_SERVICE_H

#include <stdbool.h>
#include <sys/types.h>

struct driven_service {
	char dir[64];
	pid_t pid;
	unsigned port;
};

/* For main: the exit code of the service or worker this process is; -1 when it is the test, with
 * PROGRAM's PATTERN taken as the filter of tests. */
int driven_main(int argc, char **argv);

void driven_write(const struct driven_service *service, const char *name, const char *text);
void driven_configure(
	const struct driven_service *service, const char *more_server, const char *more);
/* A port that was free a moment ago. */
unsigned driven_port(void);
void driven_launch_as(struct driven_service *service, const char *how);
void driven_launch(struct driven_service *service);
void driven_prepare(struct driven_service *service, const char *more_server);
int driven_connect_admin(const struct driven_service *service);
/* The whole answer, with its exit code line; "" when nobody answers. Valid until the next call. */
const char *driven_ask(const struct driven_service *service, const char *line);
void driven_nap(void);
/* The value of a number of a process, as status shows it; -1 when there is no such process. */
long driven_number(
	const char *status, const char *role, unsigned slot, const char *state, const char *name);
/* Waits for a process in that state, whose pid is not `other`; returns its pid. */
pid_t driven_wait_for(const struct driven_service *service, const char *role, unsigned slot,
	const char *state, pid_t other, unsigned timeout_ms);
int driven_wait_exit(struct driven_service *service, unsigned timeout_ms);
bool driven_log_has(const struct driven_service *service, const char *text);
pid_t driven_start(struct driven_service *service, const char *more_server);
void driven_clean(const struct driven_service *service);
void driven_stop(struct driven_service *service);
void driven_assert_gone(pid_t pid);

#endif
