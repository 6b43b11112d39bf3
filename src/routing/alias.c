/* alias.c: other names for models. A model that a backend offers, healthy or not, wins over an
 * alias of its name, at every step of a chain. */
#include "routing/routing.h"

static const char *target_of(const struct config *config, struct slice name)
{
	for (size_t i = 0; i < config->routing.alias_count; i++)
		if (slice_is(name, config->routing.aliases[i].name))
			return config->routing.aliases[i].target;
	return NULL;
}

size_t routing_resolve_alias(const struct config *config, const struct registry *registry,
	struct slice name, struct slice chain[ROUTING_CHAIN_MAX + 1])
{
	size_t depth = 0;
	size_t offers;

	chain[0] = name;
	if (config->routing.alias_count == 0)
		return 0;
	while (depth < ROUTING_CHAIN_MAX && !registry_offers(registry, chain[depth], &offers)) {
		const char *target = target_of(config, chain[depth]);

		if (!target)
			break;
		chain[++depth] = slice_of(target);
	}
	return depth;
}
