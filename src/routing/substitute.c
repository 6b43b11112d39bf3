/* substitute.c: which models may stand in for the one asked for, in which order, and what they must
 * reach: the operator's chain, then, if the client is flexible, any model of the same tier. */
#include "routing/routing_stages.h"

/* --- the order --- */

static const struct config_strings *chain_of(const struct config *config, struct slice name)
{
	for (size_t i = 0; i < config->routing.fallback_count; i++)
		if (slice_is(name, config->routing.fallbacks[i].model))
			return &config->routing.fallbacks[i].chain;
	return NULL;
}

/* The chain of the name asked for, else of the one its alias came to. */
static const struct config_strings *find_chain(const struct routing_pass *pass)
{
	const struct routing_decision *decision = pass->decision;
	const struct config *config = pass->view->config;
	const struct config_strings *chain;

	if (config->routing.fallback_count == 0)
		return NULL;
	chain = chain_of(config, decision->model_asked);
	return chain ? chain : chain_of(config, decision->alias_chain[decision->alias_depth]);
}

/* A member of a chain may be an alias itself; all its names bring their policies. */
static void begin_member(struct routing_pass *pass, const char *name)
{
	const struct routing_view *view = pass->view;
	struct slice names[ROUTING_CHAIN_MAX + 1];
	size_t depth = routing_resolve_alias(view->config, view->registry, slice_of(name), names);

	for (size_t i = 0; i <= depth; i++)
		need_add(&pass->need, view->config, names[i]);
	pass->model = names[depth];
}

bool substitute_begin(struct routing_pass *pass)
{
	const struct config_strings *chain;
	size_t chain_length;

	if (pass->step == 0) {
		pass->model = pass->decision->alias_chain[pass->decision->alias_depth];
		return true;
	}
	if (pass->ask->substitutes == SUBSTITUTES_NONE)
		return false;
	chain = find_chain(pass);
	chain_length = chain ? chain->count : 0;
	if (pass->step <= chain_length) {
		begin_member(pass, chain->items[pass->step - 1]);
		return true;
	}
	pass->model = slice_make(NULL, 0);
	return pass->ask->substitutes == SUBSTITUTES_SAME_TIER && pass->step == chain_length + 1;
}

/* --- what they must reach --- */

/* What the configuration says of a backend's model. Backends are asked about in the order of their
 * names, which is often that of the file: *hint is where to look first. */
static const struct config_model *configured_model(const struct config *config,
	const struct registry_backend *backend, const struct registry_model *model, size_t *hint)
{
	for (size_t i = 0; i < config->backend_count; i++) {
		size_t at = (*hint + i) % config->backend_count;
		const struct config_backend *given = &config->backends[at];

		if (strcmp(given->name, backend->name) != 0)
			continue;
		*hint = at + 1;
		for (size_t j = 0; j < given->model_count; j++)
			if (strcmp(given->models[j].id, model->id) == 0)
				return &given->models[j];
		return NULL;
	}
	return NULL;
}

static const struct config_pair *find_score(
	const struct config_pair *scores, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(scores[i].name, name) == 0)
			return &scores[i];
	return NULL;
}

/* Each capability at the least that any backend gives for it. */
static void add_scores(struct routing_pass *pass, const struct config_pairs *given)
{
	struct routing_par *par = &pass->par;
	struct config_pair *scores =
		arena_alloc(pass->arena, (par->score_count + given->count) * sizeof(*scores));
	size_t count = par->score_count;

	if (count > 0)
		memcpy(scores, par->scores, count * sizeof(*scores));
	for (size_t i = 0; i < given->count; i++) {
		struct config_pair *known =
			(struct config_pair *)find_score(scores, count, given->items[i].name);

		if (!known)
			scores[count++] = given->items[i];
		else if (given->items[i].value < known->value)
			known->value = given->items[i].value;
	}
	par->scores = scores;
	par->score_count = count;
}

