/* What is printed is read back the same: canonical text, what is shown, and the file for newcomers; secrets never shown. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/config_build.h"

#define TEXT_MAX (1u << 20)

static struct config *from_text(const char *text)
{
	struct config_errors errors;
	struct config *config;

	config_errors_init(&errors);
	config = config_from_text(slice_of(text), 7, &errors);
	for (size_t i = 0; i < errors.count; i++)
		print_error("%s\n", errors.items[i].text);
	assert_non_null(config);
	config_errors_free(&errors);
	return config;
}

static void assert_round_trip(const struct config *config)
{
	struct config *copy;
	struct buffer text;

	buffer_init(&text, TEXT_MAX);
	assert_true(config_to_text(config, &text));
	copy = from_text(buffer_text(&text));
	assert_true(config_equal(config, copy));
	assert_int_equal(copy->version, 7);
	config_unref(&copy);
	buffer_free(&text);
}

static struct config *load_file(const char *path)
{
	struct config_sources sources = {path, NULL, false};
	struct config_errors errors;
	struct config *config;

	config_errors_init(&errors);
	config = config_load(&sources, &errors);
	for (size_t i = 0; !config && i < errors.count; i++)
		print_error("%s\n", errors.items[i].text);
	assert_non_null(config);
	config_errors_free(&errors);
	return config;
}

static void test_round_trip(void **state)
{
	struct config *config;

	config = load_file("");
	assert_round_trip(config);
	config_unref(&config);
	setenv("OPENAI_API_KEY", "sk-\"quoted\\", 1);
	config = load_file(TEST_DATA "/nexus.conf");
	assert_round_trip(config);
	config_unref(&config);
}

static void test_too_small_buffer(void **state)
{
	struct config *config = load_file("");
	struct buffer text;

	buffer_init(&text, 100);
	assert_false(config_to_text(config, &text));
	buffer_free(&text);
	config_unref(&config);
}

/* A value of the key's kind that differs from its default, as it stands in a file. */
static void other_value(const struct config_key *key, char *out, size_t size)
{
	static const char *const texts[] = {"\"10.1.2.3\"", "\"a.example\"", "\"https://a.example\"", "\"/x\"", "\"_x._tcp\"",
		"\"X-Other\"", "\"Europe/Berlin\"", "\"other\""};
	double number = key->max;
	struct error err;
	char bare[64];

	switch (key->kind) {
	case KIND_BOOL: snprintf(out, size, "%s", strcmp(key->default_text, "true") == 0 ? "false" : "true"); return;
	case KIND_ENUM: snprintf(out, size, "\"%s\"", key->choices[strcmp(key->choices[0], key->default_text) == 0]); return;
	case KIND_DOUBLE:
	case KIND_SECONDS:
	case KIND_UINT:
	case KIND_BYTES:
		if (strtod(key->default_text, NULL) == number)
			number = key->min;
		snprintf(out, size, "%.*f", key->kind == KIND_DOUBLE && number == (double)(int64_t)number, number);
		return;
	case KIND_SECRET: snprintf(out, size, "\"env:TEST_KEY\""); return;
	case KIND_LEVELS: snprintf(out, size, "{ routing = \"trace\"; }"); return;
	default: break;
	}
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		snprintf(bare, sizeof(bare), "%.*s", (int)strlen(texts[i]) - 2, texts[i] + 1);
		snprintf(out, size, "%s", texts[i]);
		if (key->form(bare, &err) && strcmp(bare, key->default_text) != 0)
			return;
	}
	fail_msg("no value for %s", key->path);
}

