/* inspect.h: what a request says, read in one strict pass over its JSON (specification F15).
 *
 * Yields what routing needs and the byte ranges of what may have to be edited, in the client's own
 * bytes. Validates the whole body. How many tokens it is comes as an upper bound; estimating them
 * is a second pass, which few requests need. No DOM, no copy but of names; pure. */
#ifndef NEXUS_ROUTING_INSPECT_H
#define NEXUS_ROUTING_INSPECT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/slice.h"

enum endpoint { ENDPOINT_CHAT, ENDPOINT_COMPLETION, ENDPOINT_EMBEDDINGS, ENDPOINT_COUNT };
extern const char *const endpoint_names[ENDPOINT_COUNT];

struct token_count {
	uint64_t prompt;  /* all of the input */
	uint64_t longest; /* the longest input of a batch (else all of it): what one context must
			     hold */
};

struct request_facts {
	enum endpoint endpoint;
	struct slice model;     /* decoded; the arena's, so that it outlives the body */
	struct span model_span; /* the value with its quotes */
	bool stream;
	struct span
		stream_options; /* the value, when present; null too, since it must be replaced */
	struct span include_usage; /* its include_usage value, when present */
	bool wants_usage;          /* include_usage: true */
	struct token_count
		tokens_bound; /* costs nothing: its bytes; never below request_tokens() */
	bool tokens_exact; /* nothing to estimate (token arrays only): the bound is the count itself
			    */
	uint64_t output_cap; /* max_tokens / max_completion_tokens; 0 = none */
	bool has_images;
	bool has_tools;          /* present and non-empty */
	bool json_mode;          /* response_format json_object or json_schema */
	bool wants_base64;       /* embeddings: encoding_format base64 */
	bool has_history;        /* more than one user turn, or an assistant or tool message */
	struct slice user;       /* decoded; in the body or the arena; empty when not there */
	uint64_t conversation;   /* stable hash of the first messages, for affinity; 0 = none */
	struct span object_open; /* the '{' of the body, where members are put in */
	/* For request_tokens alone. */
	struct slice body;
	unsigned max_depth;
	bool tokens_known;
	struct token_count tokens;
};

#define INSPECT_MODEL_MAX 128u /* bytes of a model's name, decoded */

/* Why a body was refused: the field at fault (or NULL; in the arena) and a sentence that says
 * where. */
struct inspect_problem {
	const char *param;
	struct error error;
};

/* `body` must stay as it is while the facts are used (the model's name may be used longer); what
 * had to be decoded is the arena's. False: 400 with the problem. Members that routing does not read
 * are checked for form only. */
bool inspect_request(enum endpoint endpoint, struct slice body, unsigned max_depth,
	struct arena *arena, struct request_facts *facts, struct inspect_problem *problem);

/* How many tokens the input may be: an estimate, never too low by design (token_estimate.h). The
 * first call reads the body again, at about a nanosecond a byte, so ask only where the bound does
 * not answer the question already. */
struct token_count request_tokens(struct request_facts *facts);

#endif
