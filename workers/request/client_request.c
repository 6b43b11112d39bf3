/* client_request.c: head, checks, body, dispatch. */
#include "workers/request/client_request.h"

#include "base/clock.h"
#include "base/fatal.h"
#include "http/http_head.h"
#include "workers/request/client.h"
#include "workers/request/cors.h"
#include "workers/request/host_check.h"
#include "workers/request/request_worker.h"
#include "workers/request/route.h"

#define REQUESTS_PER_CONNECTION 10000u
/* Unsent bytes of answers behind which the next pipelined request waits. */
#define UNSENT_MAX 65536u

static bool is_valid_request_id(struct slice id)
{
	if (id.len == 0 || id.len > CLIENT_REQUEST_ID_MAX)
		return false;
	for (size_t i = 0; i < id.len; i++) {
		char c = id.data[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
			    c == '.' || c == '_' || c == '-'))
			return false;
	}
	return true;
}

/* A UUID: there are model servers that refuse a request whose id is anything else. */
static void make_request_id(struct client *client)
{
	static const char form[] = "xxxxxxxx-xxxx-4xxx-8xxx-xxxxxxxxxxxx";
	static const char digits[] = "0123456789abcdef";
	uint64_t random[2] = {random_next(&client->worker->random),
		++client->worker->sequence ^ random_next(&client->worker->random)};
	unsigned used = 0;

	_Static_assert(sizeof(form) <= sizeof(client->request_id), "it has room");
	for (size_t i = 0; i < sizeof(form); i++) {
		client->request_id[i] = form[i];
		if (form[i] != 'x')
			continue;
		client->request_id[i] = digits[random[used / 16] >> used % 16 * 4 & 15];
		used++;
	}
}

void client_forget_request(struct client *client)
{
	make_request_id(client);
	client->keep_alive = client->http_1_0 = client->head_only = false;
	client->cors_origin[0] = '\0';
	client->route = NULL;
}

static void set_request_id(struct client *client, const struct http_request *head)
{
	struct slice given = http_request_header(head, "x-request-id");

	if (is_valid_request_id(given)) {
		memcpy(client->request_id, given.data, given.len);
		client->request_id[given.len] = '\0';
	} else {
		make_request_id(client);
	}
}

static void refuse_head(struct client *client, const struct http_verdict *verdict)
{
	client_forget_request(client);
	client->closing = true;
	client_error(client, http_error_of_status(verdict->status), NULL, slice_make(NULL, 0), 0,
		"%s", verdict->error.text);
}

static bool check_host(struct client *client, const struct http_request *head)
{
	if (host_is_allowed(client->worker, head->host))
		return true;
	client_error(client, HTTP_ERROR_FORBIDDEN_HOST, NULL, slice_make(NULL, 0), 0,
		"The host name \"%.*s\" is not one this gateway answers to. If it should be, add "
		"it to "
		"server.allowed_hosts.",
		(int)(head->host.len < 100 ? head->host.len : 100), head->host.data);
	return false;
}

static bool check_target(struct client *client, const struct http_request *head)
{
	struct slice none = {NULL, 0};
	struct slice rest;

	client->route = route_find(head->path, &rest);
	if (!client->route) {
		client_error(client, HTTP_ERROR_NOT_FOUND, NULL, none, 0,
			"There is nothing at %.*s.",
			(int)(head->path.len < 200 ? head->path.len : 200), head->path.data);
		return false;
	}
	if (!route_allows(client->route, head->method)) {
		client_error(client, HTTP_ERROR_METHOD_NOT_ALLOWED, NULL, none, 0,
			"%.*s is not allowed here; use %s.", SLICE_ARGS(head->method_name),
			route_allow_text(client->route));
		return false;
	}
	return true;
}

/* What is wrong with a request whose head is fine as HTTP; false when it has been answered. */
static bool check_head(struct client *client, const struct http_request *head)
{
	if (!check_host(client, head))
		return false;
	if (head->method == HTTP_METHOD_OPTIONS && cors_answer_preflight(client, head))
		return false;
	if (!check_target(client, head) || !cors_check(client, head))
		return false;
	if (head->expects_continue && head->has_body && buffer_len(&client->in) == client->head_len)
		buffer_append_text(&client->out, "HTTP/1.1 100 Continue\r\n\r\n");
	return true;
}

static void begin_body(struct client *client, const struct http_request *head)
{
	client->state = CLIENT_BODY;
	client->is_chunked = head->chunked;
	client->content_length = head->content_length;
	client->body_len = 0;
	client->body_since = ev_now(client->worker->loop);
	if (head->chunked)
		http_chunked_init(&client->chunked);
	client->in.max = client->head_len + client->worker->worker->config->server.max_body_bytes +
			 REQUEST_SCRATCH_BYTES;
}

enum head_result {
	HEAD_INCOMPLETE,
	HEAD_TAKEN,    /* good: its body comes next */
	HEAD_ANSWERED, /* refused or answered without a look at the body; client->closing tells
			  whether to go on */
};

static bool parse_head(struct client *client, struct http_verdict *verdict)
{
	struct request_worker *worker = client->worker;

	return verdict->status == 0 &&
	       http_request_parse(&worker->head,
		       slice_make(buffer_data(&client->in), client->head_len), &worker->limits,
		       verdict);
}