/* Other keys that must move along for the rules between keys. */
static const char *companion(const struct config_key *key)
{
	if (strcmp(key->path, "server.stream_resume_bytes") == 0)
		return "server = { stream_pause_bytes = 67108864; stream_resume_bytes = 67108863; };";
	if (strcmp(key->path, "server.max_header_bytes") == 0)
		return "server = { max_header_bytes = 30000; };";
	if (strcmp(key->path, "health_check.breaker.open_seconds") == 0)
		return "health_check = { breaker = { open_seconds = 60; }; };";
	if (strcmp(key->path, "budget.unknown_price") == 0)
		return "budget = { unknown_price = \"default\"; default_price = { input = 1; output = 2; }; };";
	if (strcmp(key->section, "budget.default_price") == 0)
		return "budget = { default_price = { input = 1.25; output = 200000; }; };";
	return NULL;
}

static void text_for(const struct config_key *key, char *out, size_t size)
{
	char section[64];
	char value[128];
	char *dot;

	if (companion(key)) {
		snprintf(out, size, "%s", companion(key));
		return;
	}
	other_value(key, value, sizeof(value));
	snprintf(section, sizeof(section), "%s", key->section);
	dot = strchr(section, '.');
	if (dot)
		*dot = '\0';
	snprintf(out, size, "%s = { %s%s %s = %s; %s };", section, dot ? dot + 1 : "", dot ? " = {" : "", key->name, value,
		dot ? "};" : "");
}

