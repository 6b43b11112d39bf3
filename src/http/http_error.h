/* http_error.h: our own error answers, from errors.def, in the envelope of the caller's dialect
 * (today OpenAI's). */
#ifndef NEXUS_HTTP_HTTP_ERROR_H
#define NEXUS_HTTP_HTTP_ERROR_H

#include <stdbool.h>

#include "base/buffer.h"
#include "base/slice.h"

enum http_error_id {
#define HTTP_ERROR(id, status, type, code, retry, label) HTTP_ERROR_##id,
#include "http/errors.def"
#undef HTTP_ERROR
	HTTP_ERROR_COUNT
};

struct http_error_row {
	const char *name;
	unsigned status;
	const char *type;
	const char *code;
	bool retryable;
	const char *label;
};
extern const struct http_error_row http_error_table[HTTP_ERROR_COUNT];

/* The row for a status that the HTTP front gave (400, 413, 414, 417, 431, 501, 505). */
enum http_error_id http_error_of_status(unsigned status);

/* Appends {"error":{"message","type","param","code"}} and nothing else. `param` NULL writes null;
 * `context`, unless empty, is a JSON value put in as error.context. `message` is escaped. False
 * when the buffer is full. */
bool http_error_body(struct buffer *out, enum http_error_id id, struct slice message,
	const char *param, struct slice context);

/* The standard reason phrase of a status, e.g. "Bad Gateway". */
const char *http_status_text(unsigned status);

#endif
