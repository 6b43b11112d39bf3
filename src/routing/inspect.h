/* inspect.h: what a request says, read in one strict pass over its JSON (specification F15).
 *
 * Yields what routing needs and the byte ranges of what may have to be edited, in the client's own bytes. Validates the
 * whole body. No DOM, no copy; pure. */
#ifndef NEXUS_ROUTING_INSPECT_H
#define NEXUS_ROUTING_INSPECT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/slice.h"

enum endpoint { ENDPOINT_CHAT, ENDPOINT_COMPLETION, ENDPOINT_EMBEDDINGS, ENDPOINT_COUNT };
extern const char *const endpoint_names[ENDPOINT_COUNT];

struct request_facts {
	enum endpoint endpoint;
	struct slice model;           /* decoded; in the body or the arena */
	struct span model_span;       /* the value with its quotes */
	bool stream;
	struct span stream_options;   /* the value, when present; null too, since it must be replaced */
	struct span include_usage;    /* its include_usage value, when present */
	bool wants_usage;             /* include_usage: true */
	uint64_t tokens_prompt;       /* all of the input; estimate, never too low by design: see token_estimate.h */
	uint64_t tokens_longest;      /* the longest input of a batch (else tokens_prompt): what one context must hold */
	bool tokens_exact;            /* both were counted (token arrays only), not estimated */
	uint64_t output_cap;          /* max_tokens / max_completion_tokens; 0 = none */
	bool has_images;
	bool has_tools;               /* present and non-empty */
	bool json_mode;               /* response_format json_object or json_schema */
	bool wants_base64;            /* embeddings: encoding_format base64 */
	bool has_history;             /* more than one user turn, or an assistant or tool message */
	struct slice user;            /* decoded; empty when not there */
	uint64_t conversation;        /* stable hash of the first messages, for affinity; 0 = none */
	struct span object_open;      /* the '{' of the body, where members are put in */
};

#define INSPECT_MODEL_MAX 128u    /* bytes of a model's name, decoded */

/* Why a body was refused: the field at fault (or NULL; in the arena) and a sentence that says where. */
struct inspect_problem {
	const char *param;
	struct error error;
};

/* `body` must stay as it is while the facts are used; what had to be decoded is the arena's. False: 400 with the
 * problem. Members that routing does not read are checked for form only. */
bool inspect_request(enum endpoint endpoint, struct slice body, unsigned max_depth, struct arena *arena,
	struct request_facts *facts, struct inspect_problem *problem);

#endif
