/* demo_tool.c: looking for functions' names in what the user said. */
#include "workers/demo/demo_tool.h"

#include <ctype.h>

#include "base/json_scan.h"

#define WORD_MIN 4u

static bool has_word(struct slice text, struct slice word)
{
	for (size_t at = 0; at + word.len <= text.len; at++)
		if (strncasecmp(text.data + at, word.data, word.len) == 0)
			return true;
	return false;
}

/* The whole name, or one of the words between its underscores and hyphens. */
static bool speaks_of(struct slice text, struct slice name)
{
	size_t start = 0;

	if (name.len == 0 || has_word(text, name))
		return name.len > 0;
	for (size_t at = 0; at <= name.len; at++) {
		if (at < name.len && isalnum((unsigned char)name.data[at]))
			continue;
		if (at - start >= WORD_MIN &&
			has_word(text, slice_make(name.data + start, at - start)))
			return true;
		start = at + 1;
	}
	return false;
}

/* Enters {"function":{"name":...}} at the reader's place and passes over it; the name in its
 * quotes, or empty. */
static struct slice read_name(struct json_reader *json)
{
	struct slice name = slice_make(NULL, 0);
	struct json_string key;
	struct json_string inner;

	if (json_peek(json) != JSON_TYPE_OBJECT) {
		json_skip(json);
		return name;
	}
	json_enter_object(json);
	while (json_next_member(json, &key)) {
		if (!json_string_is(key, "function") || json_peek(json) != JSON_TYPE_OBJECT) {
			json_skip(json);
			continue;
		}
		json_enter_object(json);
		while (json_next_member(json, &inner)) {
			bool is_name = json_string_is(inner, "name") &&
				       json_peek(json) == JSON_TYPE_STRING;
			struct slice value;

			if (json_skip_span(json, &value) && is_name)
				name = value;
		}
	}
	return name;
}

/* The function that {"type":"function","function":{"name":...}} names. */
static struct slice named_choice(struct slice choice)
{
	struct json_reader json;

	json_reader_init(&json, choice, JSON_SCAN_DEPTH_MAX);
	return read_name(&json);
}

struct slice demo_tool_choose(struct slice tools, struct slice choice, struct slice text)
{
	struct slice first = slice_make(NULL, 0);
	struct json_reader json;

	json_reader_init(&json, tools, JSON_SCAN_DEPTH_MAX);
	if (slice_is(choice, "\"none\"") || json_peek(&json) != JSON_TYPE_ARRAY)
		return first;
	if (choice.len > 0 && choice.data[0] == '{')
		return named_choice(choice);
	json_enter_array(&json);
	while (json_next_item(&json)) {
		struct slice name = read_name(&json);

		if (name.len > 2 && speaks_of(text, slice_make(name.data + 1, name.len - 2)))
			return name;
		if (first.len == 0)
			first = name;
	}
	return slice_is(choice, "\"required\"") ? first : slice_make(NULL, 0);
}
