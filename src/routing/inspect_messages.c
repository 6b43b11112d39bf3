/* inspect_messages.c: the messages of a chat: how long, with pictures or not, the first of how many
 * turns.
 *
 * Text counts where it stands; whatever else a message holds (names, calls of tools,
 * reasoning) counts as the text it is written in. Pictures and other media are counted by the
 * piece, never by the length of their base64. */
#include "routing/inspection.h"

#include <endian.h>

/* How much of each of the first messages tells conversations apart. */
#define CONVERSATION_BYTES 128u

struct message {
	unsigned index;
	struct json_string role;
	struct slice content; /* the value as it stands */
	uint64_t tokens;
};

struct part {
	bool is_text;
	bool is_image;
	bool low_detail;
	uint64_t tokens;
};

static bool refuse_in(struct inspection *in, unsigned index, const char *member, const char *must)
{
	return inspection_refuse(
		in, arena_printf(in->arena, "messages[%u]%s", index, member), must);
}

static bool count_string(struct inspection *in, uint64_t *tokens)
{
	struct json_string text;

	if (!json_read_string(&in->json, &text))
		return false;
	*tokens += inspection_text_tokens(in, text);
	return true;
}

/* {"url": ..., "detail": "low"}, or the URL alone, as some clients send it. */
static bool read_image(struct inspection *in, struct part *part)
{
	struct json_string key;
	struct json_string detail;

	part->is_image = true;
	if (json_peek(&in->json) != JSON_TYPE_OBJECT)
		return json_skip(&in->json);
	json_enter_object(&in->json);
	while (json_next_member(&in->json, &key)) {
		if (!json_string_is(key, "detail") || json_peek(&in->json) != JSON_TYPE_STRING) {
			if (!json_skip(&in->json))
				return false;
			continue;
		}
		if (!json_read_string(&in->json, &detail))
			return false;
		part->low_detail = json_string_is(detail, "low");
	}
	return json_problem(&in->json, NULL) == NULL;
}

static bool read_part_type(struct inspection *in, struct part *part)
{
	struct json_string type;

	if (!json_read_string(&in->json, &type))
		return false;
	part->is_text = json_string_is(type, "text") || json_string_is(type, "input_text") ||
			json_string_is(type, "refusal");
	part->is_image |= json_string_is(type, "image_url") || json_string_is(type, "input_image");
	return true;
}

static bool read_part_member(struct inspection *in, struct part *part, struct json_string key)
{
	bool is_string = json_peek(&in->json) == JSON_TYPE_STRING;
	struct json_string detail;

	if (json_string_is(key, "image_url"))
		return read_image(in, part);
	if (is_string && json_string_is(key, "type"))
		return read_part_type(in, part);
	if (is_string && (json_string_is(key, "text") || json_string_is(key, "refusal")))
		return count_string(in, &part->tokens);
	if (!is_string || !json_string_is(key, "detail"))
		return json_skip(&in->json);
	if (!json_read_string(&in->json, &detail))
		return false;
	part->low_detail = json_string_is(detail, "low");
	return true;
}

static bool read_part(struct inspection *in, struct message *message)
{
	struct part part = {0};
	struct json_string key;

	if (json_peek(&in->json) == JSON_TYPE_STRING)
		return count_string(in, &message->tokens);
	if (json_peek(&in->json) == JSON_TYPE_INVALID)
		return json_skip(&in->json);
	if (json_peek(&in->json) != JSON_TYPE_OBJECT)
		return refuse_in(in, message->index, ".content", "must hold objects only");
	json_enter_object(&in->json);
	while (json_next_member(&in->json, &key))
		if (!read_part_member(in, &part, key))
			return false;
	in->facts->has_images |= part.is_image;
	if (part.is_image)
		part.tokens += part.low_detail ? TOKENS_A_LOW_IMAGE : TOKENS_AN_IMAGE;
	else if (!part.is_text)
		part.tokens += TOKENS_AN_IMAGE;
	message->tokens += part.tokens;
	return json_problem(&in->json, NULL) == NULL;
}

