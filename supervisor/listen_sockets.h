/* listen_sockets.h: one listening socket for each address, shared by all request workers.
 *
 * The supervisor holds them for as long as the configuration names the address, so that a crash, a
 * restart or a reload refuses no connection. It never accepts. */
#ifndef NEXUS_SUPERVISOR_LISTEN_SOCKETS_H
#define NEXUS_SUPERVISOR_LISTEN_SOCKETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/net_address.h"
#include "config/config.h"

#define LISTEN_SOCKETS_MAX 16u

struct listen_socket {
	int fd;
	const char *host; /* as the configuration has it, which owns it */
	uint32_t port;
	char address[NET_ADDRESS_TEXT_SIZE]; /* "127.0.0.1:8000", "[::1]:8000" */
};

struct listen_sockets {
	struct listen_socket items[LISTEN_SOCKETS_MAX];
	size_t count;
};

/* Opens all of server.host with server.port; where `before` (may be NULL) listens already, another
 * descriptor of the same socket, without asking a resolver. All or none. The error names the
 * address and what to do. */
bool listen_sockets_open(struct listen_sockets *sockets, const struct config *config,
	const struct listen_sockets *before, struct error *err);
void listen_sockets_close(struct listen_sockets *sockets);

#endif
