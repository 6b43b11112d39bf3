/* inspection.h: an inspection under way. Private to inspect.c and inspect_messages.c. */
#ifndef NEXUS_ROUTING_INSPECTION_H
#define NEXUS_ROUTING_INSPECTION_H

#include "base/json_scan.h"
#include "routing/inspect.h"

/* What a chat costs besides its text, by the published rules: the frame of a message and the start
 * of the answer. */
#define TOKENS_A_MESSAGE 4u
#define TOKENS_A_CHAT    3u
/* The largest published price of one picture (2048 x 2048 in patches), and of one asked for in low
 * detail. */
#define TOKENS_AN_IMAGE    3000u
#define TOKENS_A_LOW_IMAGE 85u

struct inspection {
	struct json_reader json;
	struct request_facts *facts;
	struct inspect_problem *problem;
	struct arena *arena;
	uint32_t seen; /* one bit a field */
	unsigned user_turns;
	struct token_count tokens;
	uint64_t tokens_inputs; /* of tokens.prompt, those of the prompts or inputs themselves */
	bool estimates;         /* estimate the tokens of texts, instead of bounding them */
	bool has_text;          /* not everything was counted exactly */
};

/* Notes that the value now at hand is wrong: "`param` must be ... (line 1, column 2)". Returns
 * false. */
bool inspection_refuse(struct inspection *in, const char *param, const char *must);
/* True when the next value is of that type; else refuses it, unless there is no JSON value at all.
 */
bool inspection_expect(
	struct inspection *in, enum json_type type, const char *param, const char *must);
/* Consumes a null, if that is what comes next. */
bool inspection_take_null(struct inspection *in);
/* The tokens of a text, estimated or bounded by its bytes. */
uint64_t inspection_text_tokens(struct inspection *in, struct json_string text);
/* Passes over the next value; *tokens grows by those of its text, written as JSON. */
bool inspection_count_json(struct inspection *in, uint64_t *tokens);

/* A text that is among the first: its beginning and its length name the conversation. */
void inspection_note_opening(struct inspection *in, struct slice text);

/* The `messages` of a chat. */
bool inspection_read_messages(struct inspection *in);

#endif
