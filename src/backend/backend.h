/* backend.h: what Nexus knows of each kind of model server: its paths, how it is probed, how its
 * answers are read.
 *
 * A kind is one const ops struct in backend_table. Ops do no I/O: the health worker sends what
 * `probe_next` asks for and feeds the answers back, so the same code is tested with recorded
 * answers. One round:
 *
 *     probe_begin(&result, &arena, memory);
 *     for (unsigned n = 0; (step = ops->probe_next(n, &result)); n++) {
 *             send step->method, step->path, step->body; bound the answer by PROBE_BODY_MAX;
 *             no answer: if (step->optional) continue; else probe_fail(&result, "..."), stop;
 *             any answer, whatever its status: if (!step->read(&result, status, body)) stop;
 *     }
 *     result.verdict, result.error, result.models say what came out
 *
 * Texts that come from a server are bounded and free of control bytes before they are handed out;
 * what had to be left out is counted and said in `note`. jansson is known here. */
#ifndef NEXUS_BACKEND_BACKEND_H
#define NEXUS_BACKEND_BACKEND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/slice.h"
#include "registry/registry.h"

/* An answer longer than this is a failure of the probe ("answer of more than 8 MiB from ..."). */
#define PROBE_BODY_MAX (8u << 20)
#define PROBE_NAME_MAX 128u /* bytes of a model's id or name */

enum probe_verdict {
	PROBE_FAILED,  /* error says why */
	PROBE_HEALTHY, /* answers and can serve */
	PROBE_WARMING, /* answers, still loading; error says what it said */
};

struct probe_model {
	const char *id;
	const char *name;
	const char *digest;      /* of Ollama: facts are remembered by it; else NULL */
	uint32_t context_length; /* tokens; 0 = unknown */
	uint32_t max_output_tokens;
	/* enum knowledge; for embeddings see registry.h */
	uint8_t vision, tools, json_mode, embeddings;
	bool loaded;
};

/* What is remembered of one server from round to round, so that a round need not ask again. */
struct probe_memory;
struct probe_memory *probe_memory_new(void);
void probe_memory_free(struct probe_memory **memory);

/* What one round of requests to a server has shown. Memory is the arena's; the verdict is final
 * when the round ends. */
struct probe_result {
	struct arena *arena;
	struct probe_memory *memory; /* the server's; may be NULL */
	enum probe_verdict verdict;
	struct probe_model *models; /* no id twice, at most REGISTRY_MODELS_MAX */
	size_t model_count;
	size_t models_dropped;   /* unusable names, and what was over the bound */
	uint64_t engine_waiting; /* requests in the server's own queue */
	bool has_engine_waiting;
	uint32_t slots;      /* requests it serves at once, when it says so; 0 = unknown */
	const char *version; /* NULL = unknown */
	const char *note;    /* odd, but no failure: one sentence for the log, or NULL */
	struct error error;
	void *progress; /* of the ops */
};

/* One request of a probe. */
struct probe_step {
	const char *method; /* "GET" or "POST" */
	const char *path;   /* appended to the backend's URL */
	const char *body;   /* JSON, or NULL */
	bool optional;      /* no answer (a time-out, a broken connection) is no failure either */
	/* Reads an answer, whatever its status, into the result. False, with verdict and error set,
	 * ends the round. */
	bool (*read)(struct probe_result *result, unsigned status, struct slice body);
};

struct backend_ops {
	const char *name;  /* `type` in the configuration */
	const char *title; /* for people: "Ollama" */
	bool is_cloud;
	uint16_t default_port;  /* 0: by the URL's scheme */
	const char *api_prefix; /* before /chat/completions: "/v1" */
	const char *key_header; /* how an API key is sent: "Authorization" (as Bearer) */
	/* The next request, or NULL when the round is complete. `step` counts from 0. The answer is
	 * valid until the next call or the end of the arena. */
	const struct probe_step *(*probe_next)(unsigned step, struct probe_result *result);
};

extern const struct backend_ops *const backend_table[]; /* ends with NULL */
/* NULL when there is none. */
const struct backend_ops *backend_ops_by_name(const char *name);

void probe_begin(struct probe_result *result, struct arena *arena, struct probe_memory *memory);
/* Sets the verdict FAILED and the error; for the ops, and for the caller when there was no answer.
 * Returns false. */
bool probe_fail(struct probe_result *result, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#endif
