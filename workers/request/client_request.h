/* client_request.h: assembling a request from a client's bytes and the checks that need no model:
 * limits, framing, Host, path, method, Expect, CORS. Inside of client.c's life; nobody else calls
 * this. */
#ifndef NEXUS_REQUEST_CLIENT_REQUEST_H
#define NEXUS_REQUEST_CLIENT_REQUEST_H

struct client;

/* Goes as far as the bytes in client->in allow: head, body, then the route's handler. Loops over
 * pipelined requests that are answered at once; flushes what it has answered, after which the
 * client may be closed. */
void client_advance(struct client *client);
/* The answer to come is to no request that was read: an id of its own, and nothing of the request
 * before. */
void client_forget_request(struct client *client);

#endif
