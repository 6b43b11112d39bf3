/* demo_answer.h: an answer of the demonstration model on its way: the bodies and events it is made
 * of, and its pace. Pure but for the identifier and the date it takes at its start. Knows no
 * sockets. */
#ifndef NEXUS_WORKERS_DEMO_DEMO_ANSWER_H
#define NEXUS_WORKERS_DEMO_DEMO_ANSWER_H

#include "base/buffer.h"
#include "workers/demo/demo_ask.h"
#include "workers/demo/demo_text.h"

#define DEMO_TOOL_NAME_MAX 130u

/* Milliseconds to the first token, between two tokens, and at most how much longer. */
struct demo_pace {
	unsigned first_ms;
	unsigned token_ms;
	unsigned jitter_ms;
};

struct demo_answer {
	enum demo_kind kind; /* chat or completion */
	const char *model;
	bool include_usage;
	bool begun;
	char id[40];
	int64_t created_s;
	uint64_t prompt_tokens;
	uint64_t completion_tokens;
	char tool[DEMO_TOOL_NAME_MAX + 1]; /* the function to call, in quotes; or empty */
	struct demo_text text;
};

/* Nothing of `ask` is needed afterwards. */
void demo_answer_init(struct demo_answer *answer, const struct demo_ask *ask);

/* Appends what is to be streamed next, as server-sent events. False when that was the last. */
bool demo_answer_next(struct demo_answer *answer, struct buffer *out);
/* Milliseconds before the next call. */
unsigned demo_answer_delay_ms(struct demo_answer *answer, const struct demo_pace *pace);

/* Appends the whole answer as one JSON body; returns how many milliseconds it takes to think of it.
 */
unsigned demo_answer_whole(
	struct demo_answer *answer, const struct demo_pace *pace, struct buffer *out);

/* The bodies of /v1/models, and of /v1/models/{id} (false when there is no such model). */
void demo_models_write(struct buffer *out);
bool demo_model_write(struct slice id, struct buffer *out);

#endif
