/* net_listen.c: socket, bind, listen. */
#include "base/net_listen.h"

#include <errno.h>
#include <netinet/in.h>

#include "base/fd.h"
#include "base/net_address.h"

/* Connections the kernel keeps for us while nobody accepts; cut to net.core.somaxconn. */
#define BACKLOG 4096

static void say_why(const struct sockaddr *address, struct error *err)
{
	char name[NET_ADDRESS_TEXT_SIZE];

	net_address_format(address, name);
	switch (errno) {
	case EADDRINUSE:
		error_set(err,
			"cannot listen on %s: another program does; stop it, or choose another "
			"port",
			name);
		break;
	case EACCES:
		error_set(err,
			"cannot listen on %s: ports below 1024 need root or CAP_NET_BIND_SERVICE",
			name);
		break;
	case EADDRNOTAVAIL:
		error_set(
			err, "cannot listen on %s: this machine does not have that address", name);
		break;
	default: error_set_errno(err, "cannot listen on %s", name);
	}
}

int net_listen(const struct sockaddr *address, socklen_t len, struct error *err)
{
	int fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int on = 1;

	if (fd >= 0) {
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
		if (address->sa_family == AF_INET6)
			setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
	}
	if (fd < 0 || bind(fd, address, len) < 0 || listen(fd, BACKLOG) < 0) {
		say_why(address, err);
		fd_close(&fd);
	}
	return fd;
}

int net_listen_loopback(char text[NET_ADDRESS_TEXT_SIZE], struct error *err)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct sockaddr *address = (struct sockaddr *)&in;
	socklen_t len = sizeof(in);
	int fd = net_listen(address, len, err);

	if (fd >= 0) {
		getsockname(fd, address, &len);
		net_address_format(address, text);
	}
	return fd;
}
