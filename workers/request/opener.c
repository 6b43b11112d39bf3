/* opener.c: CURLOPT_CONNECT_ONLY handles in small multis on libev. */
#include "workers/request/opener.h"

#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fatal.h"
#include "base/list.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/net_address.h"
#include "config/config.h"

/* libcurl 7.88 walks all handles of a multi for some calls: few a multi keep every call cheap. */
#define HANDLES_PER_MULTI 32u
/* An empty multi has some 25 KB of tables: of those a burst made, so many are kept. */
#define MULTIS_KEPT 8u

struct opener_multi {
	struct list node; /* in opener->multis, those with room first */
	struct opener *opener;
	CURLM *curl;
	ev_timer timer;
	unsigned handles;
};

struct socket_watch {
	struct opener_multi *multi;
	ev_io io;
};

struct opener {
	struct ev_loop *loop;
	struct list multis;
	unsigned multi_count;
};

struct opening {
	struct opener_multi *multi;
	CURL *easy;
	opener_callback *callback;
	void *owner;
	bool is_tls;
	char problem[CURL_ERROR_SIZE];
	char forbidden[NET_ADDRESS_TEXT_SIZE]; /* the address that was refused, or "" */
	struct config *restricted_by;          /* of the target, held */
	char strange[NET_ADDRESS_TEXT_SIZE];   /* the address outside the restricted zone that was
						  refused, or "" */
};

struct tls_stream {
	struct opener_multi *multi;
	CURL *easy;
};

static void multi_reap(struct opener_multi *multi);

static void multi_free(struct opener_multi *multi)
{
	ev_timer_stop(multi->opener->loop, &multi->timer);
	list_remove(&multi->node);
	multi->opener->multi_count--;
	curl_multi_cleanup(multi->curl);
	memory_free_at(&multi);
}

/* The one place where libcurl runs, and so the one where a multi may go. */
static void multi_act(struct opener_multi *multi, curl_socket_t fd, int what)
{
	int running;

	curl_multi_socket_action(multi->curl, fd, what, &running);
	multi_reap(multi);
	if (multi->handles == 0 && multi->opener->multi_count > MULTIS_KEPT)
		multi_free(multi);
}

static void on_socket(struct ev_loop *loop, ev_io *io, int events)
{
	struct socket_watch *watch = io->data;

	multi_act(watch->multi, io->fd,
		(events & EV_READ ? CURL_CSELECT_IN : 0) |
			(events & EV_WRITE ? CURL_CSELECT_OUT : 0));
}

static void on_timer(struct ev_loop *loop, ev_timer *timer, int events)
{
	multi_act(timer->data, CURL_SOCKET_TIMEOUT, 0);
}

static int want_socket(CURL *easy, curl_socket_t fd, int what, void *owner, void *known)
{
	struct opener_multi *multi = owner;
	struct socket_watch *watch = known;
	int events = (what & CURL_POLL_IN ? EV_READ : 0) | (what & CURL_POLL_OUT ? EV_WRITE : 0);

	if (!watch && what == CURL_POLL_REMOVE)
		return 0;
	if (!watch) {
		watch = memory_zalloc(sizeof(*watch));
		watch->multi = multi;
		ev_io_init(&watch->io, on_socket, fd, 0);
		watch->io.data = watch;
		curl_multi_assign(multi->curl, fd, watch);
	}
	ev_io_stop(multi->opener->loop, &watch->io);
	if (what == CURL_POLL_REMOVE) {
		curl_multi_assign(multi->curl, fd, NULL);
		memory_free_at(&watch);
		return 0;
	}
	ev_io_set(&watch->io, fd, events);
	ev_io_start(multi->opener->loop, &watch->io);
	return 0;
}

static int want_timer(CURLM *curl, long timeout_ms, void *owner)
{
	struct opener_multi *multi = owner;

	ev_timer_stop(multi->opener->loop, &multi->timer);
	if (timeout_ms >= 0) {
		ev_timer_set(&multi->timer, (double)timeout_ms / 1000.0, 0.0);
		ev_timer_start(multi->opener->loop, &multi->timer);
	}
	return 0;
}

static struct opener_multi *multi_new(struct opener *opener)
{
	struct opener_multi *multi = memory_zalloc(sizeof(*multi));

