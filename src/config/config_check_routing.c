/* config_check_routing.c: the rules of aliases, fallback chains and zones, and warnings of what
 * they can never reach. */
#include "config/config_build.h"

#include <stdio.h>
#include <string.h>

#include "base/slice.h"
#include "base/text.h"

#define ALIAS_CHAIN 3u

/* The alias of that name, or NULL. */
static const struct config_alias *alias_find(const struct config *config, const char *name)
{
	for (size_t i = 0; i < config->routing.alias_count; i++)
		if (strcmp(config->routing.aliases[i].name, name) == 0)
			return &config->routing.aliases[i];
	return NULL;
}

/* Follows one alias and names the way when it is a circle or too long. */
static void check_alias_chain(struct config_build *build, const struct config_alias *first)
{
	char way[800]; /* five names of 127 */
	size_t used = (size_t)snprintf(way, sizeof(way), "%s", first->name);
	const struct config_alias *at = first;
	unsigned steps = 0;
	bool said = false; /* a circle is named once, at its first alias */

	for (; at && steps <= ALIAS_CHAIN; steps++) {
		used += (size_t)snprintf(way + used, sizeof(way) - used, " -> %s", at->target);
		if (strcmp(at->target, first->name) == 0) {
			if (!said)
				config_problem_add(build, false, "aliases go in a circle: %s", way);
			return;
		}
		at = alias_find(build->config, at->target);
		said = said || (at && at < first);
	}
	if (steps > ALIAS_CHAIN)
		config_problem_add(build, false, "the chain of aliases is longer than %u: %s",
			ALIAS_CHAIN, way);
}

static void check_aliases(struct config_build *build)
{
	const struct config *config = build->config;
	char path[96];

	build->path = path;
	for (size_t i = 0; i < config->routing.alias_count; i++) {
		const struct config_alias *alias = &config->routing.aliases[i];

		snprintf(path, sizeof(path), "routing.aliases[%zu]", i);
		build->place = alias->place;
		if (alias_find(config, alias->name) != alias)
			config_problem_add(
				build, false, "there is another alias named %s", alias->name);
		else
			check_alias_chain(build, alias);
	}
	build->path = NULL;
}

/* --- fallback chains --- */

/* What a name comes to by aliases; the name itself when it is none. Good chains only are asked
 * about. */
static const char *resolved(const struct config *config, const char *name)
{
	const struct config_alias *alias;

	for (unsigned steps = 0; steps < ALIAS_CHAIN; steps++) {
		alias = alias_find(config, name);
		if (!alias)
			break;
		name = alias->target;
	}
	return name;
}

/* Chains are not followed from one to another, so only its own model can make one a circle. An
 * alias of it may still be a model of its own at some backend. */
static void check_member(
	struct config_build *build, const struct config_fallback *fallback, size_t position)
{
	const struct config *config = build->config;
	const char *member = fallback->chain.items[position];

	if (strcmp(member, fallback->model) == 0)
		config_problem_add(
			build, false, "the chain of %s leads back to it", fallback->model);
	else if (strcmp(resolved(config, member), resolved(config, fallback->model)) == 0)
		config_problem_add(build, true,
			"%s can only stand in for %s where a backend offers both: by the aliases "
			"they are one model",
			member, fallback->model);
	for (size_t i = 0; i < position; i++)
		if (strcmp(fallback->chain.items[i], member) == 0)
			config_problem_add(build, false, "the chain of %s names %s twice",
				fallback->model, member);
}

static void check_fallbacks(struct config_build *build)
{
	const struct config_routing *routing = &build->config->routing;
	char path[96];

	build->path = path;
	for (size_t i = 0; i < routing->fallback_count; i++) {
		const struct config_fallback *fallback = &routing->fallbacks[i];

		snprintf(path, sizeof(path), "routing.fallbacks[%zu]", i);
		build->place = fallback->place;
		if (fallback->chain.count == 0)
			config_problem_add(build, false, "chain is empty");
		for (size_t j = 0; j < i; j++)
			if (strcmp(routing->fallbacks[j].model, fallback->model) == 0)
				config_problem_add(build, false, "there is another chain for %s",
					fallback->model);
		for (size_t j = 0; j < fallback->chain.count; j++)
			check_member(build, fallback, j);
	}
	build->path = NULL;
}

/* --- what zones make unreachable --- */

/* A backend of that zone whose entry in the file names the model, or NULL. What backends turn out
 * to have is not known here. */
