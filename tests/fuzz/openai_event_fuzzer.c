/* Whatever a server sends: what is called valid is JSON with its spans inside, and no byte outside
 * is read or written. */
#include <stdlib.h>

#include "base/fatal.h"
#include "base/memory.h"
#include "dialect/openai_embeddings.h"
#include "dialect/openai_event.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool is_object(struct slice text)
{
	struct json_reader json;

	json_reader_init(&json, text, JSON_SCAN_DEPTH_MAX);
	return json_peek(&json) == JSON_TYPE_OBJECT && json_skip(&json) && json_finish(&json);
}

static void check_word(struct json_string word)
{
	char *out = memory_alloc(word.raw.len + 1);

	invariant(json_string_decode(word, out, word.raw.len + 1) <= word.raw.len);
	free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice text = slice_make((const char *)data, size);
	struct openai_event_facts facts;
	struct buffer out;

	openai_event_read(text, &facts);
	invariant(facts.valid == is_object(text));
	if (facts.valid && facts.model_span.length > 0)
		invariant(facts.model_span.offset + facts.model_span.length < size &&
			  text.data[facts.model_span.offset] == '"');
	if (facts.valid) {
		check_word(facts.error_message);
		check_word(facts.error_type);
		check_word(facts.error_code);
	}
	buffer_init(&out, 1000);
	if (openai_embeddings_to_base64(text, &out, NULL))
		invariant(is_object(buffer_slice(&out)));
	else
		invariant(buffer_len(&out) == 0);
	buffer_free(&out);
	return 0;
}