void par_look_up(struct routing_pass *pass)
{
	const struct routing_decision *decision = pass->decision;
	const struct registry_offer *offers;
	size_t count;
	size_t hint = 0;

	if (pass->par.known)
		return;
	pass->par.known = true;
	offers = registry_offers(
		pass->view->registry, decision->alias_chain[decision->alias_depth], &count);
	for (size_t i = 0; i < count; i++) {
		const struct config_model *given = configured_model(
			pass->view->config, offers[i].backend, offers[i].model, &hint);

		if (pass->par.tier == 0 || offers[i].model->tier < pass->par.tier)
			pass->par.tier = offers[i].model->tier;
		if (given && given->capabilities.count > 0)
			add_scores(pass, &given->capabilities);
	}
}

bool par_scores_reached(
	const struct routing_pass *pass, const struct routing_candidate *candidate, size_t *hint)
{
	const struct routing_par *par = &pass->par;
	const struct config_model *given;

	if (par->score_count == 0)
		return true;
	given = configured_model(pass->view->config, candidate->backend, candidate->model, hint);
	if (!given)
		return false;
	for (size_t i = 0; i < par->score_count; i++) {
		const struct config_pair *own = find_score(
			given->capabilities.items, given->capabilities.count, par->scores[i].name);

		if (!own || own->value < par->scores[i].value)
			return false;
	}
	return true;
}

/* --- any model of the same tier --- */

/* Whether the policies for a model's own name let it be used there. */
static bool own_policy_allows(const struct routing_pass *pass,
	const struct registry_backend *backend, const struct registry_model *model)
{
	struct routing_need own = {NULL, 0};

	need_add(&own, pass->view->config, slice_of(model->id));
	return model->tier >= own.min_tier &&
	       (!own.restricted_by || backend->zone == ZONE_RESTRICTED);
}

/* The model asked for was given up, under its short name too. */
static bool is_asked(const struct routing_pass *pass, const struct registry_model *model)
{
	const struct routing_decision *decision = pass->decision;
	struct slice asked = decision->alias_chain[decision->alias_depth];

	return strncmp(model->id, asked.data, asked.len) == 0 &&
	       (model->id[asked.len] == '\0' || strcmp(model->id + asked.len, ":latest") == 0);
}

/* How well a model fits: 0 = not at all; known to be capable before not, loaded before not. */
static unsigned fit_of(const struct routing_pass *pass, const struct registry_backend *backend,
	const struct registry_model *model, size_t *hint)
{
	struct routing_candidate candidate = {.backend = backend, .model = model};

	if (is_asked(pass, model) || was_tried(pass, backend, model))
		return 0;
	if (capability_judge(pass, &candidate) != REJECTED_NOT ||
		!own_policy_allows(pass, backend, model) ||
		!par_scores_reached(pass, &candidate, hint))
		return 0;
	return 1u + (candidate.capability_unknown ? 0u : 2u) + (model->loaded ? 1u : 0u);
}

static const struct registry_model *best_model(
	const struct routing_pass *pass, const struct registry_backend *backend, size_t *hint)
{
	const struct registry_model *best = NULL;
	unsigned best_fit = 0;

	for (size_t i = 0; i < backend->model_count; i++) {
		const struct registry_model *model = &backend->models[i];
		unsigned fit;

		/* Most cannot be better than what is found: those are not looked at. */
		if (model->tier != pass->par.tier || best_fit >= (model->loaded ? 4u : 3u))
			continue;
		fit = fit_of(pass, backend, model, hint);
		if (fit > best_fit) {
			best = model;
			best_fit = fit;
		}
	}
	return best;
}

void substitute_add_same_tier(struct routing_pass *pass)
{
	const struct registry *registry = pass->view->registry;
	struct routing_candidate *candidates;
	size_t count = 0;
	size_t hint = 0;

	par_look_up(pass);
	/* Of a model that nobody offers no tier is known. */
	if (pass->par.tier == 0)
		return;
	candidates = arena_alloc(pass->arena, registry->backend_count * sizeof(*candidates));
	for (size_t i = 0; i < registry->backend_count; i++) {
		const struct registry_backend *backend = registry->backends[i];
		const struct registry_model *model = best_model(pass, backend, &hint);

		if (model)
			candidates[count++] = (struct routing_candidate){
				.backend = backend, .model = model, .is_substitute = true};
	}
	pass->decision->candidates = candidates;
	pass->decision->candidate_count = count;
	pass->left = count;
}
