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

const char *http_status_text(unsigned status)
{
	switch (status) {
	case 100: return "Continue";
	case 200: return "OK";
	case 201: return "Created";
	case 202: return "Accepted";
	case 204: return "No Content";
	case 206: return "Partial Content";
	case 301: return "Moved Permanently";
	case 302: return "Found";
	case 303: return "See Other";
	case 304: return "Not Modified";
	case 307: return "Temporary Redirect";
	case 308: return "Permanent Redirect";
	case 400: return "Bad Request";
	case 401: return "Unauthorized";
	case 402: return "Payment Required";
	case 403: return "Forbidden";
	case 404: return "Not Found";
	case 405: return "Method Not Allowed";
	case 406: return "Not Acceptable";
	case 408: return "Request Timeout";
	case 409: return "Conflict";
	case 410: return "Gone";
	case 411: return "Length Required";
	case 412: return "Precondition Failed";
	case 413: return "Content Too Large";
	case 414: return "URI Too Long";
	case 415: return "Unsupported Media Type";
	case 417: return "Expectation Failed";
	case 421: return "Misdirected Request";
	case 422: return "Unprocessable Content";
	case 424: return "Failed Dependency";
	case 425: return "Too Early";
	case 426: return "Upgrade Required";
	case 428: return "Precondition Required";
	case 429: return "Too Many Requests";
	case 431: return "Request Header Fields Too Large";
	case 451: return "Unavailable For Legal Reasons";
	case 500: return "Internal Server Error";
	case 501: return "Not Implemented";
	case 502: return "Bad Gateway";
	case 503: return "Service Unavailable";
	case 504: return "Gateway Timeout";
	case 505: return "HTTP Version Not Supported";
	case 507: return "Insufficient Storage";
	case 508: return "Loop Detected";
	case 511: return "Network Authentication Required";
	case 529: return "Overloaded";
	default: return "Unknown";
	}
}
