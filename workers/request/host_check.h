/* host_check.h: defence against DNS rebinding. A page in a browser can make a name of its own
 * resolve to this machine; it cannot make the browser send another Host. So only names that are
 * ours are answered. */
#ifndef NEXUS_REQUEST_HOST_CHECK_H
#define NEXUS_REQUEST_HOST_CHECK_H

#include <stdbool.h>

#include "base/slice.h"

struct request_worker;

/* Reads the machine's own names, once, at start. */
void host_check_init(struct request_worker *worker);
/* Whether Host (with or without a port; empty for HTTP/1.0) is an IP address, localhost, one of the
 * machine's names,
 * *.local, or in server.allowed_hosts. */
bool host_is_allowed(struct request_worker *worker, struct slice host);

#endif
