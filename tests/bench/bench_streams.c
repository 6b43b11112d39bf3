/* bench_streams.c: a client with many event streams at once: opens N, keeps N open, counts events
 * and their delay.
 *
 * After WARM_UP seconds (connections open, pools filled) it prints "warm" and counts from there.
 * Then it prints one line of JSON: events, streams finished, errors, p50 and p99 of the delay
 * between the event's sending (its own time stamp) and its arrival, in microseconds. */
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
#include <time.h>
#include <unistd.h>

#define EVENTS  256
#define SAMPLES (1u << 20)

struct stream {
	int fd;
	bool asked;
	char tail[32]; /* the end of the last read: markers may be split */
	size_t tail_len;
};

static int epoll_fd;
static struct sockaddr_in server;
static uint64_t event_count, finished, errors;
static uint32_t *samples;
static size_t sample_count;
static char request[1024];
static size_t request_len;

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void open_stream(struct stream *s)
{
	struct epoll_event event = {.events = EPOLLIN | EPOLLOUT, .data.ptr = s};
	int on = 1;

	memset(s, 0, sizeof(*s));
	s->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	setsockopt(s->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (connect(s->fd, (struct sockaddr *)&server, sizeof(server)) < 0 && errno != EINPROGRESS)
		errors++;
	epoll_ctl(epoll_fd, EPOLL_CTL_ADD, s->fd, &event);
}

static void ask(struct stream *s)
{
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = s};

	s->asked = true;
	s->tail_len = 0;
	if (send(s->fd, request, request_len, MSG_NOSIGNAL) != (ssize_t)request_len)
		errors++;
	epoll_ctl(epoll_fd, EPOLL_CTL_MOD, s->fd, &event);
}

static void measure(const char *data, size_t len, uint64_t now)
{
	static const char mark[] = "\"content\":\"";
	const char *at = data;

	while ((at = memmem(at, len - (size_t)(at - data), mark, sizeof(mark) - 1)) != NULL) {
		uint64_t sent;

		at += sizeof(mark) - 1;
		if (len - (size_t)(at - data) < 20)
			return;
		event_count++;
		sent = strtoull(at, NULL, 10);
		if (sample_count < SAMPLES && sent > 0 && now > sent)
			samples[sample_count++] = (uint32_t)((now - sent) / 1000u);
	}
}

static void read_stream(struct stream *s)
{
	char data[65536 + 64];
	ssize_t got;
	uint64_t now;

	memcpy(data, s->tail, s->tail_len);
	got = recv(s->fd, data + s->tail_len, 65536, 0);
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	now = now_ns();
	if (got <= 0) {
		errors++;
		close(s->fd);
		open_stream(s);
		return;
	}
	data[s->tail_len + (size_t)got] = '\0';
	measure(data + s->tail_len, (size_t)got, now);
	if (memmem(data, s->tail_len + (size_t)got, "\r\n0\r\n\r\n", 7)) {
		finished++;
		ask(s);
		return;
	}
	s->tail_len = (size_t)got < 7 ? (size_t)got : 7;
	memcpy(s->tail, data + got - s->tail_len, s->tail_len);
}

static int by_value(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a;
	uint32_t y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static void report(void)
{
	qsort(samples, sample_count, sizeof(*samples), by_value);
	printf("{\"events\": %llu, \"finished\": %llu, \"errors\": %llu, \"p50_us\": %u, "
	       "\"p99_us\": %u}\n",
		(unsigned long long)event_count, (unsigned long long)finished,
		(unsigned long long)errors, sample_count ? samples[sample_count / 2] : 0,
		sample_count ? samples[sample_count * 99 / 100] : 0);
}

static void run(double seconds)
{
	uint64_t end = now_ns() + (uint64_t)(seconds * 1e9);
	uint64_t now;

	while ((now = now_ns()) < end) {
		struct epoll_event events[EVENTS];
		int count = epoll_wait(epoll_fd, events, EVENTS, (int)((end - now) / 1000000u) + 1);

		for (int i = 0; i < count; i++) {
			struct stream *s = events[i].data.ptr;

			if (!s->asked && (events[i].events & EPOLLOUT))
				ask(s);
			else if (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR))
				read_stream(s);
		}
	}
}

int main(int argc, char **argv)
{
	static const char body[] = "{\"model\":\"bench\",\"stream\":true,\"messages\":[{\"role\":"
				   "\"user\",\"content\":\"hello\"}]}";
	struct rlimit limit;
	struct stream *all;
	int count;

	if (argc != 5) {
		fprintf(stderr, "usage: bench_streams PORT STREAMS WARM_UP SECONDS\n");
		return 2;
	}
	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	server.sin_family = AF_INET;
	server.sin_port = htons((uint16_t)strtol(argv[1], NULL, 10));
	server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	request_len = (size_t)snprintf(request, sizeof(request),
		"POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: "
		"application/json\r\n"
		"Content-Length: %zu\r\n\r\n%s",
		sizeof(body) - 1, body);
	count = (int)strtol(argv[2], NULL, 10);
	all = calloc((size_t)count, sizeof(*all));
	samples = malloc(SAMPLES * sizeof(*samples));
	if (!all || !samples)
		abort();
	epoll_fd = epoll_create1(0);
	for (int i = 0; i < count; i++)
		open_stream(&all[i]);
	run(strtod(argv[3], NULL));
	event_count = finished = sample_count = 0;
	puts("warm");
	fflush(stdout);
	run(strtod(argv[4], NULL));
	report();
	return 0;
}
