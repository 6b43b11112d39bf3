/* bench_upstream.c: a model server that costs next to nothing, so that what is measured is the
 * gateway.
 *
 * One process, epoll, HTTP/1.1 keep-alive. GET /v1/models lists "bench". A POST whose body holds
 * "stream":true gets an event stream of --chunks events, one send each, --interval-ms apart (0: in
 * one burst; -1: one event and then silence); any other gets a 584-byte JSON answer. Not robust
 * against bad input: it serves benchmarks on loopback, nothing else. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define IN_MAX (256u << 10)
#define EVENTS 256

struct connection {
	int fd;
	char *in;
	size_t len;
	size_t size;
	int chunks_left;
	uint64_t next_ns;
	struct connection *next_stream;
};

static int chunks = 64;
static int interval_ms = 20;
static int epoll_fd;
static struct connection *streams;
static char answer[1024];
static size_t answer_len;

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void make_answer(void)
{
	char body[600];
	int len = snprintf(body, sizeof(body),
		"{\"id\":\"chatcmpl-bench\",\"object\":\"chat.completion\",\"created\":1700000000,"
		"\"model\":\"bench\",\"choices\":"
		"[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"%0337d\"},"
		"\"finish_reason\":\"stop\"}],"
		"\"usage\":{\"prompt_tokens\":10,\"completion_tokens\":20,\"total_tokens\":30}}",
		0);

	answer_len = (size_t)snprintf(answer, sizeof(answer),
		"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
		len, body);
}

static void send_all(struct connection *c, const char *data, size_t len)
{
	while (len > 0) {
		ssize_t sent = send(c->fd, data, len, MSG_NOSIGNAL);

		if (sent <= 0 && errno != EAGAIN && errno != EINTR)
			return;
		if (sent > 0) {
			data += sent;
			len -= (size_t)sent;
		}
	}
}

static void send_event(struct connection *c)
{
	char data[512];
	char chunk[600];
	int len;

	if (c->chunks_left == 0) {
		static const char end[] = "e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n";

		send_all(c, end, sizeof(end) - 1);
		return;
	}
	/* The time of sending travels in the event, for the client to measure. */
	len = snprintf(data, sizeof(data),
		"data: "
		"{\"id\":\"chatcmpl-bench\",\"object\":\"chat.completion.chunk\",\"model\":"
		"\"bench\",\"choices\":[{\"index\":0,"
		"\"delta\":{\"content\":\"%020llu\"},\"finish_reason\":%s}]}\n\n",
		(unsigned long long)now_ns(), c->chunks_left == 1 ? "\"stop\"" : "null");
	send_all(c, chunk, (size_t)snprintf(chunk, sizeof(chunk), "%x\r\n%s\r\n", len, data));
}

static void start_stream(struct connection *c)
{
	static const char head[] = "HTTP/1.1 200 OK\r\nContent-Type: "
				   "text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";

	send_all(c, head, sizeof(head) - 1);
	c->chunks_left = chunks;
	send_event(c);
	if (interval_ms < 0)
		return;
	if (interval_ms == 0) {
		while (c->chunks_left-- > 0)
			send_event(c);
		return;
	}
	c->chunks_left--;
	c->next_ns = now_ns() + (uint64_t)interval_ms * 1000000u;
	c->next_stream = streams;
	streams = c;
}

static void answer_request(
	struct connection *c, const char *head, const char *body, size_t body_len)
{
	static const char models[] =
		"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 104\r\n\r\n"
		"{\"object\":\"list\",\"data\":[{\"id\":\"bench\",\"object\":\"model\",\"owned_"
		"by\":\"bench\","
		"\"created\":1700000000}]}       ";

	if (memcmp(head, "GET", 3) == 0)
		send_all(c, models, sizeof(models) - 1);
	else if (memmem(body, body_len < 4096 ? body_len : 4096, "\"stream\":true", 13))
		start_stream(c);
	else
		send_all(c, answer, answer_len);
}

