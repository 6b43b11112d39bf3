/* ask_headers.h: what a client's headers say about the choice of a backend: X-Nexus-Strict,
 * X-Nexus-Flexible and the session. Pure. */
#ifndef NEXUS_REQUEST_ASK_HEADERS_H
#define NEXUS_REQUEST_ASK_HEADERS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "routing/routing.h"

struct http_request;

struct ask_headers {
	enum routing_substitutes substitutes;
	uint64_t session; /* a stable hash of its name; 0: none was given */
};

/* False with a sentence when a header says neither true nor false, or both are true: who asks for
 * exactly one model must not get another because of a slip of the pen. */
bool ask_headers_read(const struct http_request *head, struct ask_headers *out, struct error *err);

#endif
