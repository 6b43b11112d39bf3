/* probe_answer.h: what reading the answers of all kinds of servers has in common; private to the
 * backend room.
 *
 * Every text taken from an answer passes probe_text: bounded, valid UTF-8, no control bytes. */
#ifndef NEXUS_BACKEND_PROBE_ANSWER_H
#define NEXUS_BACKEND_PROBE_ANSWER_H

#include <jansson.h>

#include "backend/backend.h"
#include "base/hash_table.h"

/* True for 2xx; otherwise fails the probe with "HTTP 500 from PATH: ..." and, where it is known,
 * what to do. */
bool probe_check_status(
	struct probe_result *result, const char *path, unsigned status, struct slice body);
/* The parsed body, to be json_decref'ed; NULL after failing the probe with "unreadable JSON from
 * PATH: ...". */
json_t *probe_parse(struct probe_result *result, const char *path, struct slice body);
/* The same without failing: for what a server need not answer. */
json_t *probe_parse_quietly(struct slice body);

/* A copy in the arena, or NULL when it is no string, empty, too long or has control bytes. */
const char *probe_text(struct probe_result *result, const json_t *value);
/* A whole number from 1 to UINT32_MAX, else 0. */
uint32_t probe_u32(const json_t *value);
/* true: YES, false: NO, anything else: UNKNOWN. */
uint8_t probe_knowledge(const json_t *value);
/* Whether the array has the text as an item. */
bool probe_array_has(const json_t *array, const char *text);
/* The first note of a round is kept. */
void probe_note(struct probe_result *result, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Fills result->models, each id once. */
struct probe_list {
	struct probe_result *result;
	struct hash_table seen;
	size_t capacity;
};
/* `most`: how many there may be; more than REGISTRY_MODELS_MAX are dropped and counted. */
void probe_list_open(struct probe_list *list, struct probe_result *result, size_t most);
/* All facts unknown. NULL when the id is unusable (counted) or was there before. */
struct probe_model *probe_list_add(struct probe_list *list, const json_t *id);
void probe_list_close(struct probe_list *list);

/* The list that OpenAI's GET /v1/models defined and all others answer, with the extra facts that
 * some put in. `refine` (or NULL) sees each model with its entry of the list and adds what this
 * kind of server is known for. */
bool probe_read_model_list(struct probe_result *result, const char *path, unsigned status,
	struct slice body, void (*refine)(struct probe_model *model, const json_t *entry));

/* The step of a fixed sequence, which ends with an empty one. */
const struct probe_step *probe_step_at(const struct probe_step *steps, unsigned step);

#endif