static void describe_request(struct client *client, const struct http_request *head)
{
	set_request_id(client, head);
	client->searched = 0;
	client->requests++;
	client->keep_alive = head->keep_alive && client->requests < REQUESTS_PER_CONNECTION;
	client->http_1_0 = head->version_minor == 0;
	client->head_only = head->method == HTTP_METHOD_HEAD;
	client->cors_origin[0] = '\0';
}

static enum head_result take_head(struct client *client)
{
	struct request_worker *worker = client->worker;
	struct http_verdict verdict = {0};

	client->head_len = http_head_length(
		buffer_slice(&client->in), &client->searched, &worker->limits, &verdict);
	if (verdict.status == 0 && client->head_len == 0)
		return HEAD_INCOMPLETE;
	if (!parse_head(client, &verdict)) {
		refuse_head(client, &verdict);
		return HEAD_ANSWERED;
	}
	describe_request(client, &worker->head);
	/* An answer given now leaves the body unread: the connection cannot go on. */
	client->closing = worker->head.has_body;
	if (!check_head(client, &worker->head))
		return HEAD_ANSWERED;
	client->closing = false;
	begin_body(client, &worker->head);
	return HEAD_TAKEN;
}

/* Decodes in place: the body grows behind the head over the framing already read. False when bad or
 * incomplete. */
static bool take_chunks(struct client *client)
{
	char *base = buffer_data(&client->in) + client->head_len;
	struct slice input = slice_make(base + client->body_len,
		buffer_len(&client->in) - client->head_len - client->body_len);
	enum http_chunked_state state;
	struct slice data;

	while ((state = http_chunked_feed(&client->chunked, &input, &data)) == HTTP_CHUNKED_DATA) {
		memmove(base + client->body_len, data.data, data.len);
		client->body_len += data.len;
	}
	memmove(base + client->body_len, input.data, input.len);
	client->in.end = client->in.start + client->head_len + client->body_len + input.len;
	if (state == HTTP_CHUNKED_BAD) {
		client->closing = true;
		client_error(client, HTTP_ERROR_BAD_REQUEST, NULL, slice_make(NULL, 0), 0,
			"Bad chunked body: %s.", client->chunked.problem);
	} else if (client->body_len > client->worker->worker->config->server.max_body_bytes) {
		client->closing = true;
		client_error(client, HTTP_ERROR_BODY_TOO_LARGE, NULL, slice_make(NULL, 0), 0,
			"The body is larger than server.max_body_bytes.");
	}
	return state == HTTP_CHUNKED_DONE && client->state == CLIENT_BODY && !client->closing;
}

static bool take_body(struct client *client)
{
	size_t there = buffer_len(&client->in) - client->head_len;

	if (client->is_chunked)
		return take_chunks(client);
	if (there < client->content_length) {
		/* Room for all of it at once, so that it is read without moving; untouched pages
		 * cost nothing. */
		buffer_reserve(&client->in, client->content_length - there);
		return false;
	}
	client->body_len = client->content_length;
	return true;
}

/* For a head that has been taken already: it stays good, whatever the limits have become since. */
static const struct http_limits no_limits = {
	.request_line_bytes = SIZE_MAX,
	.header_bytes = SIZE_MAX,
	.head_bytes = SIZE_MAX,
	.headers = HTTP_HEADERS_MAX,
	.body_bytes = UINT64_MAX,
};

static void dispatch(struct client *client, bool head_is_fresh)
{
	struct request_worker *worker = client->worker;
	struct http_verdict verdict = {0};
	struct slice rest = {NULL, 0};

	/* The shared parse may have been used by others while the body came. */
	if (!head_is_fresh)
		http_request_parse(&worker->head,
			slice_make(buffer_data(&client->in), client->head_len), &no_limits,
			&verdict);
	invariant(verdict.status == 0);
	route_find(worker->head.path, &rest);
	client->state = CLIENT_BUSY;
	client->received_ns = clock_monotonic_ns();
	client->since = ev_now(worker->loop);
	worker->request_total++;
	client->route->handler(client, rest);
}

/* One step; false when more bytes, or the end of an exchange, must come first. */
static bool advance_once(struct client *client)
{
	bool fresh = client->state == CLIENT_HEAD;

	if (fresh) {
		switch (buffer_len(&client->in) > 0 ? take_head(client) : HEAD_INCOMPLETE) {
		case HEAD_INCOMPLETE: return false;
		case HEAD_ANSWERED:
			if (!client->closing)
				client_finish(client);
			return true;
		case HEAD_TAKEN: break;
		}
	}
	if (!take_body(client))
		return false;
	dispatch(client, fresh);
	return true;
}

/* Whoever does not take his answers gets no further ones made. */
static bool may_advance(const struct client *client)
{
	return (client->state == CLIENT_HEAD || client->state == CLIENT_BODY) && !client->closing &&
	       buffer_len(&client->out) < UNSENT_MAX;
}

void client_advance(struct client *client)
{
	bool more = true;

	/* A request that is answered at once ends within its own step: the loop goes on, not the
	 * stack. */
	if (client->advancing)
		return;
	client->advancing = true;
	do {
		while (more && may_advance(client))
			more = advance_once(client);
		if (buffer_len(&client->out) > 0)
			client_flush(client);
	} while (more && may_advance(client));
	client->advancing = false;
}
