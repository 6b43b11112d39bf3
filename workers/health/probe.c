/* probe.c: probes as libcurl transfers in one multi handle, driven by libev. */
#include "config.h"
#include "workers/health/probe.h"

#include <curl/curl.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "base/fatal.h"
#include "base/list.h"
#include "base/memory.h"
#include "base/net_address.h"

#define USER_AGENT "nexus/" PACKAGE_VERSION

struct prober {
	struct ev_loop *loop;
	CURLM *multi;
	ev_timer timer;
	struct list waiting; /* struct probe.node */
	struct list running;
	unsigned running_count;
};

struct socket_watch {
	struct prober *prober;
	ev_io io;
};

struct probe {
	struct list node;
	struct prober *prober;
	struct probe_target target; /* strings in the arena */
	probe_callback *callback;
	void *owner;
	struct arena arena;
	struct probe_result result;
	const struct probe_step *step;
	unsigned step_number;
	CURL *easy; /* NULL: waiting */
	struct curl_slist *headers;
	struct buffer answer;
	uint64_t deadline_ns;
	uint64_t latency_us;
	bool too_long;
	enum net_address_kind forbidden; /* NET_ADDRESS_PUBLIC: nothing was */
	char forbidden_address[NET_ADDRESS_TEXT_SIZE];
	bool out_of_zone; /* the forbidden address is only not ours */
	char problem[CURL_ERROR_SIZE];
};

static void prober_reap(struct prober *prober);
static void prober_start_waiting(struct prober *prober);

/* --- libev and libcurl --- */

static void prober_act(struct prober *prober, curl_socket_t fd, int what)
{
	int running;

	curl_multi_socket_action(prober->multi, fd, what, &running);
	prober_reap(prober);
}

static void on_socket(struct ev_loop *loop, ev_io *io, int events)
{
	struct socket_watch *watch = io->data;

	prober_act(watch->prober, io->fd,
		(events & EV_READ ? CURL_CSELECT_IN : 0) |
			(events & EV_WRITE ? CURL_CSELECT_OUT : 0));
}

static void on_timer(struct ev_loop *loop, ev_timer *timer, int events)
{
	prober_act(timer->data, CURL_SOCKET_TIMEOUT, 0);
}

static int want_socket(CURL *easy, curl_socket_t fd, int what, void *owner, void *known)
{
	struct prober *prober = owner;
	struct socket_watch *watch = known;
	int events = (what & CURL_POLL_IN ? EV_READ : 0) | (what & CURL_POLL_OUT ? EV_WRITE : 0);

	if (!watch && what == CURL_POLL_REMOVE)
		return 0;
	if (!watch) {
		watch = memory_zalloc(sizeof(*watch));
		watch->prober = prober;
		ev_io_init(&watch->io, on_socket, fd, 0);
		watch->io.data = watch;
		curl_multi_assign(prober->multi, fd, watch);
	}
	ev_io_stop(prober->loop, &watch->io);
	if (what == CURL_POLL_REMOVE) {
		curl_multi_assign(prober->multi, fd, NULL);
		memory_free_at(&watch);
		return 0;
	}
	ev_io_set(&watch->io, fd, events);
	ev_io_start(prober->loop, &watch->io);
	return 0;
}

static int want_timer(CURLM *multi, long timeout_ms, void *owner)
{
	struct prober *prober = owner;

	ev_timer_stop(prober->loop, &prober->timer);
	if (timeout_ms >= 0) {
		ev_now_update(prober->loop);
		ev_timer_set(&prober->timer, (double)timeout_ms / 1000.0, 0.0);
		ev_timer_start(prober->loop, &prober->timer);
	}
	return 0;
}

struct prober *prober_new(struct ev_loop *loop)
{
	struct prober *prober = memory_zalloc(sizeof(*prober));

	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		panic("curl_global_init failed");
	prober->loop = loop;
	prober->multi = curl_multi_init();
	if (!prober->multi)
		panic("curl_multi_init failed");
	ev_timer_init(&prober->timer, on_timer, 0.0, 0.0);
	prober->timer.data = prober;
	list_init(&prober->waiting);
	list_init(&prober->running);
	curl_multi_setopt(prober->multi, CURLMOPT_SOCKETFUNCTION, want_socket);
	curl_multi_setopt(prober->multi, CURLMOPT_SOCKETDATA, prober);
	curl_multi_setopt(prober->multi, CURLMOPT_TIMERFUNCTION, want_timer);
	curl_multi_setopt(prober->multi, CURLMOPT_TIMERDATA, prober);
	return prober;
}

