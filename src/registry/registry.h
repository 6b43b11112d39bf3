/* registry.h: the backends and their models, as immutable, refcounted snapshots.
 *
 * A snapshot is (epoch, version). The next one is made from it by puts and deletes and shares every
 * backend that did not change, and every shard of the model index that no change touched, so that a
 * change of one backend among 1,000 with 50 models each costs well under a millisecond. What
 * changes all the time (status, load, latency) is not here but in the scoreboard's states; `row`
 * and `state` say where. An exchange pins the snapshot it began with. */
#ifndef NEXUS_REGISTRY_REGISTRY_H
#define NEXUS_REGISTRY_REGISTRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/slice.h"

#define REGISTRY_BACKENDS_MAX 1024u
#define REGISTRY_MODELS_MAX   4096u /* of one backend */

/* What is known of a capability. */
enum knowledge { KNOWLEDGE_UNKNOWN, KNOWLEDGE_NO, KNOWLEDGE_YES };

enum backend_zone { ZONE_RESTRICTED, ZONE_OPEN };

enum backend_source { SOURCE_STATIC, SOURCE_MANUAL, SOURCE_MDNS, SOURCE_PROBE };

enum backend_status {
	STATUS_UNKNOWN,
	STATUS_HEALTHY,
	STATUS_UNHEALTHY,
	STATUS_DRAINING,
	STATUS_WARMING,
	STATUS_BUSY,
	STATUS_RATE_LIMITED,
	STATUS_DISABLED,
	STATUS_COUNT
};

extern const char *const zone_names[2];
extern const char *const source_names[4];
extern const char *const status_names[STATUS_COUNT];

struct registry_model {
	const char *id;
	const char *name;
	uint32_t context_length; /* tokens; 0 = unknown */
	uint32_t max_output_tokens;
	uint8_t vision; /* enum knowledge, all four */
	uint8_t tools;
	uint8_t json_mode;
	uint8_t embeddings; /* YES: an embedding model, which does not chat */
	uint8_t tier;       /* 1-5, never 0 here */
	bool loaded;
	uint32_t state; /* in the scoreboard */
};

struct registry_backend {
	uint64_t id; /* hash_stable of the URL */
	const char *name;
	const char *url; /* scheme://host:port[/prefix], no trailing slash */
	const char *type;
	bool is_cloud; /* by its type */
	uint8_t zone;
	uint8_t tier;
	uint8_t source;
	uint32_t priority;        /* lower is preferred */
	uint32_t max_concurrency; /* 0 = no limit */
	uint32_t row;             /* CAPACITY row of the scoreboard */
	uint32_t state;           /* in the scoreboard */
	bool disabled;
	bool pass_authorization;
	const struct registry_model *models;
	size_t model_count;
	uint64_t version; /* of the snapshot in which it was put; 0 until registry_apply sets it */
	/* private */
	uint32_t refs;
	struct arena arena;
};

/* One backend's offer of one model. */
struct registry_offer {
	const struct registry_backend *backend;
	const struct registry_model *model;
};

struct registry {
	uint64_t epoch;
	uint64_t version;
	const struct registry_backend *const *backends; /* sorted by name */
	size_t backend_count;
	size_t model_count; /* distinct ids over all backends */
	/* private */
	uint32_t refs;
	const struct registry_id *by_id; /* sorted by id */
	struct registry_shard **shards;  /* NULL: nothing in it */
};

/* --- snapshots --- */
struct registry *registry_new_empty(void);
struct registry *registry_ref(struct registry *registry);
void registry_unref(struct registry **registry);

/* A copy of all that `facts` points to, refs 1; strings in its own arena. A missing string becomes
 * "", a missing model name the id. More than REGISTRY_MODELS_MAX models is a panic: who reads a
 * server's list bounds it. */
struct registry_backend *registry_backend_new(const struct registry_backend *facts);
/* Keeps one backend when its snapshot is let go; give back with registry_backend_unref. */
struct registry_backend *registry_backend_ref(const struct registry_backend *backend);
void registry_backend_unref(struct registry_backend *backend);

/* Changes gathered between two versions. */
struct registry_change;
struct registry_change *registry_change_new(void);
/* Takes over the reference. A put replaces the backend of the same id. */
void registry_change_put(struct registry_change *change, struct registry_backend *backend);
void registry_change_delete(struct registry_change *change, uint64_t id);
/* The next snapshot, refs 1; frees the change. The old one, whose reference stays the caller's,
 * remains valid. A backend that the scoreboard has no room for must not get here: more than
 * REGISTRY_BACKENDS_MAX is a panic. */
struct registry *registry_apply(
	struct registry *old, struct registry_change **change, uint64_t epoch, uint64_t version);

/* --- looking up --- */
/* All offers of a model by its exact id, one a backend, in the backends' name order; NULL when
 * there is none. An Ollama model `x:latest` is found as `x` too. */
const struct registry_offer *registry_offers(
	const struct registry *registry, struct slice model, size_t *count);
const struct registry_backend *registry_backend_by_name(
	const struct registry *registry, struct slice name);
const struct registry_backend *registry_backend_by_id(const struct registry *registry, uint64_t id);
/* Each distinct model id once with its offers, in no order; false at the end. Start with *at = 0. A
 * name that is only the short form of `x:latest` is not an id. */
bool registry_next_model(const struct registry *registry, size_t *at, struct slice *model,
	const struct registry_offer **offers, size_t *count);
/* Up to `max` known ids near enough to `wanted` to be meant, nearest first, for error messages;
 * returns how many. A hint: of a very large registry only a part is looked at, so that a wrong name
 * costs no more than a right one could. */
size_t registry_nearest_models(
	const struct registry *registry, struct slice wanted, const char **out, size_t max);

#endif
