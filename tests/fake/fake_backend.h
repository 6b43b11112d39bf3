/* fake_backend.h: fake model servers (fake_backend.py) from a C test.
 *
 * They run in one child process, which ends with the test whatever happens to it. What goes wrong
 * with the fake itself aborts the test with a sentence. Calls block: they are for tests. */
#ifndef NEXUS_TESTS_FAKE_BACKEND_H
#define NEXUS_TESTS_FAKE_BACKEND_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define FAKE_BACKENDS_MAX 1024u

struct fake_backends {
	pid_t pid;
	unsigned count;
	uint16_t ports[FAKE_BACKENDS_MAX]; /* of 127.0.0.1 */
};

/* `arguments` of the program, ends with NULL; may be NULL. False when there is no Python 3: skip
 * the test. */
bool fake_backends_start(struct fake_backends *fake, unsigned count, const char *const *arguments);
void fake_backends_stop(struct fake_backends *fake);
/* A change of behaviour, as fake_backend.py describes it. */
void fake_backend_control(uint16_t port, const char *json);
/* The JSON of GET /_stats; to be freed. */
char *fake_backend_stats(uint16_t port);
/* Requests received, control requests apart. */
unsigned fake_backend_requests(uint16_t port);

#endif
