/* print_config.c: prints docs/reference/configuration.md from the rows of the configuration. Not
 * installed. */
#include <stdio.h>
#include <string.h>

#include "config/config_build.h"

static const char *const kind_names[] = {
	[KIND_BOOL] = "true or false",
	[KIND_UINT] = "whole number",
	[KIND_DOUBLE] = "number",
	[KIND_SECONDS] = "time",
	[KIND_BYTES] = "size",
	[KIND_STRING] = "text",
	[KIND_STRINGS] = "texts",
	[KIND_ENUM] = "text",
	[KIND_SECRET] = "secret",
	[KIND_SECRETS] = "secrets",
	[KIND_TRISTATE] = "true or false",
	[KIND_LEVELS] = "group: component = level",
	[KIND_SCORES] = "group: name = 0 to 10",
	[KIND_LIST] = "list of groups",
};

static const char *const reload_names[] = {[CONFIG_LIVE] = "at once",
	[CONFIG_RESPAWN] = "new workers",
	[CONFIG_UPGRADE] = "next start"};

static void print_bound(const struct config_key *key, double bound)
{
	char text[64];

	if (key->kind == KIND_BYTES)
		config_format_bytes((uint64_t)bound, text, sizeof(text));
	else
		config_format_number(bound, text, sizeof(text));
	printf("%s", text);
}

/* What a value may be: its kind, its choices or its bounds. */
static void print_values(const struct config_key *key)
{
	if (!key->choices)
		printf("%s", kind_names[key->kind]);
	for (size_t i = 0; key->choices && key->choices[i]; i++)
		printf("%s`%s`", i > 0 ? ", " : "", key->choices[i]);
	if (key->max == 0)
		return;
	printf(", ");
	print_bound(key, key->min);
	printf(" to ");
	print_bound(key, key->max);
}

static void print_default(const struct config_key *key)
{
	if (!key->default_text)
		printf("required");
	else if (*key->default_text)
		printf("`%s`", key->default_text);
}

static void print_section(const char *path, const char *help)
{
	printf("\n## %s\n\n%s.\n\n| key | value | default | changes by reload | "
	       "|\n|---|---|---|---|---|\n",
		path, help);
	for (size_t i = 0; i < config_key_count; i++) {
		const struct config_key *key = &config_keys[i];

		if (strcmp(key->section, path) != 0)
			continue;
		printf("| `%s` | ", key->name);
		print_values(key);
		printf(" | ");
		print_default(key);
		printf(" | %s | %s%s |\n", reload_names[key->reload], key->help,
			key->in_effect ? "" : " (not yet in effect)");
	}
}

static void print_item(const char *name, const struct config_item *item)
{
	printf("\n### An entry of %s\n\n| key | value | default | |\n|---|---|---|---|\n", name);
	for (size_t i = 0; i < item->key_count; i++) {
		printf("| `%s` | ", item->keys[i].name);
		print_values(&item->keys[i]);
		printf(" | ");
		print_default(&item->keys[i]);
		printf(" | %s |\n", item->keys[i].help);
	}
	for (size_t i = 0; i < item->key_count; i++) {
		char inner[96];

		if (item->keys[i].kind != KIND_LIST)
			continue;
		snprintf(inner, sizeof(inner), "%s.%s", name, item->keys[i].name);
		print_item(inner, item->keys[i].item);
	}
}

static void print_lists(const char *section)
{
	for (size_t i = 0; i < config_key_count; i++)
		if (config_keys[i].kind == KIND_LIST &&
			strcmp(config_keys[i].section, section) == 0)
			print_item(config_keys[i].path, config_keys[i].item);
}

static void print_introduction(void)
{
	printf("# Configuration\n\n"
	       "Made from `src/config/config_keys.def` and `config_lists.def`; `make reference` "
	       "makes it again.\n\n"
	       "`nexus.conf` is written in libconfig's syntax. It is looked for as `--config` "
	       "says, as `NEXUS_CONFIG` says, as\n"
	       "`./nexus.conf`, and in the system's configuration directory as `nexus/nexus.conf`; "
	       "none is fine. Stronger than\n"
	       "the file is the environment, stronger still the command line.\n\n"
	       "* Times are seconds, or carry a unit: `\"500ms\"`, `\"30s\"`, `\"2m\"`, `\"1h\"`, "
	       "`\"7d\"`.\n"
	       "* Sizes are bytes, or carry a unit: `\"8KiB\"`, `\"32MiB\"`, `\"1GiB\"`; `KB`, "
	       "`MB` and `GB` count in thousands.\n"
	       "* Where texts are expected, a single one may stand without brackets.\n"
	       "* Secrets are `\"env:NAME\"` or `\"file:/path\"`, never in clear.\n"
	       "* `@include \"file\"` at the start of a line puts a file there; a relative path is "
	       "relative to the file it stands in.\n\n"
	       "## Environment\n\n| variable | key |\n|---|---|\n");
	for (size_t i = 0; i < config_variable_count; i++)
		printf("| `%s` | `%s.%s` |\n", config_variables[i].variable,
			config_variables[i].section, config_variables[i].name);
}

int main(void)
{
	print_introduction();
	for (size_t i = 0; i < config_section_count; i++) {
		print_section(config_sections[i].path, config_sections[i].help);
		print_lists(config_sections[i].path);
	}
	printf("\n## Outside every section\n");
	print_lists("");
	return 0;
}
