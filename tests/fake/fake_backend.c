/* fake_backend.c: starting fake_backend.py and talking to its control paths. */
#include "tests/fake/fake_backend.h"

#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/fatal.h"
#include "base/fd.h"
#include "base/memory.h"

#define ARGUMENTS_MAX  32u
#define ANSWER_MAX     (64u << 20)
#define EXIT_NO_PYTHON 77

#define must(condition) ((condition) ? (void)0 : panic("fake backend: %s: %m", #condition))

static _Noreturn void become_python(int out, const char *count, const char *const *arguments)
{
	const char *argv[ARGUMENTS_MAX] = {
		"python3", FAKE_BACKEND_PROGRAM, "--with-parent", "--servers", count};
	unsigned used = 5;

	while (arguments && *arguments && used < ARGUMENTS_MAX - 1)
		argv[used++] = *arguments++;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	must(dup2(out, STDOUT_FILENO) >= 0);
	execvp("python3", (char *const *)(uintptr_t)argv);
	_exit(EXIT_NO_PYTHON);
}

/* "listening PORT PORT ..." */
static bool read_ports(struct fake_backends *fake, int in)
{
	FILE *file = fdopen(in, "r");
	unsigned port;

	must(file);
	if (fscanf(file, "listening") == EOF) {
		fclose(file);
		return false;
	}
	while (fake->count < FAKE_BACKENDS_MAX && fscanf(file, "%*[ ]%u", &port) == 1)
		fake->ports[fake->count++] = (uint16_t)port;
	fclose(file);
	return fake->count > 0;
}

bool fake_backends_start(struct fake_backends *fake, unsigned count, const char *const *arguments)
{
	char number[16];
	int ends[2];
	int status;

	*fake = (struct fake_backends){0};
	snprintf(number, sizeof(number), "%u", count);
	must(pipe(ends) == 0);
	fake->pid = fork();
	must(fake->pid >= 0);
	if (fake->pid == 0)
		become_python(ends[1], number, arguments);
	close(ends[1]);
	if (read_ports(fake, ends[0]) && fake->count == count)
		return true;
	must(waitpid(fake->pid, &status, 0) == fake->pid);
	if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_NO_PYTHON)
		return false;
	panic("fake backend: it did not start (status %d)", status);
}

void fake_backends_stop(struct fake_backends *fake)
{
	kill(fake->pid, SIGTERM);
	must(waitpid(fake->pid, NULL, 0) == fake->pid);
}

/* --- control --- */

static int connect_to(uint16_t port)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	must(fd >= 0);
	must(connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0);
	return fd;
}

/* The body of a 200; anything else ends the test. To be freed. */
static char *request(uint16_t port, const char *method, const char *path, const char *body)
{
	struct buffer buffer;
	struct error err;
	const char *start;
	char *copy;
	ssize_t got;
	int fd = connect_to(port);

	buffer_init(&buffer, ANSWER_MAX);
	must(buffer_printf(&buffer,
		"%s %s HTTP/1.1\r\nHost: fake\r\nConnection: close\r\nContent-Length: %zu\r\n\r\n",
		method, path, strlen(body)));
	must(buffer_append_text(&buffer, body));
	if (!fd_write_all(fd, buffer_data(&buffer), buffer_len(&buffer), &err))
		panic("fake backend: %s", err.text);
	buffer_clear(&buffer);
	do {
		char *room = buffer_reserve(&buffer, 65536);

		must(room);
		got = read(fd, room, 65536);
		must(got >= 0);
		buffer_commit(&buffer, (size_t)got);
	} while (got > 0);
	close(fd);
	start = strstr(buffer_text(&buffer), "\r\n\r\n");
	if (!start || strncmp(buffer_text(&buffer), "HTTP/1.1 200 ", 13) != 0)
		panic("fake backend: %s %s was refused: %s", method, path, buffer_text(&buffer));
	copy = memory_strdup(start + 4);
	buffer_free(&buffer);
	return copy;
}

void fake_backend_control(uint16_t port, const char *json)
{
	free(request(port, "POST", "/_control", json));
}

char *fake_backend_stats(uint16_t port)
{
	return request(port, "GET", "/_stats", "");
}

unsigned fake_backend_requests(uint16_t port)
{
	char *stats = fake_backend_stats(port);
	const char *at = strstr(stats, "\"total\":");
	unsigned total;

	if (!at || sscanf(at, "\"total\":%u", &total) != 1)
		panic("fake backend: no total in %s", stats);
	free(stats);
	return total;
}
