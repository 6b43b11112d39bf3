/* listen_sockets.c: from names to addresses to sockets. */
#include "supervisor/listen_sockets.h"

#include <fcntl.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>

#include "base/fd.h"
#include "base/net_listen.h"

static struct listen_socket *next_item(
	struct listen_sockets *sockets, const char *host, uint32_t port, struct error *err)
{
	struct listen_socket *item = &sockets->items[sockets->count];

	if (sockets->count == LISTEN_SOCKETS_MAX) {
		error_set(err, "server.host: more than %u addresses", LISTEN_SOCKETS_MAX);
		return NULL;
	}
	*item = (struct listen_socket){.fd = -1, .host = host, .port = port};
	return item;
}

static const struct listen_socket *find(const struct listen_sockets *sockets, const char *address)
{
	for (size_t i = 0; sockets && i < sockets->count; i++)
		if (strcmp(sockets->items[i].address, address) == 0)
			return &sockets->items[i];
	return NULL;
}

static bool add(struct listen_sockets *sockets, struct listen_socket *item, int fd)
{
	item->fd = fd;
	sockets->count += fd >= 0;
	return fd >= 0;
}

/* Another descriptor of the same socket. */
static bool add_shared(struct listen_sockets *sockets, struct listen_socket *item,
	const struct listen_socket *before, struct error *err)
{
	memcpy(item->address, before->address, sizeof(item->address));
	return add(sockets, item, fcntl(before->fd, F_DUPFD_CLOEXEC, 3)) ||
	       error_set_errno(err, "another descriptor for %s", before->address);
}

static bool add_address(struct listen_sockets *sockets, struct listen_socket *item,
	const struct addrinfo *info, const struct listen_sockets *before, struct error *err)
{
	net_address_format(info->ai_addr, item->address);
	if (find(sockets, item->address))
		return true;
	if (find(before, item->address))
		return add_shared(sockets, item, find(before, item->address), err);
	return add(sockets, item, net_listen(info->ai_addr, info->ai_addrlen, err)) ||
	       error_prefix(err, "server.host and server.port: ");
}

static bool resolve(struct listen_sockets *sockets, const char *host, uint32_t port,
	const struct listen_sockets *before, struct error *err)
{
	struct addrinfo hints = {
		.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
	struct addrinfo *found;
	char service[16];
	bool added = true;
	int code;

	snprintf(service, sizeof(service), "%u", port);
	code = getaddrinfo(host, service, &hints, &found);
	if (code != 0)
		return error_set(err, "server.host: %s: %s", host, gai_strerror(code));
	for (const struct addrinfo *at = found; at && added; at = at->ai_next) {
		struct listen_socket *item = next_item(sockets, host, port, err);

		added = item && add_address(sockets, item, at, before, err);
	}
	freeaddrinfo(found);
	return added;
}

/* What listened under this name before goes on; a name is resolved only when it is new. */
static bool add_host(struct listen_sockets *sockets, const char *host, uint32_t port,
	const struct listen_sockets *before, struct error *err)
{
	bool known = false;

	for (size_t i = 0; before && i < before->count; i++) {
		const struct listen_socket *old = &before->items[i];
		struct listen_socket *item;

		if (old->port != port || strcmp(old->host, host) != 0)
			continue;
		known = true;
		item = next_item(sockets, host, port, err);
		if (!item || !add_shared(sockets, item, old, err))
			return false;
	}
	return known || resolve(sockets, host, port, before, err);
}

bool listen_sockets_open(struct listen_sockets *sockets, const struct config *config,
	const struct listen_sockets *before, struct error *err)
{
	const struct config_strings *hosts = &config->server.host;

	sockets->count = 0;
	for (size_t i = 0; i < hosts->count; i++)
		if (!add_host(sockets, hosts->items[i], config->server.port, before, err)) {
			listen_sockets_close(sockets);
			return false;
		}
	return true;
}

void listen_sockets_close(struct listen_sockets *sockets)
{
	while (sockets->count > 0)
		fd_close(&sockets->items[--sockets->count].fd);
}