static void write_conf(const char *text)
{
	FILE *file = fopen("config_print_test.conf", "we");

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

/* Each row set alone: it is the only difference, it survives both printed forms, and its reload class is the row's. */
static void test_every_key(void **state)
{
	struct config *defaults = load_file("");

	setenv("TEST_KEY", "sk-1", 1);
	for (size_t i = 0; i < config_key_count; i++) {
		struct config_change changes[CONFIG_CHANGES_MAX];
		const struct config_key *key = &config_keys[i];
		const char *names[CONFIG_CHANGES_MAX];
		struct config *config;
		struct config *again;
		struct buffer shown;
		char text[512];
		bool switched_off;
		bool found = false;

		if (key->kind == KIND_LIST)
			continue;
		text_for(key, text, sizeof(text));
		write_conf(text);
		config = load_file("config_print_test.conf");
		for (size_t j = 0; j < config_diff(defaults, config, changes); j++)
			found |= strcmp(changes[j].key, key->path) == 0 && changes[j].reload == key->reload;
		if (!found)
			fail_msg("%s did not change by: %s", key->path, text);
		switched_off = key->kind == KIND_BOOL && strcmp(key->default_text, "true") == 0;
		assert_int_equal(config_not_in_effect(config, names) > 0, !key->in_effect && !switched_off);
		assert_round_trip(config);
		buffer_init(&shown, TEXT_MAX);
		assert_true(config_show(config, CONFIG_SHOW_CHANGED, &shown));
		write_conf(buffer_text(&shown));
		again = load_file("config_print_test.conf");
		if (!config_equal(config, again))
			fail_msg("%s is not shown as it is: %s", key->path, buffer_text(&shown));
		buffer_free(&shown);
		config_unref(&again);
		config_unref(&config);
	}
	config_unref(&defaults);
	unlink("config_print_test.conf");
}

static void test_secrets_are_not_shown(void **state)
{
	struct config *config;
	struct buffer shown;

	setenv("TEST_KEY", "sk-hidden", 1);
	write_conf("admin = { token = \"env:TEST_KEY\"; };\n"
		   "backends = ( { name = \"a\"; url = \"https://x\"; api_keys = [\"env:TEST_KEY\", \"env:TEST_KEY\"]; } );");
	config = load_file("config_print_test.conf");
	buffer_init(&shown, TEXT_MAX);
	assert_true(config_show(config, CONFIG_SHOW_ALL, &shown));
	assert_null(strstr(buffer_text(&shown), "sk-hidden"));
	assert_non_null(strstr(buffer_text(&shown), "token = \"env:TEST_KEY\""));
	assert_round_trip(config);
	/* A configuration that came as canonical text knows no references; it still shows nothing. */
	buffer_clear(&shown);
	assert_true(config_to_text(config, &shown));
	config_unref(&config);
	config = from_text(buffer_text(&shown));
	buffer_clear(&shown);
	assert_true(config_show(config, CONFIG_SHOW_ALL, &shown));
	assert_null(strstr(buffer_text(&shown), "sk-hidden"));
	buffer_free(&shown);
	config_unref(&config);
	unlink("config_print_test.conf");
}

/* Takes the comment signs from before the keys of config init. */
static void uncomment(char *text)
{
	for (char *at = text; (at = strstr(at, "//")); at += 2)
		if (at == text || at[-1] == '\n' || at[-1] == '\t')
			memset(at, ' ', 2);
}

static void test_init(void **state)
{
	static const char *const examples[] = {"admin.token", "routing.aliases", "routing.fallbacks", "routing.policies",
		"backends", "budget.monthly_limit", "budget.default_price.input", "budget.default_price.output",
		"budget.limits", "logging.components"};
	struct config_change changes[CONFIG_CHANGES_MAX];
	struct config *defaults = load_file("");
	struct config *config;
	struct buffer text;

	setenv("NEXUS_ADMIN_TOKEN", "t", 1);
	setenv("OPENAI_API_KEY", "sk-1", 1);
	buffer_init(&text, TEXT_MAX);
	assert_true(config_init_text(&text));
	write_conf(buffer_text(&text));
	config = load_file("config_print_test.conf");
	assert_true(config_equal(config, defaults));
	config_unref(&config);
	uncomment(buffer_data(&text));
	write_conf(buffer_text(&text));
	config = load_file("config_print_test.conf");
	assert_int_equal(config_diff(defaults, config, changes), 10);
	for (size_t i = 0; i < 10; i++)
		assert_string_equal(changes[i].key, examples[i]);
	config_unref(&config);
	config_unref(&defaults);
	buffer_free(&text);
	unlink("config_print_test.conf");
}

static void test_low_port_needs_a_start(void **state)
{
	struct config_change changes[CONFIG_CHANGES_MAX];
	struct config *old = load_file("");
	struct config *new = from_text("server = { port = 443; workers = 2; };");

	assert_int_equal(config_diff(old, new, changes), 2);
	assert_string_equal(changes[0].key, "server.port");
	assert_int_equal(changes[0].reload, CONFIG_UPGRADE);
	assert_string_equal(changes[1].key, "server.workers");
	assert_int_equal(changes[1].reload, CONFIG_RESPAWN);
	config_keep(new, old, "server.port");
	assert_int_equal(new->server.port, 8000);
	assert_int_equal(config_diff(old, new, changes), 1);
	config_unref(&old);
	config_unref(&new);
}

static void test_add_backend(void **state)
{
	struct config *config = from_text("backends = ( { name = \"demo\"; url = \"http://x\"; } );");

	config_add_backend(config, "demo", "demo", "http://127.0.0.1:9/");
	assert_int_equal(config->backend_count, 2);
	assert_string_equal(config->backends[0].name, "demo");
	assert_string_equal(config->backends[1].name, "demo-2");
	assert_string_equal(config->backends[1].url, "http://127.0.0.1:9");
	assert_string_equal(config->backends[1].type, "demo");
	assert_int_equal(config->backends[1].priority, 50);
	assert_round_trip(config);
	config_unref(&config);
}

static void test_canonical_text_includes_nothing(void **state)
{
	struct config_errors errors;

	config_errors_init(&errors);
	assert_null(config_from_text(slice_of("@include \"/etc/passwd\"\n"), 1, &errors));
	assert_string_equal(errors.items[0].text, "configuration:1: @include has no place here");
	config_errors_free(&errors);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_too_small_buffer),
		cmocka_unit_test(test_every_key),
		cmocka_unit_test(test_secrets_are_not_shown),
		cmocka_unit_test(test_init),
		cmocka_unit_test(test_low_port_needs_a_start),
		cmocka_unit_test(test_add_backend),
		cmocka_unit_test(test_canonical_text_includes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
