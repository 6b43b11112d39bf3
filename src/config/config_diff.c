/* config_diff.c: which keys differ between two configurations, and what it takes to bring the new
 * values into force. */
#include "config/config_build.h"

/* A port below 1024 can only be bound before privileges are dropped. */
static enum config_reload reload_of(const struct config_key *key, const struct config *new)
{
	bool listens = key->offset == offsetof(struct config, server.port) ||
		       key->offset == offsetof(struct config, server.host);

	return listens && new->server.port < 1024 ? CONFIG_UPGRADE : key->reload;
}

size_t config_diff(const struct config *old, const struct config *new,
	struct config_change changes[CONFIG_CHANGES_MAX])
{
	size_t count = 0;

	for (size_t i = 0; i < config_key_count && count < CONFIG_CHANGES_MAX; i++) {
		const struct config_key *key = &config_keys[i];

		if (config_value_equal(key, old, new))
			continue;
		changes[count++] = (struct config_change){key->path, reload_of(key, new)};
	}
	return count;
}

/* Whether something was asked for that will not happen. Switching off what does not exist yet is no
 * such thing. */
static bool is_unheard(const struct config *config, const struct config_key *key)
{
	const void *value = config_value_at(key, config);

	if (key->in_effect || !config->places[key - config_keys].source)
		return false;
	return key->kind != KIND_BOOL || *(const bool *)value;
}

size_t config_not_in_effect(const struct config *config, const char *names[CONFIG_CHANGES_MAX])
{
	size_t count = 0;

	for (size_t i = 0; i < config_key_count && count < CONFIG_CHANGES_MAX; i++)
		if (is_unheard(config, &config_keys[i]))
			names[count++] = config_keys[i].path;
	return count;
}