void prober_free(struct prober **prober)
{
	invariant(list_is_empty(&(*prober)->waiting) && list_is_empty(&(*prober)->running));
	curl_multi_cleanup((*prober)->multi);
	ev_timer_stop((*prober)->loop, &(*prober)->timer);
	memory_free_at(prober);
}

unsigned prober_running(const struct prober *prober)
{
	return prober->running_count;
}

/* --- what libcurl asks of a probe --- */

static size_t on_body(char *data, size_t size, size_t count, void *owner)
{
	struct probe *probe = owner;

	probe->too_long = !buffer_append(&probe->answer, data, size * count);
	return probe->too_long ? 0 : size * count;
}

/* Judges the address that is really about to be connected to, after all name resolution. */
static curl_socket_t on_open_socket(
	void *owner, curlsocktype purpose, struct curl_sockaddr *address)
{
	struct probe *probe = owner;
	const struct config *zone = probe->target.restricted_by;
	enum net_address_kind kind = net_address_kind(&address->addr);
	bool forbidden = net_address_is_forbidden(kind);

	if (forbidden || (zone && !config_address_is_ours(zone, &address->addr))) {
		probe->out_of_zone = !forbidden;
		probe->forbidden = kind;
		net_address_format(&address->addr, probe->forbidden_address);
		return CURL_SOCKET_BAD;
	}
	return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

/* --- one request --- */

/* Keys are wiped before their memory goes back. */
static void free_headers(struct probe *probe)
{
	for (struct curl_slist *item = probe->headers; item; item = item->next)
		explicit_bzero(item->data, strlen(item->data));
	curl_slist_free_all(probe->headers);
	probe->headers = NULL;
}

static void add_header(struct probe *probe, const char *text)
{
	struct curl_slist *headers = curl_slist_append(probe->headers, text);

	if (!headers)
		panic("out of memory for a probe's headers");
	probe->headers = headers;
}

static void add_key(struct probe *probe)
{
	const char *name = probe->target.ops->key_header;
	bool is_bearer = name && strcasecmp(name, "Authorization") == 0;
	struct buffer line;

	if (!name || !probe->target.api_key[0])
		return;
	buffer_init(&line, 16384);
	if (!buffer_printf(
		    &line, "%s: %s%s", name, is_bearer ? "Bearer " : "", probe->target.api_key))
		panic("an API key of more than 16 KiB");
	add_header(probe, buffer_text(&line));
	explicit_bzero(line.memory, line.size);
	buffer_free(&line);
}

static void set_request(struct probe *probe)
{
	const struct probe_step *step = probe->step;
	CURL *easy = probe->easy;

	free_headers(probe);
	add_key(probe);
	if (step->body)
		add_header(probe, "Content-Type: application/json");
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, probe->headers);
	curl_easy_setopt(easy, CURLOPT_URL,
		arena_printf(&probe->arena, "%s%s", probe->target.url, step->path));
	if (step->body) {
		curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE, (long)strlen(step->body));
		curl_easy_setopt(easy, CURLOPT_COPYPOSTFIELDS, step->body);
	} else {
		curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
	}
	if (strcmp(step->method, step->body ? "POST" : "GET") != 0)
		curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, step->method);
}

static void set_options(struct probe *probe)
{
	CURL *easy = probe->easy;

	curl_easy_setopt(easy, CURLOPT_PRIVATE, probe);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, probe->problem);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L); /* or removal waits for a slow resolver */
	curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)probe->target.timeout_ms);
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)probe->target.timeout_ms);
	curl_easy_setopt(easy, CURLOPT_PROXY, "");
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(easy, CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(easy, CURLOPT_USERAGENT, USER_AGENT);
	/* An idle connection would hold one of the few threads that some servers have. */
	curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, probe);
	curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, on_open_socket);
	curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, probe);
	if (probe->target.ca_file[0])
		curl_easy_setopt(easy, CURLOPT_CAINFO, probe->target.ca_file);
}

