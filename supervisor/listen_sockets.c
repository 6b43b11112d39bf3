/* listen_sockets.c: resolving, binding, listening. */
#include "supervisor/listen_sockets.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"

/* Connections the kernel keeps for us while all workers are busy or being replaced; cut to
 * net.core.somaxconn. */
#define LISTEN_BACKLOG 4096

static void name_address(
	const struct sockaddr *address, socklen_t len, char name[LISTEN_ADDRESS_MAX])
{
	char host[NI_MAXHOST] = "?";
	char port[NI_MAXSERV] = "?";

	getnameinfo(address, len, host, sizeof(host), port, sizeof(port),
		NI_NUMERICHOST | NI_NUMERICSERV);
	/* 45 letters of IPv6 and a scope id fit; longer is cut and still only a name. */
	snprintf(name, LISTEN_ADDRESS_MAX,
		address->sa_family == AF_INET6 ? "[%.50s]:%.5s" : "%.50s:%.5s", host, port);
}

static bool bind_problem(const char *address, struct error *err)
{
	if (errno == EADDRINUSE)
		return error_set(err,
			"cannot listen on %s: the port is taken by another program; stop it, or "
			"choose"
			" another with --port or server.port",
			address);
	if (errno == EACCES)
		return error_set(err,
			"cannot listen on %s: ports below 1024 need root or CAP_NET_BIND_SERVICE",
			address);
	if (errno == EADDRNOTAVAIL)
		return error_set(err,
			"cannot listen on %s: this machine does not have that address", address);
	return error_set_errno(err, "cannot listen on %s", address);
}

static int open_socket(
	const struct sockaddr *address, socklen_t len, const char *name, struct error *err)
{
	int fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int on = 1;

	if (fd < 0) {
		error_set_errno(err, "cannot make a socket for %s", name);
		return -1;
	}
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	/* "::" is IPv6 alone: who wants both names both. */
	if (address->sa_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
	if (bind(fd, address, len) < 0 || listen(fd, LISTEN_BACKLOG) < 0) {
		bind_problem(name, err);
		fd_close(&fd);
	}
	return fd;
}

static const struct listen_socket *find(const struct listen_sockets *sockets, const char *name)
{
	for (size_t i = 0; sockets && i < sockets->count; i++)
		if (strcmp(sockets->items[i].address, name) == 0)
			return &sockets->items[i];
	return NULL;
}

/* Another descriptor of the same socket. */
static int share(const struct listen_socket *socket, struct error *err)
{
	int fd = fcntl(socket->fd, F_DUPFD_CLOEXEC, 3);

	if (fd < 0)
		error_set_errno(err, "another descriptor for %s", socket->address);
	return fd;
}

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

static bool add_address(struct listen_sockets *sockets, struct listen_socket *item,
	const struct addrinfo *info, const struct listen_sockets *before, struct error *err)
{
	const struct listen_socket *same;

	name_address(info->ai_addr, info->ai_addrlen, item->address);
	if (find(sockets, item->address))
		return true;
	same = find(before, item->address);
	item->fd = same ? share(same, err)
			: open_socket(info->ai_addr, info->ai_addrlen, item->address, err);
	if (item->fd < 0)
		return false;
	sockets->count++;
	return true;
}

static bool resolve(struct listen_sockets *sockets, const char *host, uint32_t port,
	const struct listen_sockets *before, struct error *err)
{
	struct addrinfo hints = {
		.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
	struct addrinfo *found;
	char service[8];
	bool added = true;
	int code;

	snprintf(service, sizeof(service), "%u", port & 0xffffu);
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
		if (!item || (item->fd = share(old, err)) < 0)
			return false;
		memcpy(item->address, old->address, sizeof(item->address));
		sockets->count++;
	}
	return known || resolve(sockets, host, port, before, err);
}

bool listen_sockets_open(struct listen_sockets *sockets, const struct config *config,
	const struct listen_sockets *before, struct error *err)
{
	sockets->count = 0;
	for (size_t i = 0; i < config->server.host.count; i++)
		if (!add_host(sockets, config->server.host.items[i], config->server.port, before,
			    err)) {
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

bool listen_socket_loopback(struct listen_socket *item, struct error *err)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(address);

	*item = (struct listen_socket){.host = "127.0.0.1"};
	item->fd = open_socket((const struct sockaddr *)&address, len, "127.0.0.1", err);
	if (item->fd < 0)
		return false;
	getsockname(item->fd, (struct sockaddr *)&address, &len);
	name_address((const struct sockaddr *)&address, len, item->address);
	return true;
}
