/* ask_headers.c: a few header values, read strictly. */
#include "workers/request/ask_headers.h"

#include "base/hash_table.h"
#include "http/http_request.h"

/* The first that is there; the second is how Claude Code names its conversation. */
static const char *const session_headers[] = {"x-nexus-session", "x-claude-code-session-id"};

static bool read_flag(
	const struct http_request *head, const char *name, bool *out, struct error *err)
{
	struct slice value = http_request_header(head, name);

	*out = slice_is_nocase(value, "true");
	return !value.data || *out || slice_is_nocase(value, "false") ||
	       error_set(err, "The header %s must be true or false.", name);
}

static uint64_t read_session(const struct http_request *head)
{
	for (size_t i = 0; i < sizeof(session_headers) / sizeof(*session_headers); i++) {
		struct slice value = http_request_header(head, session_headers[i]);

		if (value.len > 0)
			return hash_stable(value.data, value.len) | 1u;
	}
	return 0;
}

bool ask_headers_read(const struct http_request *head, struct ask_headers *out, struct error *err)
{
	bool strict;
	bool flexible;

	if (!read_flag(head, "X-Nexus-Strict", &strict, err) ||
		!read_flag(head, "X-Nexus-Flexible", &flexible, err))
		return false;
	if (strict && flexible)
		return error_set(err, "X-Nexus-Strict and X-Nexus-Flexible cannot both be true.");
	out->substitutes = strict     ? SUBSTITUTES_NONE
			   : flexible ? SUBSTITUTES_SAME_TIER
				      : SUBSTITUTES_CHAIN;
	out->session = read_session(head);
	return true;
}