/* Sends the step; the multi's timer makes it go at the loop's next turn. */
static void send_step(struct probe *probe)
{
	if (probe->easy) {
		curl_multi_remove_handle(probe->prober->multi, probe->easy);
	} else {
		probe->easy = curl_easy_init();
		if (!probe->easy)
			panic("curl_easy_init failed");
	}
	curl_easy_reset(probe->easy);
	buffer_clear(&probe->answer);
	probe->problem[0] = '\0';
	probe->forbidden = NET_ADDRESS_PUBLIC;
	probe->out_of_zone = false;
	probe->too_long = false;
	set_options(probe);
	set_request(probe);
	if (curl_multi_add_handle(probe->prober->multi, probe->easy) != CURLM_OK)
		panic("curl_multi_add_handle failed");
}

/* --- why a request failed --- */

static bool connect_error(struct probe *probe)
{
	long number = 0;

	if (probe->out_of_zone)
		return probe_fail(&probe->result,
			"refused to connect to %s: it is outside the restricted zone (zone, "
			"routing.trusted_networks)",
			probe->forbidden_address);
	if (probe->forbidden != NET_ADDRESS_PUBLIC)
		return probe_fail(&probe->result, "refused to connect to %s: it is %s",
			probe->forbidden_address, net_address_kind_names[probe->forbidden]);
	curl_easy_getinfo(probe->easy, CURLINFO_OS_ERRNO, &number);
	if (number == ECONNREFUSED)
		return probe_fail(&probe->result, "connection refused at %s", probe->target.url);
	return probe_fail(&probe->result, "cannot connect to %s: %s", probe->target.url,
		number ? strerror((int)number) : probe->problem);
}

static bool timeout_error(struct probe *probe)
{
	double seconds = probe->target.timeout_ms / 1000.0;
	curl_off_t connected_us = 0;

	curl_easy_getinfo(probe->easy, CURLINFO_PRETRANSFER_TIME_T, &connected_us);
	if (connected_us == 0)
		return probe_fail(&probe->result, "time-out: no connection to %s within %g s",
			probe->target.url, seconds);
	return probe_fail(&probe->result, "time-out: no whole answer to %s %s within %g s",
		probe->step->method, probe->step->path, seconds);
}

/* In the operator's words: DNS, refused, TLS, time-out, bad answer. */
static bool transfer_error(struct probe *probe, CURLcode code)
{
	const char *problem = probe->problem[0] ? probe->problem : curl_easy_strerror(code);

	switch (code) {
	case CURLE_COULDNT_RESOLVE_HOST:
		return probe_fail(
			&probe->result, "DNS: the host of %s has no address", probe->target.url);
	case CURLE_COULDNT_CONNECT: return connect_error(probe);
	case CURLE_OPERATION_TIMEDOUT: return timeout_error(probe);
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_SSL_CIPHER:
	case CURLE_SSL_CERTPROBLEM:
		return probe_fail(&probe->result, "TLS with %s: %s", probe->target.url, problem);
	case CURLE_GOT_NOTHING:
	case CURLE_RECV_ERROR:
	case CURLE_SEND_ERROR:
	case CURLE_PARTIAL_FILE:
		return probe_fail(&probe->result, "connection lost during %s %s: %s",
			probe->step->method, probe->step->path, problem);
	default: break;
	}
	if (probe->too_long)
		return probe_fail(&probe->result, "bad answer to %s %s: over %u MiB",
			probe->step->method, probe->step->path, PROBE_BODY_MAX >> 20);
	return probe_fail(&probe->result, "bad answer to %s %s: %s", probe->step->method,
		probe->step->path, problem);
}

/* --- a probe's life --- */

/* Leaves its place to others; what it has read stays. */
static void probe_detach(struct probe *probe)
{
	list_remove(&probe->node);
	if (!probe->easy)
		return;
	curl_multi_remove_handle(probe->prober->multi, probe->easy);
	curl_easy_cleanup(probe->easy);
	probe->easy = NULL;
	probe->prober->running_count--;
}

