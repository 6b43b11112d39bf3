/* policy.c: what routing.policies say of a model's name. The first that matches a name counts; a
 * request that goes by several names (an alias, a substitute) must satisfy all of theirs. */
#include "routing/routing_stages.h"

#include "base/text.h"

#define LATEST ":latest"

static bool matches(const struct config_policy *policy, struct slice name)
{
	struct slice pattern = slice_of(policy->model_pattern);

	if (text_glob(pattern, name))
		return true;
	return slice_ends_with(name, LATEST) &&
	       text_glob(pattern, slice_make(name.data, name.len - strlen(LATEST)));
}

void need_add(struct routing_need *need, const struct config *config, struct slice name)
{
	for (size_t i = 0; i < config->routing.policy_count; i++) {
		const struct config_policy *policy = &config->routing.policies[i];

		if (!matches(policy, name))
			continue;
		if (policy->privacy == PRIVACY_RESTRICTED && !need->restricted_by)
			need->restricted_by = policy->model_pattern;
		if (policy->min_tier > 1 && policy->min_tier > need->min_tier)
			need->min_tier = (uint8_t)policy->min_tier;
		return;
	}
}