	multi->opener = opener;
	multi->curl = curl_multi_init();
	if (!multi->curl)
		panic("curl_multi_init failed");
	ev_timer_init(&multi->timer, on_timer, 0.0, 0.0);
	multi->timer.data = multi;
	curl_multi_setopt(multi->curl, CURLMOPT_SOCKETFUNCTION, want_socket);
	curl_multi_setopt(multi->curl, CURLMOPT_SOCKETDATA, multi);
	curl_multi_setopt(multi->curl, CURLMOPT_TIMERFUNCTION, want_timer);
	curl_multi_setopt(multi->curl, CURLMOPT_TIMERDATA, multi);
	curl_multi_setopt(multi->curl, CURLMOPT_MAXCONNECTS, 4L * HANDLES_PER_MULTI);
	list_push_front(&opener->multis, &multi->node);
	opener->multi_count++;
	return multi;
}

/* The first multi has room if any has: full ones are moved to the back. */
static struct opener_multi *multi_with_room(struct opener *opener)
{
	struct list *first = opener->multis.next;
	struct opener_multi *multi;

	if (first != &opener->multis) {
		multi = list_item(first, struct opener_multi, node);
		if (multi->handles < HANDLES_PER_MULTI)
			return multi;
	}
	return multi_new(opener);
}

static void multi_add(struct opener_multi *multi, CURL *easy)
{
	if (++multi->handles == HANDLES_PER_MULTI) {
		list_remove(&multi->node);
		list_push_back(&multi->opener->multis, &multi->node);
	}
	curl_multi_add_handle(multi->curl, easy);
}

static void multi_remove(struct opener_multi *multi, CURL *easy)
{
	curl_multi_remove_handle(multi->curl, easy);
	curl_easy_cleanup(easy);
	multi->handles--;
	list_remove(&multi->node);
	list_push_front(&multi->opener->multis, &multi->node);
}

struct opener *opener_new(struct ev_loop *loop)
{
	struct opener *opener = memory_zalloc(sizeof(*opener));

	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		panic("curl_global_init failed");
	opener->loop = loop;
	list_init(&opener->multis);
	return opener;
}

void opener_free(struct opener **opener)
{
	list_each_safe (node, &(*opener)->multis) {
		struct opener_multi *multi = list_item(node, struct opener_multi, node);

		invariant(multi->handles == 0);
		multi_free(multi);
	}
	memory_free_at(opener);
}

/* Judges the address that is really about to be connected to, after all name resolution. */
static curl_socket_t open_socket(void *owner, curlsocktype purpose, struct curl_sockaddr *address)
{
	struct opening *opening = owner;

	if (net_address_is_forbidden(net_address_kind(&address->addr))) {
		net_address_format(&address->addr, opening->forbidden);
		return CURL_SOCKET_BAD;
	}
	/* Whatever was declared and chosen: what must stay at home goes nowhere else. */
	if (opening->restricted_by &&
		!config_address_is_ours(opening->restricted_by, &address->addr)) {
		net_address_format(&address->addr, opening->strange);
		return CURL_SOCKET_BAD;
	}
	return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

static void set_options(struct opening *opening, const struct opener_target *target)
{
	CURL *easy = opening->easy;

	curl_easy_setopt(easy, CURLOPT_URL, target->url);
	curl_easy_setopt(easy, CURLOPT_PRIVATE, opening);
	curl_easy_setopt(easy, CURLOPT_CONNECT_ONLY, 1L);
	curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(easy, CURLOPT_TCP_NODELAY, 1L);
	curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, 65536L);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, opening->problem);
	curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
	curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, opening);
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)(target->timeout_seconds * 1000.0));
	if (target->ca_file[0])
		curl_easy_setopt(easy, CURLOPT_CAINFO, target->ca_file);
}

struct opening *opener_start(struct opener *opener, const struct opener_target *target,
	opener_callback *callback, void *owner)
{
	struct opening *opening = memory_zalloc(sizeof(*opening));

	opening->multi = multi_with_room(opener);
	opening->callback = callback;
	opening->owner = owner;
	if (target->restricted_by)
		opening->restricted_by = config_ref(target->restricted_by);
	opening->is_tls = strncmp(target->url, "https:", 6) == 0;
	opening->easy = curl_easy_init();
	if (!opening->easy)
		panic("curl_easy_init failed");
	set_options(opening, target);
	multi_add(opening->multi, opening->easy);
	return opening;
}