static bool read_content(struct inspection *in, struct message *message)
{
	enum json_type type = json_peek(&in->json);
	const char *start = in->json.at;

	if (message->content.data)
		return refuse_in(in, message->index, ".content", "is there twice");
	if (type == JSON_TYPE_STRING) {
		if (!count_string(in, &message->tokens))
			return false;
	} else if (type == JSON_TYPE_ARRAY) {
		json_enter_array(&in->json);
		while (json_next_item(&in->json))
			if (!read_part(in, message))
				return false;
	} else if (type == JSON_TYPE_NULL || type == JSON_TYPE_INVALID) {
		if (!json_skip(&in->json))
			return false;
	} else {
		return refuse_in(in, message->index, ".content",
			"must be a string, an array of parts, or null");
	}
	message->content = slice_make(start, (size_t)(in->json.at - start));
	return json_problem(&in->json, NULL) == NULL;
}

static bool read_role(struct inspection *in, struct message *message)
{
	enum json_type type = json_peek(&in->json);

	if (message->role.raw.data)
		return refuse_in(in, message->index, ".role", "is there twice");
	if (type == JSON_TYPE_INVALID)
		return json_skip(&in->json);
	if (type != JSON_TYPE_STRING)
		return refuse_in(in, message->index, ".role", "must be a string");
	return json_read_string(&in->json, &message->role);
}

static bool read_message(struct inspection *in, struct message *message)
{
	struct json_string key;

	if (json_peek(&in->json) == JSON_TYPE_INVALID)
		return json_skip(&in->json);
	if (json_peek(&in->json) != JSON_TYPE_OBJECT)
		return refuse_in(in, message->index, "", "must be an object");
	json_enter_object(&in->json);
	while (json_next_member(&in->json, &key)) {
		bool fine;

		if (json_string_is(key, "role"))
			fine = read_role(in, message);
		else if (json_string_is(key, "content"))
			fine = read_content(in, message);
		else
			fine = inspection_count_json(in, &message->tokens);
		if (!fine)
			return false;
	}
	return json_problem(&in->json, NULL) == NULL;
}

/* Eight bytes a step; the same in every process and release. */
static uint64_t mix(uint64_t hash, uint64_t word)
{
	hash = (hash ^ word) * UINT64_C(0xd6e8feb86659fd93);
	return hash ^ hash >> 32;
}

void inspection_note_opening(struct inspection *in, struct slice text)
{
	size_t len = text.len < CONVERSATION_BYTES ? text.len : CONVERSATION_BYTES;
	uint64_t hash = mix(in->facts->conversation, text.len);

	for (size_t at = 0; at < len; at += 8) {
		uint64_t word = 0;

		memcpy(&word, text.data + at, len - at < 8 ? len - at : 8);
		hash = mix(hash, le64toh(word));
	}
	/* Never 0, which means none. */
	in->facts->conversation = hash | 1;
}

/* The messages up to the first user's name the conversation; they come again, the same, with each
 * of its requests. */
static void note_turn(struct inspection *in, const struct message *message)
{
	bool is_user = json_string_is(message->role, "user");

	if (in->user_turns == 0 && !in->facts->has_history)
		inspection_note_opening(in, message->content);
	in->user_turns += is_user;
	if (in->user_turns > 1 || json_string_is(message->role, "assistant") ||
		json_string_is(message->role, "tool") || json_string_is(message->role, "function"))
		in->facts->has_history = true;
}

bool inspection_read_messages(struct inspection *in)
{
	unsigned count = 0;

	if (!inspection_expect(in, JSON_TYPE_ARRAY, "messages", "must be an array"))
		return false;
	json_enter_array(&in->json);
	while (json_next_item(&in->json)) {
		struct message message = {.index = count++, .tokens = TOKENS_A_MESSAGE};

		if (!read_message(in, &message))
			return false;
		note_turn(in, &message);
		in->tokens.prompt += message.tokens;
	}
	in->tokens.prompt += TOKENS_A_CHAT;
	in->has_text = true;
	if (json_problem(&in->json, NULL))
		return false;
	return count > 0 || inspection_refuse(in, "messages", "must not be empty");
}