static void probe_free(struct probe *probe)
{
	free_headers(probe);
	explicit_bzero((char *)(uintptr_t)probe->target.api_key, strlen(probe->target.api_key));
	buffer_free(&probe->answer);
	if (probe->target.restricted_by)
		config_unref(&probe->target.restricted_by);
	arena_free(&probe->arena);
	memory_free_at(&probe);
}

static void probe_finish(struct probe *probe)
{
	struct probe_report report = {.result = &probe->result, .latency_us = probe->latency_us};
	struct prober *prober = probe->prober;

	probe_detach(probe);
	probe->callback(probe->owner, &report);
	probe_free(probe);
	prober_start_waiting(prober);
}

/* Goes on to the next request, or ends. Past its time only what is needed is still asked. */
static void probe_advance(struct probe *probe)
{
	do {
		probe->step = probe->target.ops->probe_next(probe->step_number++, &probe->result);
	} while (probe->step && probe->step->optional && clock_monotonic_ns() > probe->deadline_ns);
	if (!probe->step) {
		probe_finish(probe);
		return;
	}
	send_step(probe);
}

static void probe_answered(struct probe *probe)
{
	struct slice body = buffer_slice(&probe->answer);
	curl_off_t total_us = 0;
	long status = 0;

	curl_easy_getinfo(probe->easy, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_getinfo(probe->easy, CURLINFO_TOTAL_TIME_T, &total_us);
	if (probe->latency_us == 0)
		probe->latency_us = total_us > 0 ? (uint64_t)total_us : 1;
	if (!probe->step->read(&probe->result, (unsigned)status, body))
		probe_finish(probe);
	else
		probe_advance(probe);
}

static void probe_transferred(struct probe *probe, CURLcode code)
{
	if (code == CURLE_OK) {
		probe_answered(probe);
	} else if (probe->step->optional) {
		probe_advance(probe);
	} else {
		transfer_error(probe, code);
		probe_finish(probe);
	}
}

static void prober_reap(struct prober *prober)
{
	CURLMsg *message;
	int left;

	while ((message = curl_multi_info_read(prober->multi, &left)) != NULL) {
		CURLcode code = message->data.result;
		struct probe *probe = NULL;

		if (message->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&probe);
		probe_transferred(probe, code);
	}
}

/* --- waiting and running --- */

static void probe_run(struct probe *probe)
{
	list_push_back(&probe->prober->running, &probe->node);
	probe->prober->running_count++;
	probe->deadline_ns = clock_monotonic_ns() +
			     (uint64_t)probe->target.timeout_ms * PROBE_TIMEOUTS * 1000000u;
	probe->step = probe->target.ops->probe_next(probe->step_number++, &probe->result);
	invariant(probe->step != NULL);
	send_step(probe);
}

static void prober_start_waiting(struct prober *prober)
{
	struct list *node;

	while (prober->running_count < PROBES_AT_ONCE &&
		(node = list_pop_front(&prober->waiting)) != NULL)
		probe_run(list_item(node, struct probe, node));
}

struct probe *probe_start(struct prober *prober, const struct probe_target *target,
	probe_callback *callback, void *owner)
{
	struct probe *probe = memory_zalloc(sizeof(*probe));

	arena_init(&probe->arena, 4096);
	buffer_init(&probe->answer, PROBE_BODY_MAX);
	probe->prober = prober;
	probe->callback = callback;
	probe->owner = owner;
	probe->target = *target;
	probe->target.url = arena_strdup(&probe->arena, target->url);
	probe->target.api_key = arena_strdup(&probe->arena, target->api_key);
	probe->target.ca_file = arena_strdup(&probe->arena, target->ca_file);
	if (target->restricted_by)
		config_ref(target->restricted_by);
	probe_begin(&probe->result, &probe->arena, target->memory);
	list_push_back(&prober->waiting, &probe->node);
	prober_start_waiting(prober);
	return probe;
}

bool probe_is_waiting(const struct probe *probe)
{
	return probe->easy == NULL;
}

void probe_cancel(struct probe **probe)
{
	struct prober *prober = (*probe)->prober;

	probe_detach(*probe);
	probe_free(*probe);
	*probe = NULL;
	prober_start_waiting(prober);
}
