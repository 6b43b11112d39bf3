/* Promise: the demonstration server serves real connections: streams, answers, errors, pipelines, leavers, a drain. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <ev.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "http/http_response.h"
#include "workers/demo/demo_server.h"

static const struct demo_pace quick = {.first_ms = 1, .token_ms = 1, .jitter_ms = 0};
static struct sockaddr_in address;
static pid_t server_pid;

/* --- the server, in a process of its own --- */

static void on_drained(void *owner)
{
	ev_break(owner, EVBREAK_ALL);
}

static void on_term(struct ev_loop *loop, ev_signal *watcher, int events)
{
	demo_server_drain(watcher->data, on_drained, loop);
}

static void serve(int listener)
{
	struct ev_loop *loop = ev_default_loop(0);
	struct demo_server *server = demo_server_new(loop, listener, &quick);
	ev_signal term;

	ev_signal_init(&term, on_term, SIGTERM);
	term.data = server;
	ev_signal_start(loop, &term);
	alarm(120); /* never outlives its test */
	ev_run(loop, 0);
	if (demo_server_connections(server) != 0 || demo_server_requests(server) != 0)
		_exit(3);
	demo_server_free(&server);
	_exit(0);
}

static int start_server(void **state)
{
	socklen_t len = sizeof(address);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	(void)state;
	address = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	if (bind(listener, (struct sockaddr *)&address, sizeof(address)) != 0 || listen(listener, 64) != 0 ||
		getsockname(listener, (struct sockaddr *)&address, &len) != 0)
		return -1;
	server_pid = fork();
	if (server_pid == 0)
		serve(listener);
	close(listener);
	return server_pid > 0 ? 0 : -1;
}

static int stop_server(void **state)
{
	int status = 0;

	(void)state;
	kill(server_pid, SIGTERM);
	waitpid(server_pid, &status, 0);
	if (status != 0)
		print_message("the server ended with status %d\n", status);
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -1;
}

/* --- a client --- */

static int connect_client(void)
{
	struct timeval patience = {.tv_sec = 20};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	return fd;
}