static bool take_request(struct connection *c)
{
	char *end = memmem(c->in, c->len, "\r\n\r\n", 4);
	size_t head_len;
	size_t body_len = 0;
	char *length;

	if (!end)
		return false;
	head_len = (size_t)(end - c->in) + 4;
	end[3] = '\0';
	length = strcasestr(c->in, "content-length:");
	end[3] = '\n';
	if (length)
		body_len = strtoul(length + 15, NULL, 10);
	if (c->len < head_len + body_len)
		return false;
	answer_request(c, c->in, c->in + head_len, body_len);
	c->len -= head_len + body_len;
	memmove(c->in, c->in + head_len + body_len, c->len);
	return true;
}

static void close_connection(struct connection *c)
{
	for (struct connection **at = &streams; *at; at = &(*at)->next_stream) {
		if (*at == c) {
			*at = c->next_stream;
			break;
		}
	}
	close(c->fd);
	free(c->in);
	free(c);
}

static void read_from(struct connection *c)
{
	ssize_t got;

	if (c->len + 65536 > c->size) {
		c->size = c->len + 131072 < IN_MAX ? c->len + 131072 : IN_MAX;
		c->in = realloc(c->in, c->size + 1);
		if (!c->in)
			abort();
	}
	got = recv(c->fd, c->in + c->len, c->size - c->len, 0);
	if (got < 0 && errno == EAGAIN)
		return;
	if (got <= 0) {
		close_connection(c);
		return;
	}
	c->len += (size_t)got;
	c->in[c->len] = '\0';
	while (c->len > 0 && take_request(c))
		;
	if (c->len == 0) {
		free(c->in);
		c->in = NULL;
		c->size = 0;
	}
}

static void tick(void)
{
	uint64_t now = now_ns();
	struct connection **at = &streams;

	while (*at) {
		struct connection *c = *at;

		if (now < c->next_ns) {
			at = &c->next_stream;
			continue;
		}
		send_event(c);
		c->next_ns += (uint64_t)interval_ms * 1000000u;
		if (c->chunks_left-- == 0)
			*at = c->next_stream;
		else
			at = &c->next_stream;
	}
}

static int listen_on(int port)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	int on = 1;

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 || listen(fd, 4096) < 0) {
		perror("bench_upstream: listen");
		exit(1);
	}
	return fd;
}

static void watch(int fd, void *data)
{
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = data};

	epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event);
}

static void accept_all(int listener)
{
	int on = 1;
	int fd;

	while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
		struct connection *c = calloc(1, sizeof(*c));

		if (!c)
			abort();
		c->fd = fd;
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
		watch(fd, c);
	}
}

int main(int argc, char **argv)
{
	struct rlimit limit;
	struct itimerspec every = {{0, 1000000}, {0, 1000000}};
	int listener;
	int timer;

	if (argc < 2 || argc > 4) {
		fprintf(stderr, "usage: bench_upstream PORT [CHUNKS [INTERVAL_MS]]\n");
		return 2;
	}
	chunks = argc > 2 ? (int)strtol(argv[2], NULL, 10) : chunks;
	interval_ms = argc > 3 ? (int)strtol(argv[3], NULL, 10) : interval_ms;
	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	make_answer();
	epoll_fd = epoll_create1(0);
	listener = listen_on((int)strtol(argv[1], NULL, 10));
	timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
	if (interval_ms > 0)
		timerfd_settime(timer, 0, &every, NULL);
	watch(listener, &listener);
	watch(timer, &timer);
	for (;;) {
		struct epoll_event events[EVENTS];
		int count = epoll_wait(epoll_fd, events, EVENTS, -1);

		for (int i = 0; i < count; i++) {
			uint64_t expirations;

			if (events[i].data.ptr == &listener)
				accept_all(listener);
			else if (events[i].data.ptr != &timer)
				read_from(events[i].data.ptr);
			else if (read(timer, &expirations, sizeof(expirations)) > 0)
				tick();
		}
	}
}