static const struct config_backend *offered_in(
	const struct config *config, const char *model, int zone)
{
	for (size_t i = 0; i < config->backend_count; i++) {
		const struct config_backend *backend = &config->backends[i];

		for (size_t j = 0; backend->zone == zone && j < backend->model_count; j++)
			if (strcmp(backend->models[j].id, model) == 0)
				return backend;
	}
	return NULL;
}

/* The policy that keeps requests for a name in the restricted zone, or NULL. */
static const struct config_policy *restricting_policy(
	const struct config *config, const char *model)
{
	for (size_t i = 0; i < config->routing.policy_count; i++) {
		const struct config_policy *policy = &config->routing.policies[i];

		if (text_glob(slice_of(policy->model_pattern), slice_of(model)))
			return policy->privacy == PRIVACY_RESTRICTED ? policy : NULL;
	}
	return NULL;
}

/* A model of an open backend that no request can reach. */
static void warn_of_model(struct config_build *build, const struct config_backend *backend,
	const struct config_model *model)
{
	const struct config *config = build->config;
	const struct config_policy *policy = restricting_policy(config, model->id);
	const struct config_backend *home = offered_in(config, model->id, CONFIG_ZONE_RESTRICTED);

	if (policy)
		config_problem_add(build, true,
			"%s of %s is never used: it is in the open zone, and the policy for \"%s\" "
			"(routing.policies) wants the restricted one",
			model->id, backend->name, policy->model_pattern);
	else if (home && config->routing.cross_zone == CROSS_ZONE_BLOCK)
		config_problem_add(build, true,
			"%s of %s is never used: it is in the open zone, %s offers the model in "
			"the "
			"restricted one, and routing.cross_zone is \"block\"",
			model->id, backend->name, home->name);
}

static void warn_of_models(struct config_build *build)
{
	const struct config *config = build->config;
	char path[96];

	build->path = path;
	for (size_t i = 0; i < config->backend_count; i++) {
		const struct config_backend *backend = &config->backends[i];

		snprintf(path, sizeof(path), "backends[%zu]", i);
		build->place = backend->place;
		for (size_t j = 0; backend->zone == CONFIG_ZONE_OPEN && j < backend->model_count;
			j++)
			warn_of_model(build, backend, &backend->models[j]);
	}
	build->path = NULL;
}

/* A member that only open backends offer, in the chain of a model that belongs at home. */
static void warn_of_member(
	struct config_build *build, const struct config_fallback *fallback, const char *member)
{
	const struct config *config = build->config;
	const char *model = resolved(config, member);
	const char *asked = resolved(config, fallback->model);
	const struct config_policy *policy = restricting_policy(config, fallback->model);
	const struct config_backend *home = offered_in(config, asked, CONFIG_ZONE_RESTRICTED);

	if (offered_in(config, model, CONFIG_ZONE_RESTRICTED) ||
		!offered_in(config, model, CONFIG_ZONE_OPEN))
		return;
	if (!policy)
		policy = restricting_policy(config, asked);
	if (policy)
		config_problem_add(build, true,
			"%s can never stand in for %s: only open backends offer it, and the policy "
			"for \"%s\" (routing.policies) wants the restricted zone",
			member, fallback->model, policy->model_pattern);
	else if (home && config->routing.cross_zone == CROSS_ZONE_BLOCK)
		config_problem_add(build, true,
			"%s can never stand in for %s: only open backends offer it, %s of the "
			"restricted zone offers %s, and routing.cross_zone is \"block\"",
			member, fallback->model, home->name, asked);
}

static void warn_of_chains(struct config_build *build)
{
	const struct config_routing *routing = &build->config->routing;
	char path[96];

	build->path = path;
	for (size_t i = 0; i < routing->fallback_count; i++) {
		const struct config_fallback *fallback = &routing->fallbacks[i];

		snprintf(path, sizeof(path), "routing.fallbacks[%zu]", i);
		build->place = fallback->place;
		for (size_t j = 0; j < fallback->chain.count; j++)
			warn_of_member(build, fallback, fallback->chain.items[j]);
	}
	build->path = NULL;
}

void config_check_routing(struct config_build *build)
{
	size_t errors = build->errors->error_count;

	check_aliases(build);
	check_fallbacks(build);
	/* What is wrong is not asked what it comes to; and workers need not say again what was
	 * said. */
	if (build->errors->error_count > errors || build->canonical)
		return;
	warn_of_models(build);
	warn_of_chains(build);
}