static void opening_free(struct opening **opening)
{
	if ((*opening)->restricted_by)
		config_unref(&(*opening)->restricted_by);
	memory_free_at(opening);
}

void opening_cancel(struct opening **opening)
{
	multi_remove((*opening)->multi, (*opening)->easy);
	opening_free(opening);
}

/* A plain connection lives on as a descriptor of ours: libcurl closes only its own. */
static void take_plain(struct opening *opening, curl_socket_t fd, struct opened *opened)
{
	opened->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (opened->fd < 0)
		error_set_errno(&opened->error, "no descriptor for the connection");
	multi_remove(opening->multi, opening->easy);
}

static void take_tls(struct opening *opening, curl_socket_t fd, struct opened *opened)
{
	/* The handle outlives the opening. */
	curl_easy_setopt(opening->easy, CURLOPT_ERRORBUFFER, NULL);
	curl_easy_setopt(opening->easy, CURLOPT_PRIVATE, NULL);
	opened->fd = fd;
	opened->tls = memory_zalloc(sizeof(*opened->tls));
	opened->tls->multi = opening->multi;
	opened->tls->easy = opening->easy;
}

static void tell_problem(const struct opening *opening, CURLcode code, struct error *err)
{
	if (opening->forbidden[0])
		error_set(err, "its name leads to %s, where no backend may be", opening->forbidden);
	else if (opening->strange[0])
		error_set(err,
			"its name leads to %s, outside the restricted zone (zone, "
			"routing.trusted_networks)",
			opening->strange);
	else
		error_set(err, "%s",
			opening->problem[0] ? opening->problem : curl_easy_strerror(code));
}

/* Said also when another address of the name was good: the operator should know what the name can
 * lead to. */
static void tell_strange(const struct opening *opening)
{
	const char *url = "";

	if (!opening->strange[0])
		return;
	curl_easy_getinfo(opening->easy, CURLINFO_EFFECTIVE_URL, &url);
	log_warn(LOG_UPSTREAM,
		"%s leads to %s, outside the restricted zone: not connected (zone, "
		"routing.trusted_networks)",
		url, opening->strange);
}

static void opening_report(struct opening *opening, CURLcode code)
{
	struct opened opened = {.fd = -1};
	curl_socket_t fd = CURL_SOCKET_BAD;

	tell_strange(opening);
	if (code == CURLE_OK)
		curl_easy_getinfo(opening->easy, CURLINFO_ACTIVESOCKET, &fd);
	if (fd == CURL_SOCKET_BAD) {
		opened.timed_out = code == CURLE_OPERATION_TIMEDOUT;
		tell_problem(opening, code, &opened.error);
		multi_remove(opening->multi, opening->easy);
	} else if (opening->is_tls) {
		take_tls(opening, fd, &opened);
	} else {
		take_plain(opening, fd, &opened);
	}
	opening->callback(opening->owner, &opened);
	opening_free(&opening);
}

static void multi_reap(struct opener_multi *multi)
{
	CURLMsg *message;
	int left;

	while ((message = curl_multi_info_read(multi->curl, &left)) != NULL) {
		CURLcode code = message->data.result;
		struct opening *opening = NULL;

		if (message->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&opening);
		opening_report(opening, code);
	}
}

static ssize_t result_of(CURLcode code, size_t moved)
{
	if (code == CURLE_OK)
		return (ssize_t)moved;
	errno = code == CURLE_AGAIN ? EAGAIN : ECONNRESET;
	return -1;
}

ssize_t tls_stream_send(struct tls_stream *tls, const void *data, size_t len)
{
	size_t moved = 0;
	CURLcode code = curl_easy_send(tls->easy, data, len, &moved);

	return result_of(code, moved);
}

ssize_t tls_stream_recv(struct tls_stream *tls, void *data, size_t size)
{
	size_t moved = 0;
	CURLcode code = curl_easy_recv(tls->easy, data, size, &moved);

	return result_of(code, moved);
}

void tls_stream_close(struct tls_stream **tls)
{
	multi_remove((*tls)->multi, (*tls)->easy);
	memory_free_at(tls);
}
