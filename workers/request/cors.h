/* cors.h: what browsers' pages may do. Nothing, unless server.cors_origins names their origin;
 * never reflected, never with credentials. */
#ifndef NEXUS_REQUEST_CORS_H
#define NEXUS_REQUEST_CORS_H

#include <stdbool.h>

#include "base/buffer.h"
#include "http/http_request.h"

struct client;

/* Answers an OPTIONS request of a listed origin; false: it is none, and goes the way of other
 * requests. */
bool cors_answer_preflight(struct client *client, const struct http_request *head);
/* Notes the origin of the request at hand, if it is listed. A page of another origin that posts
 * without a preflight (no application/json) is refused here: true means that it may go on. */
bool cors_check(struct client *client, const struct http_request *head);
/* The headers of an answer to the origin noted. */
void cors_add_headers(const struct client *client, struct buffer *out);

#endif
