/* demo_ask.h: what a client asks of the demonstration model, read from a request's JSON body. Pure;
 * slices point into the body, which must stay. */
#ifndef NEXUS_WORKERS_DEMO_DEMO_ASK_H
#define NEXUS_WORKERS_DEMO_DEMO_ASK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "http/http_error.h"

#define DEMO_INPUTS_MAX     256u
#define DEMO_DIMENSIONS_MAX 1024u
#define DEMO_DIMENSIONS     256u

struct demo_model {
	const char *id;
	bool sees_images;
};
#define DEMO_MODELS 2u
extern const struct demo_model demo_models[DEMO_MODELS];
#define DEMO_CONTEXT_LENGTH 8192u

enum demo_kind { DEMO_CHAT, DEMO_COMPLETION, DEMO_EMBEDDING };

struct demo_ask {
	enum demo_kind kind;
	const struct demo_model *model;
	bool stream;
	bool include_usage;
	uint64_t max_tokens; /* UINT64_MAX: as many as come */
	struct slice text;   /* the last user message, or the prompt, as it stands in the JSON */
	uint64_t prompt_bytes;
	unsigned images;
	struct slice tool;   /* the name of the function to call, in its quotes; empty: none */
	struct slice inputs; /* to embed: a JSON value */
	bool base64;
	unsigned dimensions;
};

/* Why a request is refused. */
struct demo_refusal {
	enum http_error_id id;
	const char *param; /* NULL: none */
	char sentence[256];
};

bool demo_ask_read(
	struct demo_ask *ask, enum demo_kind kind, struct slice body, struct demo_refusal *refusal);

#endif
