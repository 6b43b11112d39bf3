/* host_check.c: which Host headers are ours. */
#include "workers/request/host_check.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <unistd.h>

#include "workers/request/request_worker.h"

void host_check_init(struct request_worker *worker)
{
	char name[256];
	char *dot;

	if (gethostname(name, sizeof(name) - 1) < 0)
		return;
	name[sizeof(name) - 1] = '\0';
	snprintf(worker->own_names[worker->own_name_count++], sizeof(worker->own_names[0]), "%s",
		name);
	/* A qualified host name is reached by its first label too. */
	dot = strchr(name, '.');
	if (dot) {
		*dot = '\0';
		snprintf(worker->own_names[worker->own_name_count++], sizeof(worker->own_names[0]),
			"%s", name);
	}
}

static struct slice without_port(struct slice host)
{
	const char *end;

	if (host.len > 0 && host.data[0] == '[') {
		end = memchr(host.data, ']', host.len);
		return end ? slice_make(host.data + 1, (size_t)(end - host.data) - 1) : host;
	}
	end = memchr(host.data, ':', host.len);
	if (end)
		host.len = (size_t)(end - host.data);
	/* "localhost." is localhost, fully qualified. */
	if (host.len > 1 && host.data[host.len - 1] == '.')
		host.len--;
	return host;
}

static bool is_address(struct slice host)
{
	char text[64];
	unsigned char binary[16];

	if (host.len >= sizeof(text))
		return false;
	memcpy(text, host.data, host.len);
	text[host.len] = '\0';
	return inet_pton(AF_INET, text, binary) == 1 || inet_pton(AF_INET6, text, binary) == 1;
}

static bool judge(const struct request_worker *worker, struct slice host)
{
	const struct config_strings *allowed = &worker->worker->config->server.allowed_hosts;

	if (slice_is_nocase(host, "localhost") || is_address(host))
		return true;
	if (host.len > 6 && strncasecmp(host.data + host.len - 6, ".local", 6) == 0)
		return true;
	for (unsigned i = 0; i < worker->own_name_count; i++)
		if (slice_is_nocase(host, worker->own_names[i]))
			return true;
	for (size_t i = 0; i < allowed->count; i++)
		if (slice_is_nocase(host, allowed->items[i]))
			return true;
	return false;
}

bool host_is_allowed(struct request_worker *worker, struct slice host)
{
	/* Nearly all clients use the same name. */
	if (host.len == 0 || slice_is(host, worker->last_host))
		return true;
	if (!judge(worker, without_port(host)))
		return false;
	if (host.len < sizeof(worker->last_host)) {
		memcpy(worker->last_host, host.data, host.len);
		worker->last_host[host.len] = '\0';
	}
	return true;
}
