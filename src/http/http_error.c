/* http_error.c: the table of our own errors, and their body. Owns nothing; never sees a request. */
#include "http/http_error.h"

#include <stddef.h>

#include "base/fatal.h"
#include "base/json_write.h"

const struct http_error_row http_error_table[HTTP_ERROR_COUNT] = {
#define HTTP_ERROR(id, status, type, code, retry, label) {#id, status, type, code, retry, label},
#include "http/errors.def"
#undef HTTP_ERROR
};

enum http_error_id http_error_of_status(unsigned status)
{
	switch (status) {
	case 400: return HTTP_ERROR_BAD_REQUEST;
	case 408: return HTTP_ERROR_REQUEST_TIMEOUT;
	case 413: return HTTP_ERROR_BODY_TOO_LARGE;
	case 414: return HTTP_ERROR_URI_TOO_LONG;
	case 417: return HTTP_ERROR_EXPECTATION_FAILED;
	case 431: return HTTP_ERROR_HEADERS_TOO_LARGE;
	case 501: return HTTP_ERROR_NOT_IMPLEMENTED;
	case 505: return HTTP_ERROR_HTTP_VERSION;
	default: panic("no error row for status %u of the HTTP front", status);
	}
}

bool http_error_body(struct buffer *out, enum http_error_id id, struct slice message,
	const char *param, struct slice context)
{
	const struct http_error_row *row = &http_error_table[id];
	struct json_writer json;

	invariant((unsigned)id < HTTP_ERROR_COUNT);
	json_write_init(&json, out);
	json_object_open(&json);
	json_key(&json, "error");
	json_object_open(&json);
	json_key(&json, "message");
	json_slice(&json, message);
	json_member_text(&json, "type", row->type);
	json_member_text(&json, "param", param);
	json_member_text(&json, "code", row->code);
	if (context.len > 0) {
		json_key(&json, "context");
		json_raw(&json, context);
	}
	json_object_close(&json);
	json_object_close(&json);
	return !json.overflow;
}

/* clang-format off */
static const char *const status_texts[] = {
	[100] = "Continue",
	[200] = "OK",
	[201] = "Created",
	[202] = "Accepted",
	[204] = "No Content",
	[206] = "Partial Content",
	[301] = "Moved Permanently",
	[302] = "Found",
	[303] = "See Other",
	[304] = "Not Modified",
	[307] = "Temporary Redirect",
	[308] = "Permanent Redirect",
	[400] = "Bad Request",
	[401] = "Unauthorized",
	[402] = "Payment Required",
	[403] = "Forbidden",
	[404] = "Not Found",
	[405] = "Method Not Allowed",
	[406] = "Not Acceptable",
	[408] = "Request Timeout",
	[409] = "Conflict",
	[410] = "Gone",
	[411] = "Length Required",
	[412] = "Precondition Failed",
	[413] = "Content Too Large",
	[414] = "URI Too Long",
	[415] = "Unsupported Media Type",
	[417] = "Expectation Failed",
	[421] = "Misdirected Request",
	[422] = "Unprocessable Content",
	[424] = "Failed Dependency",
	[425] = "Too Early",
	[426] = "Upgrade Required",
	[428] = "Precondition Required",
	[429] = "Too Many Requests",
	[431] = "Request Header Fields Too Large",
	[451] = "Unavailable For Legal Reasons",
	[500] = "Internal Server Error",
	[501] = "Not Implemented",
	[502] = "Bad Gateway",
	[503] = "Service Unavailable",
	[504] = "Gateway Timeout",
	[505] = "HTTP Version Not Supported",
	[507] = "Insufficient Storage",
	[508] = "Loop Detected",
	[511] = "Network Authentication Required",
	[529] = "Overloaded",
};
/* clang-format on */

const char *http_status_text(unsigned status)
{
	bool known = status < sizeof(status_texts) / sizeof(status_texts[0]) && status_texts[status];

	return known ? status_texts[status] : "Unknown";
}
