/* http_second_opinion.h: what llhttp makes of a head that our own pass has accepted. Private to
 * src/http.
 *
 * Two readers that know nothing of each other must take the same bytes for the same message. */
#ifndef NEXUS_HTTP_HTTP_SECOND_OPINION_H
#define NEXUS_HTTP_HTTP_SECOND_OPINION_H

#include "base/slice.h"
#include "http/http_fields.h"

enum http_opinion {
	HTTP_OPINION_SAME,           /* valid, with the same framing */
	HTTP_OPINION_UNKNOWN_METHOD, /* not a method llhttp has heard of */
	HTTP_OPINION_OTHER,          /* invalid, or framed differently */
};

enum http_opinion http_second_opinion_request(
	struct slice head, const struct http_framing *framing);
enum http_opinion http_second_opinion_response(
	struct slice head, const struct http_framing *framing);

#endif
