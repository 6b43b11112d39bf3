/* backend.h: what Nexus knows of each kind of model server: its paths, how it is probed, how its answers are read.
 *
 * A kind is one const ops struct in backend_table. Ops do no I/O: the health worker sends what `next` asks for and feeds
 * the answers back, so the same code is tested with recorded answers. jansson is known here. */
#ifndef NEXUS_BACKEND_BACKEND_H
#define NEXUS_BACKEND_BACKEND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/slice.h"
#include "registry/registry.h"

enum probe_verdict {
	PROBE_FAILED,  /* err says why */
	PROBE_HEALTHY, /* answers and can serve */
	PROBE_WARMING, /* answers, still loading */
};

struct probe_model {
	const char *id;
	const char *name;
	const char *digest; /* of Ollama: facts are cached by it; else NULL */
	uint32_t context_length;
	uint32_t max_output_tokens;
	uint8_t vision, tools, json_mode, embeddings; /* enum knowledge */
	bool loaded;
};

/* What one round of requests to a server has shown. Memory is the arena's. */
struct probe_result {
	struct arena *arena;
	enum probe_verdict verdict;
	struct probe_model *models;
	size_t model_count;
	uint64_t engine_waiting;
	bool has_engine_waiting;
	const char *version;
	struct error error;
};

/* One request of a probe. */
struct probe_step {
	const char *method; /* "GET" or "POST" */
	const char *path;   /* appended to the backend's URL */
	const char *body;   /* JSON, or NULL */
	/* Reads the answer into the result. `optional`: a status that is not 2xx is no failure. Returns false, with
	 * result->verdict and error set, to end the probe there. */
	bool (*read)(struct probe_result *result, unsigned status, struct slice body, void *memory);
	bool optional;
	void *memory;
};

struct backend_ops {
	const char *name;      /* `type` in the configuration */
	const char *title;     /* for people: "Ollama" */
	bool is_cloud;
	uint16_t default_port;
	const char *api_prefix; /* before /chat/completions: "/v1" */
	const char *key_header; /* how an API key is sent: "Authorization" (Bearer) for OpenAI's dialect */
	/* The next step of a probe, or NULL when the probe is complete. `step` counts from 0. */
	const struct probe_step *(*probe_next)(unsigned step, struct probe_result *result);
};

extern const struct backend_ops *const backend_table[]; /* ends with NULL */
const struct backend_ops *backend_ops_by_name(const char *name);

#endif
