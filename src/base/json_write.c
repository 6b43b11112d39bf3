/* json_write.c: the writer. */
#include "base/json_write.h"

#include <inttypes.h>
#include <math.h>

#include "base/fatal.h"
#include "base/text.h"

#define JSON_DEPTH_MAX 32u

void json_write_init(struct json_writer *json, struct buffer *out)
{
	*json = (struct json_writer){.out = out};
}

static void put(struct json_writer *json, const char *data, size_t len)
{
	if (!buffer_append(json->out, data, len))
		json->overflow = true;
}

/* The comma before an item, unless it is the first of its level or the value of a key. */
static void begin_item(struct json_writer *json)
{
	uint32_t bit = 1u << json->depth;

	if (json->after_key) {
		json->after_key = false;
		return;
	}
	if (json->depth > 0 && (json->has_items & bit))
		put(json, ",", 1);
	json->has_items |= bit;
}

static void open(struct json_writer *json, const char *bracket)
{
	begin_item(json);
	put(json, bracket, 1);
	json->depth++;
	invariant(json->depth < JSON_DEPTH_MAX);
	json->has_items &= ~(1u << json->depth);
}

static void close(struct json_writer *json, const char *bracket)
{
	invariant(json->depth > 0 && !json->after_key);
	json->depth--;
	put(json, bracket, 1);
}

void json_object_open(struct json_writer *json)
{
	open(json, "{");
}

void json_object_close(struct json_writer *json)
{
	close(json, "}");
}

void json_array_open(struct json_writer *json)
{
	open(json, "[");
}

void json_array_close(struct json_writer *json)
{
	close(json, "]");
}

static void put_string(struct json_writer *json, struct slice text)
{
	/* In pieces, so that any length is escaped with a buffer on the stack; cut at character
	 * boundaries. */
	char piece[384];

	put(json, "\"", 1);
	while (text.len > 0) {
		size_t take = text.len < 48 ? text.len : 48;

		while (take < text.len && take < 52 &&
			((unsigned char)text.data[take] & 0xc0) == 0x80)
			take++;
		put(json, piece,
			text_escape(piece, sizeof(piece), slice_make(text.data, take),
				TEXT_ESCAPE_JSON));
		text = slice_make(text.data + take, text.len - take);
	}
	put(json, "\"", 1);
}

void json_key(struct json_writer *json, const char *name)
{
	begin_item(json);
	put_string(json, slice_of(name));
	put(json, ":", 1);
	json->after_key = true;
}

void json_slice(struct json_writer *json, struct slice text)
{
	begin_item(json);
	put_string(json, text);
}

void json_text(struct json_writer *json, const char *text)
{
	if (text)
		json_slice(json, slice_of(text));
	else
		json_nothing(json);
}

void json_int(struct json_writer *json, int64_t value)
{
	begin_item(json);
	if (!buffer_printf(json->out, "%" PRId64, value))
		json->overflow = true;
}

void json_uint(struct json_writer *json, uint64_t value)
{
	begin_item(json);
	if (!buffer_printf(json->out, "%" PRIu64, value))
		json->overflow = true;
}

void json_double(struct json_writer *json, double value)
{
	if (!isfinite(value)) {
		json_nothing(json);
		return;
	}
	begin_item(json);
	if (!buffer_printf(json->out, "%.6g", value))
		json->overflow = true;
}

void json_bool(struct json_writer *json, bool value)
{
	json_raw(json, slice_of(value ? "true" : "false"));
}

void json_nothing(struct json_writer *json)
{
	json_raw(json, SLICE_LITERAL("null"));
}

void json_raw(struct json_writer *json, struct slice value)
{
	begin_item(json);
	put(json, value.data, value.len);
}

void json_member_text(struct json_writer *json, const char *name, const char *text)
{
	json_key(json, name);
	json_text(json, text);
}

void json_member_uint(struct json_writer *json, const char *name, uint64_t value)
{
	json_key(json, name);
	json_uint(json, value);
}

void json_member_bool(struct json_writer *json, const char *name, bool value)
{
	json_key(json, name);
	json_bool(json, value);
}

void json_member_double(struct json_writer *json, const char *name, double value)
{
	json_key(json, name);
	json_double(json, value);
}
