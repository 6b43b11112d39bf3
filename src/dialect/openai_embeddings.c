/* openai_embeddings.c: a copy of the answer in which only the arrays change. */
#include "dialect/openai_embeddings.h"

#include <endian.h>
#include <math.h>
#include <stdlib.h>

#include "base/json_scan.h"

struct conversion {
	struct json_reader json;
	struct buffer *out;
	struct buffer floats; /* of the embedding at hand */
	const char *copied;   /* up to here the answer is in `out` */
	struct error *err;
};

static bool append_base64(struct buffer *out, struct slice bytes)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	size_t len = (bytes.len + 2) / 3 * 4;
	char *at = buffer_reserve(out, len);

	if (!at)
		return false;
	for (size_t i = 0; i < bytes.len; i += 3, at += 4) {
		size_t left = bytes.len - i;
		uint32_t three = (uint32_t)(unsigned char)bytes.data[i] << 16;

		if (left > 1)
			three |= (uint32_t)(unsigned char)bytes.data[i + 1] << 8;
		if (left > 2)
			three |= (unsigned char)bytes.data[i + 2];
		at[0] = digits[three >> 18];
		at[1] = digits[three >> 12 & 63];
		at[2] = left > 1 ? digits[three >> 6 & 63] : '=';
		at[3] = left > 2 ? digits[three & 63] : '=';
	}
	buffer_commit(out, len);
	return true;
}

static bool refuse(struct conversion *run)
{
	size_t offset = (size_t)(run->json.at - run->json.start);
	const char *problem = json_problem(&run->json, &offset);

	return error_set(run->err,
		"the embeddings that the backend sent cannot be converted: %s (byte %zu)",
		problem ? problem : "a number is out of range", offset);
}

static bool too_long(struct conversion *run)
{
	return error_set(
		run->err, "the embeddings that the backend sent are too long to be converted");
}

/* Appends the array at hand to `floats`. The number's text ends at a byte that cannot belong to
 * one, inside the answer. */
static bool read_floats(struct conversion *run)
{
	struct slice number;

	buffer_clear(&run->floats);
	json_enter_array(&run->json);
	while (json_next_item(&run->json)) {
		uint32_t bits;
		float value;

		if (!json_read_number(&run->json, &number))
			return refuse(run);
		value = strtof(number.data, NULL);
		if (!isfinite(value))
			return refuse(run);
		memcpy(&bits, &value, sizeof(bits));
		bits = htole32(bits);
		if (!buffer_append(&run->floats, &bits, sizeof(bits)))
			return too_long(run);
	}
	return json_problem(&run->json, NULL) == NULL || refuse(run);
}

static bool convert_embedding(struct conversion *run)
{
	const char *start;

	if (json_peek(&run->json) != JSON_TYPE_ARRAY)
		return json_skip(&run->json) || refuse(run);
	start = run->json.at;
	if (!read_floats(run))
		return false;
	if (!buffer_append(run->out, run->copied, (size_t)(start - run->copied)) ||
		!buffer_append_text(run->out, "\"") ||
		!append_base64(run->out, buffer_slice(&run->floats)) ||
		!buffer_append_text(run->out, "\""))
		return too_long(run);
	run->copied = run->json.at;
	return true;
}

static bool convert_item(struct conversion *run)
{
	struct json_string key;

	if (json_peek(&run->json) != JSON_TYPE_OBJECT)
		return json_skip(&run->json) || refuse(run);
	json_enter_object(&run->json);
	while (json_next_member(&run->json, &key)) {
		if (json_string_is(key, "embedding")) {
			if (!convert_embedding(run))
				return false;
		} else if (!json_skip(&run->json)) {
			return refuse(run);
		}
	}
	return json_problem(&run->json, NULL) == NULL || refuse(run);
}

static bool convert_data(struct conversion *run)
{
	if (json_peek(&run->json) != JSON_TYPE_ARRAY)
		return json_skip(&run->json) || refuse(run);
	json_enter_array(&run->json);
	while (json_next_item(&run->json))
		if (!convert_item(run))
			return false;
	return json_problem(&run->json, NULL) == NULL || refuse(run);
}

static bool convert(struct conversion *run)
{
	struct json_string key;

	json_enter_object(&run->json);
	while (json_next_member(&run->json, &key)) {
		if (json_string_is(key, "data")) {
			if (!convert_data(run))
				return false;
		} else if (!json_skip(&run->json)) {
			return refuse(run);
		}
	}
	if (!json_finish(&run->json))
		return refuse(run);
	return buffer_append(run->out, run->copied, (size_t)(run->json.end - run->copied)) ||
	       too_long(run);
}

bool openai_embeddings_to_base64(struct slice answer, struct buffer *out, struct error *err)
{
	struct conversion run = {.out = out, .copied = answer.data, .err = err};
	size_t before = buffer_len(out);
	bool fine;

	json_reader_init(&run.json, answer, JSON_SCAN_DEPTH_MAX);
	buffer_init(&run.floats, answer.len * sizeof(float));
	fine = convert(&run);
	buffer_free(&run.floats);
	if (!fine)
		out->end = out->start + before;
	return fine;
}
