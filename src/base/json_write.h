/* json_write.h: writing JSON into a buffer, comma and quote exact by construction.
 *
 * The writer knows where it is (first item or not, object or array) and escapes every string it is
 * given. A document that would pass the buffer's limit is marked `overflow` and must not be used.
 * Depth is at most 32. */
#ifndef NEXUS_BASE_JSON_WRITE_H
#define NEXUS_BASE_JSON_WRITE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"

struct json_writer {
	struct buffer *out;
	uint32_t has_items; /* one bit a level */
	unsigned depth;
	bool after_key;
	bool overflow;
};

void json_write_init(struct json_writer *json, struct buffer *out);
void json_object_open(struct json_writer *json);
void json_object_close(struct json_writer *json);
void json_array_open(struct json_writer *json);
void json_array_close(struct json_writer *json);
/* A member's name; exactly one value must follow. */
void json_key(struct json_writer *json, const char *name);
void json_slice(struct json_writer *json, struct slice text);
void json_text(struct json_writer *json, const char *text); /* NULL writes null */
void json_int(struct json_writer *json, int64_t value);
void json_uint(struct json_writer *json, uint64_t value);
void json_double(
	struct json_writer *json, double value); /* six significant digits; not finite: null */
void json_bool(struct json_writer *json, bool value);
void json_nothing(struct json_writer *json); /* null */
/* Bytes that are already a JSON value. */
void json_raw(struct json_writer *json, struct slice value);

/* Members in one call. */
void json_member_text(struct json_writer *json, const char *name, const char *text);
void json_member_uint(struct json_writer *json, const char *name, uint64_t value);
void json_member_bool(struct json_writer *json, const char *name, bool value);
void json_member_double(struct json_writer *json, const char *name, double value);

#endif
