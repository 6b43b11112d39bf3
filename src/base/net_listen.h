/* net_listen.h: a listening TCP socket, or a sentence that says why not and what to do. */
#ifndef NEXUS_BASE_NET_LISTEN_H
#define NEXUS_BASE_NET_LISTEN_H

#include <sys/socket.h>

#include "base/error.h"
#include "base/net_address.h"

/* Non-blocking, close-on-exec; an IPv6 one takes IPv6 alone. The caller closes it; -1 with the
 * reason. */
int net_listen(const struct sockaddr *address, socklen_t len, struct error *err);

/* The same on a free port of 127.0.0.1, which is written to `text`. */
int net_listen_loopback(char text[NET_ADDRESS_TEXT_SIZE], struct error *err);

#endif
