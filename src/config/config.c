/* config.c: the life of a configuration: defaults, sources in their order of strength, references.
 */
#include "config/config_build.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fatal.h"
#include "base/memory.h"

/* What the environment may say, besides NEXUS_CONFIG. */
const struct config_variable config_variables[] = {
	{"NEXUS_HOST", "server", "host"},
	{"NEXUS_PORT", "server", "port"},
	{"NEXUS_WORKERS", "server", "workers"},
	{"NEXUS_STATE_DIR", "server", "state_dir"},
	{"NEXUS_SOCKET", "admin", "socket"},
	{"NEXUS_DISCOVERY", "discovery", "enabled"},
	{"NEXUS_STRATEGY", "routing", "strategy"},
	{"NEXUS_LOG_LEVEL", "logging", "level"},
	{"NEXUS_LOG_FORMAT", "logging", "format"},
	{"NEXUS_LOG_FILE", "logging", "file"},
};
const size_t config_variable_count = sizeof(config_variables) / sizeof(config_variables[0]);

static struct config *config_new(void)
{
	struct config *config = memory_zalloc(sizeof(*config));

	config->refs = 1;
	config->path = "";
	arena_init(&config->arena, 8192);
	config->places = arena_zalloc(&config->arena, config_key_count * sizeof(*config->places));
	return config;
}

struct config *config_ref(struct config *config)
{
	config->refs++;
	return config;
}

void config_unref(struct config **config)
{
	struct config *old = *config;

	*config = NULL;
	if (!old || --old->refs > 0)
		return;
	arena_free(&old->arena);
	memory_free_at(&old);
}

bool config_equal(const struct config *a, const struct config *b)
{
	for (size_t i = 0; i < config_key_count; i++)
		if (!config_value_equal(&config_keys[i], a, b))
			return false;
	return true;
}

static void build_begin(struct config_build *build, struct config_errors *errors, bool canonical)
{
	*build = (struct config_build){
		.config = config_new(), .errors = errors, .canonical = canonical};
	for (size_t i = 0; i < config_key_count; i++)
		config_value_set_default(build, &config_keys[i], build->config);
	invariant(errors->error_count == 0);
}

/* Hands the configuration out, or nothing when it has errors. */
static struct config *build_end(struct config_build *build)
{
	if (build->errors->error_count == 0) {
		config_finish(build);
		config_check(build);
	}
	if (build->errors->error_count > 0)
		config_unref(&build->config);
	return build->config;
}

/* One value of a single source: the environment or the command line. */
static void set_word(struct config_build *build, const struct config_key *key, const char *source,
	const char *text)
{
	build->path = key->path;
	build->place = (struct config_place){arena_strdup(&build->config->arena, source), 0};
	if (config_value_set_text(build, key, build->config, text))
		build->config->places[key - config_keys] = build->place;
	build->path = NULL;
}

static void read_environment(struct config_build *build)
{
	for (size_t i = 0; i < config_variable_count; i++) {
		const struct config_variable *variable = &config_variables[i];
		const char *text = getenv(variable->variable);

		if (text && *text)
			set_word(build, config_key_find(variable->section, variable->name),
				variable->variable, text);
	}
}

/* "section.key=value" */
static void read_override(struct config_build *build, const char *override)
{
	const char *equals = strchrnul(override, '=');
	char *path = arena_dup_slice(
		&build->config->arena, slice_make(override, (size_t)(equals - override)));
	char *dot = strrchr(path, '.');
	const struct config_key *key = NULL;

	if (dot && *equals) {
		*dot = '\0';
		key = config_key_find(path, dot + 1);
		*dot = '.';
	}
	if (key) {
		set_word(build, key, "command line", equals + 1);
		return;
	}
	build->place = (struct config_place){"command line", 0};
	config_problem_add(build, false, "%s: unknown key", path);
}

void config_find_file(char *out, size_t size)
{
	const char *named = getenv("NEXUS_CONFIG");

	if (named && *named)
		snprintf(out, size, "%s", named);
	else if (access("nexus.conf", F_OK) == 0)
		snprintf(out, size, "nexus.conf");
	else if (access(NEXUS_SYSCONFDIR "/nexus/nexus.conf", F_OK) == 0)
		snprintf(out, size, "%s", NEXUS_SYSCONFDIR "/nexus/nexus.conf");
	else
		out[0] = '\0';
}

struct config *config_load(const struct config_sources *sources, struct config_errors *errors)
{
	struct config_build build;
	char found[4096];

	build_begin(&build, errors, false);
	if (sources->path)
		snprintf(found, sizeof(found), "%s", sources->path);
	else
		config_find_file(found, sizeof(found));
	build.config->path = arena_strdup(&build.config->arena, found);
	if (*found)
		config_read_file_into(&build, build.config->path);
	if (sources->read_environment)
		read_environment(&build);
	for (const char *const *override = sources->overrides; override && *override; override++)
		read_override(&build, *override);
	return build_end(&build);
}

struct config *config_from_text(struct slice text, uint64_t version, struct config_errors *errors)
{
	struct config_build build;

	build_begin(&build, errors, true);
	build.config->version = version;
	config_read_text_into(&build, arena_dup_slice(&build.config->arena, text));
	return build_end(&build);
}

/* --- places that follow from it --- */

const char config_system_socket[] = NEXUS_RUNSTATEDIR "/nexus/admin.sock";

static bool fits(int len, size_t size, struct error *err)
{
	return (len >= 0 && (size_t)len < size) ||
	       error_set(err, "the path of the state directory is too long");
}

bool config_state_dir(const struct config *config, char *out, size_t size, struct error *err)
{
	const char *state_home = getenv("XDG_STATE_HOME");
	const char *home = getenv("HOME");

	if (*config->server.state_dir)
		return fits(snprintf(out, size, "%s", config->server.state_dir), size, err);
	if (geteuid() == 0)
		return fits(snprintf(out, size, "%s", NEXUS_LOCALSTATEDIR "/lib/nexus"), size, err);
	if (state_home && *state_home == '/')
		return fits(snprintf(out, size, "%s/nexus", state_home), size, err);
	if (home && *home == '/')
		return fits(snprintf(out, size, "%s/.local/state/nexus", home), size, err);
	return error_set(err, "there is no HOME to keep state in; set server.state_dir");
}

bool config_admin_socket(const struct config *config, char *out, size_t size, struct error *err)
{
	char dir[4000];

	if (*config->admin.socket)
		return fits(snprintf(out, size, "%s", config->admin.socket), size, err);
	if (!*config->server.state_dir && geteuid() == 0)
		return fits(snprintf(out, size, "%s", config_system_socket), size, err);
	if (!config_state_dir(config, dir, sizeof(dir), err))
		return false;
	return fits(snprintf(out, size, "%s/admin.sock", dir), size, err);
}
