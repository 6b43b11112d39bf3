/* endpoint_proxy.c: the endpoints that go to a model server. */
#include "workers/request/exchange.h"
#include "workers/request/route.h"

void route_chat(struct client *client, struct slice rest)
{
	exchange_begin(client, ENDPOINT_CHAT);
}

void route_completion(struct client *client, struct slice rest)
{
	exchange_begin(client, ENDPOINT_COMPLETION);
}

void route_embeddings(struct client *client, struct slice rest)
{
	exchange_begin(client, ENDPOINT_EMBEDDINGS);
}
