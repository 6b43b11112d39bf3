/* demo_embedding.c: a bag of letter groups, hashed into a fixed number of dimensions. */
#include "workers/demo/demo_embedding.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/hash_table.h"
#include "base/json_scan.h"

#define GROUP 3u

static void add_group(const char *letters, size_t len, float *vector, unsigned dimensions)
{
	char lower[GROUP];
	uint64_t hash;

	for (size_t i = 0; i < len; i++)
		lower[i] = (char)tolower((unsigned char)letters[i]);
	hash = hash_stable(lower, len);
	vector[(hash >> 1) % dimensions] += hash & 1 ? 1.0F : -1.0F;
}

void demo_embedding_make(struct slice text, float *vector, unsigned dimensions)
{
	double sum = 0;

	memset(vector, 0, dimensions * sizeof(vector[0]));
	if (text.len > 0 && text.len < GROUP)
		add_group(text.data, text.len, vector, dimensions);
	for (size_t at = 0; at + GROUP <= text.len; at++)
		add_group(text.data + at, GROUP, vector, dimensions);
	for (unsigned i = 0; i < dimensions; i++)
		sum += (double)vector[i] * vector[i];
	if (sum == 0)
		vector[0] = 1.0F;
	for (unsigned i = 0; i < dimensions && sum > 0; i++)
		vector[i] = (float)(vector[i] / sqrt(sum));
}

static void write_base64(struct json_writer *json, const float *vector, unsigned dimensions)
{
	static const char letters[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	char text[(DEMO_DIMENSIONS_MAX * 4 + 2) / 3 * 4];
	unsigned char bytes[DEMO_DIMENSIONS_MAX * 4 + 2] = {0};
	size_t len = dimensions * 4u;
	size_t used = 0;

	/* Little-endian, as clients expect, whatever we run on. */
	for (unsigned i = 0; i < dimensions; i++) {
		uint32_t word;

		memcpy(&word, &vector[i], sizeof(word));
		for (unsigned byte = 0; byte < 4; byte++)
			bytes[i * 4 + byte] = (unsigned char)(word >> 8 * byte);
	}
	for (size_t at = 0; at < len; at += 3) {
		uint32_t group =
			(uint32_t)bytes[at] << 16 | (uint32_t)bytes[at + 1] << 8 | bytes[at + 2];

		for (unsigned i = 0; i < 4; i++)
			text[used++] = at + i > len ? '=' : letters[group >> (18 - 6 * i) & 63];
	}
	json_slice(json, slice_make(text, used));
}

static void write_vector(struct json_writer *json, const struct demo_ask *ask, struct slice text)
{
	float vector[DEMO_DIMENSIONS_MAX];

	demo_embedding_make(text, vector, ask->dimensions);
	if (ask->base64) {
		write_base64(json, vector, ask->dimensions);
		return;
	}
	json_array_open(json);
	for (unsigned i = 0; i < ask->dimensions; i++)
		json_double(json, (double)vector[i]);
	json_array_close(json);
}

static void write_item(
	struct json_writer *json, const struct demo_ask *ask, struct slice text, unsigned index)
{
	json_object_open(json);
	json_member_text(json, "object", "embedding");
	json_member_uint(json, "index", index);
	json_key(json, "embedding");
	write_vector(json, ask, text);
	json_object_close(json);
}

static bool refuse(struct demo_refusal *refusal, const char *sentence)
{
	refusal->id = HTTP_ERROR_BAD_REQUEST;
	refusal->param = "input";
	snprintf(refusal->sentence, sizeof(refusal->sentence), "%s", sentence);
	return false;
}

/* A string, an array of tokens (one input), or an array of either. */
static bool write_items(
	struct json_writer *json, const struct demo_ask *ask, struct demo_refusal *refusal)
{
	struct json_reader inputs;
	unsigned count = 0;

	json_reader_init(&inputs, ask->inputs, JSON_SCAN_DEPTH_MAX);
	if (json_peek(&inputs) == JSON_TYPE_STRING) {
		write_item(json, ask, slice_make(ask->inputs.data + 1, ask->inputs.len - 2), 0);
		return true;
	}
	json_enter_array(&inputs);
	for (; json_next_item(&inputs); count++) {
		enum json_type type = json_peek(&inputs);
		struct slice text;

		if (type == JSON_TYPE_NUMBER && count == 0) {
			write_item(json, ask, ask->inputs, 0);
			return true;
		}
		if (type != JSON_TYPE_STRING && type != JSON_TYPE_ARRAY)
			return refuse(
				refusal, "'input' must be a string, tokens, or an array of these.");
		if (count == DEMO_INPUTS_MAX)
			return refuse(refusal, "'input' may have at most 256 items here.");
		json_skip_span(&inputs, &text);
		write_item(json, ask,
			type == JSON_TYPE_STRING ? slice_make(text.data + 1, text.len - 2) : text,
			count);
	}
	return count > 0 || refuse(refusal, "'input' is empty.");
}

bool demo_embedding_write(
	const struct demo_ask *ask, struct buffer *out, struct demo_refusal *refusal)
{
	struct json_writer json;
	bool written;

	json_write_init(&json, out);
	json_object_open(&json);
	json_member_text(&json, "object", "list");
	json_key(&json, "data");
	json_array_open(&json);
	written = write_items(&json, ask, refusal);
	json_array_close(&json);
	json_member_text(&json, "model", ask->model->id);
	json_key(&json, "usage");
	json_object_open(&json);
	json_member_uint(&json, "prompt_tokens", ask->prompt_bytes / 4 + 1);
	json_member_uint(&json, "total_tokens", ask->prompt_bytes / 4 + 1);
	json_object_close(&json);
	json_object_close(&json);
	if (written && json.overflow)
		return refuse(refusal,
			"The answer would be too long; send fewer inputs or fewer dimensions.");
	return written;
}
