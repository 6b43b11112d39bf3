/* Promise: the demonstration server lives a worker's life: it takes its one socket, tells its numbers and drains. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/fake/fake_supervisor.h"

static const struct fake_options options = {.role = ROLE_DEMO, .ops = &demo_worker_ops, .listeners = 1};

static int connect_to(uint16_t port)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct timeval patience = {.tv_sec = 20};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	return fd;
}

/* Sends a request and reads until the server has said `wanted` bytes of its answer. */
static void ask(int fd, const char *request, char *answer, size_t wanted)
{
	assert_int_equal(send(fd, request, strlen(request), MSG_NOSIGNAL), (ssize_t)strlen(request));
	assert_int_equal(recv(fd, answer, wanted, MSG_WAITALL), (ssize_t)wanted);
}

static void assert_exits(struct fake_supervisor *fake, int code)
{
	assert_true(fake_await_exit(fake, FAKE_TIMEOUT_MS));
	assert_true(WIFEXITED(fake->status));
	assert_int_equal(WEXITSTATUS(fake->status), code);
}

static void it_serves_and_counts(void **state)
{
	const struct msg_heartbeat *beat;
	struct fake_supervisor fake;
	char answer[15];
	int fd;

	(void)state;
	fake_start(&fake, &options);
	assert_non_null(fake_await(&fake, MSG_READY, FAKE_TIMEOUT_MS));
	fd = connect_to(fake.ports[0]);
	ask(fd, "GET /v1/models HTTP/1.1\r\nHost: localhost\r\n\r\n", answer, sizeof(answer));
	assert_memory_equal(answer, "HTTP/1.1 200 OK", sizeof(answer));
	do {
		beat = fake_await(&fake, MSG_HEARTBEAT, FAKE_TIMEOUT_MS);
		assert_non_null(beat);
	} while (beat->requests_total == 0);
	assert_int_equal(beat->connections, 1);
	assert_int_equal(beat->requests, 0);
	close(fd);
	fake_stop(&fake);
}

#define STREAM                                                                                      \
	"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 107\r\n\r\n"       \
	"{\"model\":\"demo-small\",\"stream\":true,\"max_tokens\":4,"                                \
	"\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}            "

static void a_drain_lets_a_stream_end(void **state)
{
	const struct msg_drain drain = {.deadline_ms = 0};
	struct fake_supervisor fake;
	char answer[4096] = "";
	size_t len = 15;
	ssize_t got;
	int fd;

	(void)state;
	fake_start(&fake, &options);
	assert_non_null(fake_await(&fake, MSG_READY, FAKE_TIMEOUT_MS));
	fd = connect_to(fake.ports[0]);
	ask(fd, STREAM, answer, len);
	fake_send(&fake, MSG_DRAIN, &drain);
	while ((got = recv(fd, answer + len, sizeof(answer) - 1 - len, 0)) > 0)
		len += (size_t)got;
	assert_int_equal(got, 0);
	assert_non_null(strstr(answer, "\"finish_reason\":\"length\""));
	assert_non_null(strstr(answer, "data: [DONE]\n\n\r\n0\r\n\r\n"));
	close(fd);
	assert_exits(&fake, 0);
	fake_stop(&fake);
}

static void a_drains_deadline_is_kept(void **state)
{
	const struct msg_drain drain = {.deadline_ms = 20, .stopping = true};
	struct fake_supervisor fake;
	int fd;

	(void)state;
	fake_start(&fake, &options);
	assert_non_null(fake_await(&fake, MSG_READY, FAKE_TIMEOUT_MS));
	fd = connect_to(fake.ports[0]);
	/* Half a request: nothing that would end by itself soon. */
	assert_int_equal(send(fd, "GET /", 5, MSG_NOSIGNAL), 5);
	fake_send(&fake, MSG_DRAIN, &drain);
	assert_exits(&fake, 0);
	close(fd);
	fake_stop(&fake);
}

static void it_wants_one_socket(void **state)
{
	struct fake_options two = options;
	struct fake_supervisor fake;

	(void)state;
	two.listeners = 2;
	fake_start(&fake, &two);
	assert_exits(&fake, 78);
	assert_non_null(strstr(fake.last_words, "2 listening sockets instead of one"));
	fake_stop(&fake);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_serves_and_counts),
		cmocka_unit_test(a_drain_lets_a_stream_end),
		cmocka_unit_test(a_drains_deadline_is_kept),
		cmocka_unit_test(it_wants_one_socket),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
