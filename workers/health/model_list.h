/* model_list.h: the models of one backend: as its server showed them, as the configuration corrects
 * them, as the registry holds them. Pure. */
#ifndef NEXUS_HEALTH_MODEL_LIST_H
#define NEXUS_HEALTH_MODEL_LIST_H

#include "backend/backend.h"
#include "base/arena.h"
#include "config/config.h"
#include "registry/registry.h"

/* What a BACKEND_PUT has room for beside the backend itself, in one frame. */
#define MODEL_LIST_BYTES_MAX (900u << 10)

struct model_list {
	struct registry_model *models; /* `tier` 0 = not said; `state` is not ours */
	size_t count;
	size_t left_out; /* for lack of room */
	struct arena arena;
};

void model_list_init(struct model_list *list);
void model_list_free(struct model_list *list);
/* Replaces the content. */
void model_list_from_probe(struct model_list *list, const struct probe_result *result);
void model_list_from_registry(struct model_list *list, const struct registry_backend *backend);
/* `discovered`, corrected and extended by what the configuration says of the backend (NULL:
 * nothing); every model has a tier, the backend's `tier` where none is given. */
void model_list_merge(struct model_list *list, const struct model_list *discovered,
	const struct config_backend *configured, uint8_t tier);

/* Whether a model's id is meant by `name`: the same, or an Ollama `x:latest` called `x`. */
bool model_is_called(const char *id, const char *name);

/* Whether two puts would say the same. */
bool facts_equal(const struct registry_backend *a, const struct registry_backend *b);

#endif