static void send_text(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

struct client {
	struct http_response_parser *parser;
	struct buffer body;
};

static bool saw_head(void *owner)
{
	return owner != NULL;
}

static bool saw_body(void *owner, struct slice piece)
{
	return buffer_append_slice(&((struct client *)owner)->body, piece);
}

static void saw_end(void *owner)
{
}

static const struct http_response_events events = {saw_head, saw_body, saw_end};

/* Reads one response, a byte at a time so that nothing of the next is taken. Returns its status. */
static unsigned read_response(int fd, char *body, size_t size)
{
	struct client client = {.parser = NULL};
	struct error err = {""};
	unsigned status;
	char byte;

	client.parser = http_response_new(&events, &client);
	buffer_init(&client.body, size - 1);
	while (!http_response_is_complete(client.parser)) {
		ssize_t got = recv(fd, &byte, 1, 0);

		assert_true(got >= 0);
		if (got == 0)
			assert_true(http_response_finish(client.parser, &err));
		else
			assert_true(http_response_feed(client.parser, slice_make(&byte, 1), &err));
	}
	memcpy(body, buffer_text(&client.body), buffer_len(&client.body) + 1);
	status = http_response_status(client.parser);
	http_response_free(&client.parser);
	buffer_free(&client.body);
	return status;
}

static char body[1 << 20];

/* One request on a connection of its own. */
static unsigned ask(const char *request)
{
	int fd = connect_client();
	unsigned status;

	send_text(fd, request);
	status = read_response(fd, body, sizeof(body));
	close(fd);
	return status;
}

static const char *post_text(const char *path, const char *json)
{
	static char request[4096];

	snprintf(request, sizeof(request),
		"POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Length: %zu\r\n\r\n%s", path, strlen(json), json);
	return request;
}

static unsigned post(const char *path, const char *json)
{
	return ask(post_text(path, json));
}

#define GET(path)  "GET " path " HTTP/1.1\r\nHost: localhost\r\n\r\n"
#define CHAT       "/v1/chat/completions"
#define HELLO(more) "{\"model\":\"demo-small\"," more "\"messages\":[{\"role\":\"user\",\"content\":\"hello\"}]}"

static bool ends_with(const char *text, const char *end)
{
	return slice_ends_with(slice_of(text), end);
}

static void lists_and_health_are_served(void **state)
{
	(void)state;
	assert_int_equal(ask(GET("/v1/models")), 200);
	assert_non_null(strstr(body, "demo-vision"));
	assert_int_equal(ask(GET("/v1/models/demo-small")), 200);
	assert_int_equal(ask(GET("/health?x=1")), 200);
}

static void answers_come_whole_and_in_streams(void **state)
{
	(void)state;
	assert_int_equal(post(CHAT, HELLO("")), 200);
	assert_non_null(strstr(body, "\"finish_reason\":\"stop\""));
	assert_int_equal(post(CHAT, HELLO("\"stream\":true,\"stream_options\":{\"include_usage\":true},")), 200);
	assert_non_null(strstr(body, "\"completion_tokens\":"));
	assert_true(ends_with(body, "data: [DONE]\n\n"));
	assert_int_equal(post("/v1/completions", "{\"model\":\"demo-small\",\"prompt\":\"a\",\"stream\":true}"), 200);
	assert_true(ends_with(body, "data: [DONE]\n\n"));
	assert_int_equal(post("/v1/embeddings", "{\"model\":\"demo-small\",\"input\":[\"a\",\"b\"]}"), 200);
	assert_non_null(strstr(body, "\"index\":1"));
}

static void an_old_client_gets_a_stream_until_the_end(void **state)
{
	char request[1024];

	(void)state;
	snprintf(request, sizeof(request), "POST " CHAT " HTTP/1.0\r\nContent-Length: %zu\r\n\r\n%s",
		strlen(HELLO("\"stream\":true,")), HELLO("\"stream\":true,"));
	assert_int_equal(ask(request), 200);
	assert_true(ends_with(body, "data: [DONE]\n\n"));
}

static void errors_are_openais(void **state)
{
	(void)state;
	assert_int_equal(ask(GET("/nothing")), 404);
	assert_non_null(strstr(body, "\"code\":\"not_found\""));
	assert_int_equal(ask(GET("/v1/models/gpt")), 404);
	assert_non_null(strstr(body, "\"code\":\"model_not_found\""));
	assert_int_equal(ask(GET(CHAT)), 405);
	assert_int_equal(post(CHAT, "{"), 400);
	assert_int_equal(post(CHAT, "{\"model\":\"demo-small\"}"), 400);
	assert_non_null(strstr(body, "\"param\":\"messages\""));
	assert_int_equal(ask("GET / HTTP/1.1\r\n\r\n"), 400);
	assert_int_equal(ask("POST " CHAT " HTTP/1.1\r\nHost: a\r\nContent-Length: 9999999\r\n\r\n"), 413);
	assert_int_equal(ask("POST " CHAT " HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nx"), 400);
}

static void chunked_and_expected_bodies_are_read(void **state)
{
	int fd = connect_client();

	(void)state;
	send_text(fd, "POST " CHAT " HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n");
	assert_int_equal(recv(fd, body, 25, MSG_WAITALL), 25);
	assert_memory_equal(body, "HTTP/1.1 100 Continue\r\n\r\n", 25);
	send_text(fd, "8\r\n{\"model\"\r\n");
	send_text(fd, "4c\r\n:\"demo-small\",\"max_tokens\":1,\"messages\":[{\"role\":\"user\",\"content\":\"hello\"}]}\r\n0\r\n\r\n");
	assert_int_equal(read_response(fd, body, sizeof(body)), 200);
	assert_non_null(strstr(body, "\"finish_reason\":\"length\""));
	close(fd);
}

static void pipelined_requests_are_answered_in_order(void **state)
{
	int fd = connect_client();

	(void)state;
	send_text(fd, GET("/health") GET("/nothing") GET("/v1/models"));
	assert_int_equal(read_response(fd, body, sizeof(body)), 200);
	assert_int_equal(read_response(fd, body, sizeof(body)), 404);
	assert_int_equal(read_response(fd, body, sizeof(body)), 200);
	close(fd);
}

static void one_who_leaves_harms_nobody(void **state)
{
	(void)state;
	for (int i = 0; i < 50; i++) {
		int fd = connect_client();

		send_text(fd, post_text(CHAT, HELLO("\"stream\":true,")));
		if (i % 2)
			assert_int_equal(recv(fd, body, 100, MSG_WAITALL), 100);
		close(fd);
	}
	assert_int_equal(ask(GET("/health")), 200);
}

static void many_streams_run_at_once(void **state)
{
	enum { STREAMS = 100 };
	int fds[STREAMS];

	(void)state;
	for (int i = 0; i < STREAMS; i++) {
		fds[i] = connect_client();
		send_text(fds[i], post_text(CHAT, HELLO("\"stream\":true,")));
	}
	for (int i = 0; i < STREAMS; i++) {
		assert_int_equal(read_response(fds[i], body, sizeof(body)), 200);
		assert_true(ends_with(body, "data: [DONE]\n\n"));
		close(fds[i]);
	}
}

static void a_drain_finishes_what_was_begun(void **state)
{
	int idle = connect_client();
	int fd = connect_client();

	(void)state;
	send_text(fd, post_text(CHAT, HELLO("\"stream\":true,")));
	assert_int_equal(recv(fd, body, 20, MSG_WAITALL | MSG_PEEK), 20);
	kill(server_pid, SIGTERM);
	assert_int_equal(read_response(fd, body, sizeof(body)), 200);
	assert_true(ends_with(body, "data: [DONE]\n\n"));
	assert_int_equal(recv(idle, body, 1, 0), 0);
	close(fd);
	close(idle);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lists_and_health_are_served),
		cmocka_unit_test(answers_come_whole_and_in_streams),
		cmocka_unit_test(an_old_client_gets_a_stream_until_the_end),
		cmocka_unit_test(errors_are_openais),
		cmocka_unit_test(chunked_and_expected_bodies_are_read),
		cmocka_unit_test(pipelined_requests_are_answered_in_order),
		cmocka_unit_test(one_who_leaves_harms_nobody),
		cmocka_unit_test(many_streams_run_at_once),
		/* The last one: the server ends with it. */
		cmocka_unit_test(a_drain_finishes_what_was_begun),
	};

	return cmocka_run_group_tests(tests, start_server, stop_server);
}
