/* config_amend.c: what the supervisor changes in a configuration that it has just loaded, before
 * anyone else has it. */
#include "config/config_build.h"

#include <stdio.h>
#include <string.h>

#include "base/fatal.h"

static bool name_is_taken(const struct config *config, const char *name)
{
	for (size_t i = 0; i < config->backend_count; i++)
		if (strcmp(config->backends[i].name, name) == 0)
			return true;
	return false;
}

static void free_name(const struct config *config, const char *wanted, char out[64])
{
	snprintf(out, 64, "%s", wanted);
	for (unsigned number = 2; name_is_taken(config, out); number++)
		snprintf(out, 64, "%.50s-%u", wanted, number);
}

void config_add_backend(struct config *config, const char *name, const char *type, const char *url)
{
	size_t count = config->backend_count;
	struct config_backend *backends =
		arena_zalloc(&config->arena, (count + 1) * sizeof(*backends));
	const struct config_key *key = config_key_find("", "backends");
	struct config_errors errors;
	struct config_build build = {.config = config, .errors = &errors};
	char own_name[64];

	invariant(config->refs == 1);
	config_errors_init(&errors);
	if (count > 0)
		memcpy(backends, config->backends, count * sizeof(*backends));
	for (size_t i = 0; i < key->item->key_count; i++)
		config_value_set_default(&build, &key->item->keys[i], &backends[count]);
	free_name(config, name, own_name);
	config_value_set_text(
		&build, config_item_find(key->item, "name"), &backends[count], own_name);
	config_value_set_text(&build, config_item_find(key->item, "type"), &backends[count], type);
	config_value_set_text(&build, config_item_find(key->item, "url"), &backends[count], url);
	config_finish_backend(&build, &backends[count]);
	invariant(errors.error_count == 0);
	config_errors_free(&errors);
	config->backends = backends;
	config->backend_count = count + 1;
}

static const struct config_key *key_by_path(const char *path)
{
	for (size_t i = 0; i < config_key_count; i++)
		if (strcmp(config_keys[i].path, path) == 0)
			return &config_keys[i];
	panic("there is no configuration key %s", path);
}

void config_keep(struct config *config, const struct config *old, const char *path)
{
	const struct config_key *key = key_by_path(path);

	invariant(config->refs == 1);
	config_value_copy(&config->arena, key, config, old);
}
