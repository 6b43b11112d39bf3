/* route.h: from a path and a method to who answers. */
#ifndef NEXUS_REQUEST_ROUTE_H
#define NEXUS_REQUEST_ROUTE_H

#include <stdbool.h>

#include "base/slice.h"
#include "http/http_request.h"
#include "workers/request/client.h"

enum route_methods { ROUTE_GET = 1, ROUTE_HEAD = 2, ROUTE_POST = 4 };

/* A whole request has arrived: its head (worker->head is parsed from it) and its body stand in
 * client->in. `rest` is the path behind a prefix route. The handler answers, or opens an exchange
 * on the client. */
typedef void route_handler(struct client *client, struct slice rest);

struct route {
	const char *path;
	unsigned methods;
	route_handler *handler;
	bool exact;
	const char *label;
};

/* The route of a path, or NULL. *rest is what follows a prefix. */
const struct route *route_find(struct slice path, struct slice *rest);
bool route_allows(const struct route *route, enum http_method method);
/* "GET, HEAD" for the Allow header. */
const char *route_allow_text(const struct route *route);

route_handler route_chat, route_completion, route_embeddings, route_models, route_model,
	route_health, route_livez, route_readyz;

#endif
