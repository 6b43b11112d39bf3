/* Every key reads back what was set, every mistake is named with its place, and the stronger source wins. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/config_build.h"

static char directory[] = "/tmp/nexus-config-test-XXXXXX";

static void write_file(const char *name, const char *text)
{
	FILE *file = fopen(name, "we");

	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
	fclose(file);
}

static struct config *load(const char *path, const char *const *overrides, bool environment,
	struct config_errors *errors)
{
	struct config_sources sources = {path, overrides, environment};

	config_errors_init(errors);
	return config_load(&sources, errors);
}

/* Loads a text as nexus.conf; prints the problems when it should have been good. */
static struct config *load_good(const char *text)
{
	struct config_errors errors;
	struct config *config;

	write_file("nexus.conf", text);
	config = load("nexus.conf", NULL, false, &errors);
	for (size_t i = 0; i < errors.count; i++)
		if (!errors.items[i].warning)
			print_error("%s\n", errors.items[i].text);
	assert_non_null(config);
	config_errors_free(&errors);
	return config;
}

static void test_defaults(void **state)
{
	struct config_errors errors;
	struct config *config = load("", NULL, false, &errors);

	assert_non_null(config);
	assert_int_equal(errors.count, 0);
	assert_int_equal(config->server.port, 8000);
	assert_int_equal(config->server.host.count, 1);
	assert_string_equal(config->server.host.items[0], "0.0.0.0");
	assert_true(config->server.max_body_bytes == 32u << 20);
	assert_true(config->health_check.breaker.open_seconds == 5.0);
	assert_int_equal(config->routing.strategy, STRATEGY_SMART);
	assert_int_equal(config->discovery.service_types.count, 2);
	assert_true(config->budget.monthly_limit < 0);
	assert_int_equal(config->backend_count, 0);
	assert_string_equal(config->path, "");
	config_unref(&config);
	config_errors_free(&errors);
}

/* The canonical file shows every default; only its examples differ from a configuration without a file. */
static void test_canonical_file(void **state)
{
	static const char *const examples[] = {
		"routing.aliases", "routing.fallbacks", "routing.policies", "backends", "budget.limits", "logging.components"};
	struct config_change changes[CONFIG_CHANGES_MAX];
	struct config_errors errors;
	struct config *defaults = load("", NULL, false, &errors);
	struct config *config = load(TEST_DATA "/nexus.conf", NULL, false, &errors);
	size_t count;

	assert_non_null(config);
	count = config_diff(defaults, config, changes);
	assert_int_equal(count, 6);
	for (size_t i = 0; i < count; i++)
		assert_string_equal(changes[i].key, examples[i]);
	assert_int_equal(config->backend_count, 3);
	assert_string_equal(config->backends[1].type, "vllm");
	assert_int_equal(config->backends[2].zone, CONFIG_ZONE_OPEN);
	assert_int_equal(config->routing.fallbacks[0].chain.count, 2);
	assert_int_equal(config->budget.limits[0].alert_count, 2);
	assert_string_equal(config->budget.limits[0].alerts[1].actions.items[1], "restrict-models");
	config_unref(&config);
	config_unref(&defaults);
	config_errors_free(&errors);
}

/* Every key of the table stands in the canonical file, by name. */
static void test_canonical_file_is_complete(void **state)
{
	static const char *const absent[] = {"monthly_limit", "default_price"}; /* behind comment signs there */
	FILE *file = fopen(TEST_DATA "/nexus.conf", "re");
	char text[32768];
	size_t len;

	assert_non_null(file);
	len = fread(text, 1, sizeof(text) - 1, file);
	text[len] = '\0';
	fclose(file);
	for (size_t i = 0; i < config_key_count; i++)
		if (!strstr(text, config_keys[i].name))
			fail_msg("%s is not in the canonical file", config_keys[i].path);
	for (size_t i = 0; i < 2; i++)
		assert_non_null(strstr(text, absent[i]));
}

struct mistake {
	const char *text;
	const char *problem; /* without the file's name */
};

static const struct mistake mistakes[] = {
	{"server = {\n prot = 1; };", ":2: server.prot: unknown key; did you mean server.port?"},
	{"port = 80;", ":1: port: unknown key; did you mean server.port?"},
	{"server = { zzzzzzzz = 1; };", ":1: server.zzzzzzzz: unknown key"},
	{"servr = { };", ":1: servr: unknown key; did you mean server?"},
	{"server = {\n\n workers = 900; };", ":3: server.workers: 900 is over 64"},
	{"server = { workers = -1; };", ":1: server.workers: -1 is under 0"},
	{"server = { port = 80.5; };", ":1: server.port: 80.5 is not a whole number"},
	{"server = { port = \"80a\"; };", ":1: server.port: \"80a\" is not a whole number"},
	{"server = { port = true; };", ":1: server.port: true is not a whole number"},
	{"server = { port = { }; };", ":1: server.port: a group stands where a single value is expected"},
	{"server = 3;", ":1: server: a single value stands where a group, { ... }, is expected"},
	{"server = { max_body_bytes = \"2GiB\"; };", ":1: server.max_body_bytes: 2GiB is over 1GiB"},
	{"server = { max_body_bytes = \"2 bananas\"; };",
		":1: server.max_body_bytes: \"2 bananas\" is not a size (8192, \"8KiB\", \"32MiB\")"},
	{"server = { max_body_bytes = 5000000000; };",
		":1: server.max_body_bytes: 5000000000 is over 1GiB"},
	{"server = { port = -3000000000; };", ":1: server.port: -3000000000 is under 1"},
	{"server = { port = 0xffffffff; };", ":1: server.port: 4294967295 is over 65535"},
	{"server = { port = 99999999999999999999; };", ":1: 99999999999999999999 is too large a number"},
	{"server = { port = [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]; };", ":1: nested more than 31 deep"},
	{"server = { idle_timeout_seconds = \"soon\"; };",
		":1: server.idle_timeout_seconds: \"soon\" is not a time (30, \"500ms\", \"2m\")"},
	{"server = { host = []; };", ":1: server.host: is empty: there is nothing to listen on"},
	{"server = { host = [\"1.2.3.4\", \"a b\"]; };",
		":1: server.host: \"a b\" is neither an address nor a host name"},
	{"server = { host = 5; };", ":1: server.host: 5 is not a text; write it in quotes"},
	{"server = { stream_pause_bytes = \"64KiB\"; };",
		" server.stream_resume_bytes: is not under server.stream_pause_bytes"},
	{"discovery = { enabled = 1; };", ":1: discovery.enabled: 1 is not true or false"},
	{"routing = { strategy = \"smrt\"; };",
		":1: routing.strategy: \"smrt\" is none of smart, round_robin, priority_only, random, least_loaded; "
		"did you mean smart?"},
	{"routing = { weights = { priority = 0; load = 0; latency = 0; }; };",
		":1: routing.weights.priority: is 0, and so are load and latency"},
	{"routing = { aliases = ( { name = \"a\"; } ); };", ":1: routing.aliases[0]: target is missing"},
	{"routing = { aliases = ( { name = \"a\"; target = \"\"; } ); };", ":1: routing.aliases[0].target: is empty"},
	{"routing = { aliases = { }; };",
		":1: routing.aliases: a group stands where a list of groups, ( { ... }, { ... } ), is expected"},
	{"routing = { aliases = ( { name = \"a\"; target = \"b\"; },\n { name = \"b\"; target = \"a\"; } ); };",
		":1: routing.aliases[0]: aliases go in a circle: a -> b -> a"},
	{"routing = { aliases = ( { name = \"a\"; target = \"b\"; }, { name = \"b\"; target = \"c\"; },\n"
	 "{ name = \"c\"; target = \"d\"; }, { name = \"d\"; target = \"e\"; } ); };",
		":1: routing.aliases[0]: the chain of aliases is longer than 3: a -> b -> c -> d -> e"},
	{"routing = { aliases = ( { name = \"a\"; target = \"b\"; },\n { name = \"a\"; target = \"c\"; } ); };",
		":2: routing.aliases[1]: there is another alias named a"},
	{"routing = { fallbacks = ( { model = \"m\"; chain = [\"m\"]; } ); };",
		":1: routing.fallbacks[0]: the chain of m leads back to it"},
	{"routing = { fallbacks = ( { model = \"m\"; chain = [\"n\", \"o\", \"n\"]; } ); };",
		":1: routing.fallbacks[0]: the chain of m names n twice"},
	{"routing = { fallbacks = ( { model = \"m\"; chain = []; } ); };", ":1: routing.fallbacks[0]: chain is empty"},
	{"routing = { fallbacks = ( { model = \"m\"; chain = [\"n\"]; },\n { model = \"m\"; chain = [\"o\"]; } ); };",
		":2: routing.fallbacks[1]: there is another chain for m"},
	{"routing = { policies = ( { model_pattern = \"m\"; privacy = \"open\"; } ); };",
		":1: routing.policies[0].privacy: \"open\" is none of none, restricted"},
	{"routing = { policies = ( { model_pattern = \"m\"; min_tier = 6; } ); };",
		":1: routing.policies[0].min_tier: 6 is over 5"},
	{"backends = ( { name = \"a\"; url = \"ftp://x\"; } );",
		":1: backends[0].url: \"ftp://x\" does not begin with http:// or https://"},
	{"backends = ( { name = \"a\"; url = \"http://u:secret@x\"; } );",
		":1: backends[0].url: the URL holds a user name or password; use api_key"},
	{"backends = ( { name = \"a\"; url = \"http://x:99999\"; } );",
		":1: backends[0].url: \"http://x:99999\" has no valid host or port"},
	{"backends = ( { name = \"a\"; url = \"http://x?y\"; } );",
		":1: backends[0].url: \"http://x?y\" has a query or a fragment; only an address and a path belong here"},
	{"backends = ( { name = \"a\"; url = \"http://x\"; type = \"olama\"; } );",
		":1: backends[0].type: \"olama\" is none of ollama, vllm, llamacpp, lmstudio, exo, openai, anthropic, "
		"google, generic, demo; did you mean ollama?"},
	{"backends = ( { name = \"a\"; url = \"http://x\"; tier = 6; } );", ":1: backends[0].tier: 6 is over 5"},
	{"backends = ( { name = \"a\"; url = \"http://x\"; api_key = \"sk-secret\"; } );",
		":1: backends[0].api_key: a secret is given as \"env:NAME\" or \"file:/path\", never in clear"},
	{"backends = ( { name = \"a\"; url = \"http://x\"; api_key = 12345; } );",
		":1: backends[0].api_key: a secret is given as \"env:NAME\" or \"file:/path\", never in clear"},
	{"backends = ( { name = \"a\"; url = \"http://x\"; api_key = \"env:A\"; api_key_env = \"A\"; } );",
		":1: backends[0]: api_key and api_key_env are both given"},
	{"backends = ( { name = \"a\"; url = \"http://8.8.8.8:80\"; } );",
		":1: backends[0]: a is restricted, but http://8.8.8.8:80 is not a private address; set zone = \"open\", "
		"or name its network in routing.trusted_networks"},
	{"backends = ( { name = \"a\"; url = \"http://x\"; },\n { name = \"a\"; url = \"http://y\"; } );",
		":2: backends[1]: there is another backend named a"},
	{"backends = ( { name = \"a\"; url = \"http://x/\"; },\n { name = \"b\"; url = \"http://x\"; } );",
		":2: backends[1]: b has the same url as a"},
	{"backends = ( { name = \"a\"; url = \"http://x\"; models = ( { id = \"m\"; }, { id = \"m\"; } ); } );",
		":1: backends[0]: the model m is given twice"},
	{"backends = ( { name = \"a\"; url = \"http://x\"; models = ( { id = \"m\"; visoin = true; } ); } );",
		":1: backends[0].models[0].visoin: unknown key; did you mean vision?"},
	{"backends = ( { name = \"a\"; url = \"http://x\"; models = ( { id = \"m\"; capabilities = { coding = 11; }; } ); } );",
		":1: backends[0].models[0].capabilities.coding: 11 is over 10"},
	{"budget = { unknown_price = \"default\"; };",
		":1: budget.unknown_price: is \"default\", but budget.default_price is not given"},
	{"budget = { limits = ( { name = \"n\"; scope = \"team\"; limit = 5; } ); };",
		":1: budget.limits[0]: id is missing: n is of which one?"},
	{"logging = { components = { rooting = \"debug\"; }; };",
		":1: logging.components.rooting: there is no component of this name"},
	{"logging = { components = { routing = \"loud\"; }; };",
		":1: logging.components.routing: \"loud\" is none of trace, debug, info, warn, error"},
	{"server = { port = 1;\n", ":2: syntax error"},
	{"@include \"absent.conf\"\n", ":1: cannot read absent.conf: No such file or directory"},
	{"@include \"folder\"\n", ":1: cannot read folder: Is a directory"},
	{"@include \"nexus.conf\"\n", ":1: files include each other too deeply"},
};

static void test_mistakes(void **state)
{
	mkdir("folder", 0700);
	for (size_t i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++) {
		const char *problem = mistakes[i].problem;
		struct config_errors errors;
		char expected[512];

		write_file("nexus.conf", mistakes[i].text);
		assert_null(load("nexus.conf", NULL, false, &errors));
		assert_true(errors.error_count > 0);
		snprintf(expected, sizeof(expected), "%s%s", *problem == ':' ? "nexus.conf" : "",
			*problem == ' ' ? problem + 1 : problem);
		assert_string_equal(errors.items[errors.count - 1].text, expected);
		config_errors_free(&errors);
	}
}

static void test_all_problems_in_one_run(void **state)
{
	struct config_errors errors;

	write_file("nexus.conf", "server = { port = 0;\n workers = 99; };\nlogging = { level = \"x\"; };\n");
	assert_null(load("nexus.conf", NULL, false, &errors));
	assert_int_equal(errors.error_count, 3);
	assert_string_equal(errors.items[0].text, "nexus.conf:1: server.port: 0 is under 1");
	assert_string_equal(errors.items[1].text, "nexus.conf:2: server.workers: 99 is over 64");
	config_errors_free(&errors);
}

static void test_units(void **state)
{
	static const struct {
		const char *text;
		double seconds;
	} times[] = {{"30", 30}, {"\"500ms\"", 0.5}, {"\"30s\"", 30}, {"\"2m\"", 120}, {"\"1h\"", 3600}, {"1.5", 1.5},
		{"\"2 min\"", 120}, {"\"0.5d\"", 43200}};
	static const struct {
		const char *text;
		uint64_t bytes;
	} sizes[] = {{"4096", 4096}, {"\"8KiB\"", 8192}, {"\"2MB\"", 2000000}, {"\"1GiB\"", 1073741824}, {"\"2048B\"", 2048},
		{"1073741824L", 1073741824}, {"0x1000", 4096}};
	char text[128];

	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		snprintf(text, sizeof(text), "server = { idle_timeout_seconds = %s; };", times[i].text);
		struct config *config = load_good(text);

		assert_true(config->server.idle_timeout_seconds == times[i].seconds);
		config_unref(&config);
	}
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		snprintf(text, sizeof(text), "server = { max_body_bytes = %s; };", sizes[i].text);
		struct config *config = load_good(text);

		assert_true(config->server.max_body_bytes == sizes[i].bytes);
		config_unref(&config);
	}
}

static void test_precedence(void **state)
{
	const char *const overrides[] = {"server.port=3", "discovery.auto_accept=10.0.0.0/8, studio-*", NULL};
	struct config_errors errors;
	struct config *config;

	write_file("nexus.conf", "server = { port = 1; workers = 1; max_headers = 50; };");
	setenv("NEXUS_PORT", "2", 1);
	setenv("NEXUS_WORKERS", "2", 1);
	setenv("NEXUS_DISCOVERY", "off", 1);
	config = load("nexus.conf", overrides, true, &errors);
	assert_non_null(config);
	assert_int_equal(config->server.port, 3);
	assert_int_equal(config->server.workers, 2);
	assert_int_equal(config->server.max_headers, 50);
	assert_int_equal(config->server.max_json_depth, 64);
	assert_false(config->discovery.enabled);
	assert_int_equal(config->discovery.auto_accept.count, 2);
	assert_string_equal(config->discovery.auto_accept.items[1], "studio-*");
	config_unref(&config);
	config = load("nexus.conf", NULL, false, &errors);
	assert_int_equal(config->server.port, 1);
	config_unref(&config);
	setenv("NEXUS_PORT", "many", 1);
	assert_null(load("nexus.conf", NULL, true, &errors));
	assert_string_equal(errors.items[0].text, "NEXUS_PORT: server.port: \"many\" is not a whole number");
	config_errors_free(&errors);
	unsetenv("NEXUS_PORT");
	assert_null(load("", (const char *const[]){"server.prot=3", "server.port=x", NULL}, false, &errors));
	assert_string_equal(errors.items[0].text, "command line: server.prot: unknown key");
	assert_string_equal(errors.items[1].text, "command line: server.port: \"x\" is not a whole number");
	config_errors_free(&errors);
	unsetenv("NEXUS_WORKERS");
	unsetenv("NEXUS_DISCOVERY");
}

static void test_search(void **state)
{
	char path[256];

	write_file("nexus.conf", "");
	config_find_file(path, sizeof(path));
	assert_string_equal(path, "nexus.conf");
	setenv("NEXUS_CONFIG", "/x/y.conf", 1);
	config_find_file(path, sizeof(path));
	assert_string_equal(path, "/x/y.conf");
	unsetenv("NEXUS_CONFIG");
}

static void test_include(void **state)
{
	struct config_errors errors;
	struct config *config;

	mkdir("sub", 0700);
	write_file("sub/more.conf", "# one\nserver = { port = 7; };\n");
	write_file("sub/nexus.conf", "@include \"more.conf\"\nlogging = { level = \"debug\"; };\n");
	config = load("sub/nexus.conf", NULL, false, &errors);
	assert_non_null(config);
	assert_int_equal(config->server.port, 7);
	config_unref(&config);
	write_file("sub/more.conf", "# one\nserver = { port = 70000; };\n");
	assert_null(load("sub/nexus.conf", NULL, false, &errors));
	assert_string_equal(errors.items[0].text, "sub/more.conf:2: server.port: 70000 is over 65535");
	config_errors_free(&errors);
	write_file("sub/more.conf", "server = { port = 7; };\n");
	write_file("sub/nexus.conf", "\n@include \"more.conf\"\nlogging = { level = \"loud\"; };\n");
	assert_null(load("sub/nexus.conf", NULL, false, &errors));
	assert_string_equal(errors.items[0].text,
		"sub/nexus.conf:3: logging.level: \"loud\" is none of trace, debug, info, warn, error");
	config_errors_free(&errors);
}

/* What only looks like a large integer is left alone. */
static void test_scan_is_not_fooled(void **state)
{
	struct config *config = load_good("// 5000000000 \"\n# 5000000000\n/* 5000000000\n@include \"x\" */\n"
					  "routing = { aliases = ( { name = \"5000000000\"; target = \"a\\\"9999999999\"; } ); };\n"
					  "budget = { monthly_limit = 5000000.5; limits = ( { name = \"a\"; scope = \"global\"; "
					  "limit = 50000000000; unit = \"tokens\"; } ); };\n");

	assert_true(config->budget.limits[0].limit == 5e10);
	config_unref(&config);
}

static void test_secrets(void **state)
{
	struct config_errors errors;
	struct config *config;

	setenv("TEST_KEY", "sk-from-env", 1);
	unsetenv("TEST_ABSENT");
	write_file("/tmp/nexus-config-test-key", "sk-from-file\n");
	write_file("nexus.conf", "backends = ( { name = \"a\"; url = \"https://x\"; type = \"openai\"; api_key = \"env:TEST_KEY\"; },\n"
				 "{ name = \"b\"; url = \"https://y\"; api_key = \"file:/tmp/nexus-config-test-key\"; },\n"
				 "{ name = \"c\"; url = \"https://z\"; api_key_env = \"TEST_KEY\"; },\n"
				 "{ name = \"d\"; url = \"https://w\"; api_key = \"env:TEST_ABSENT\"; },\n"
				 "{ name = \"e\"; url = \"https://v\"; api_keys = [\"env:TEST_KEY\", \"file:/tmp/nexus-config-test-key\"]; } );\n");
	config = load("nexus.conf", NULL, false, &errors);
	assert_non_null(config);
	assert_int_equal(errors.count, 1);
	assert_true(errors.items[0].warning);
	assert_string_equal(errors.items[0].text,
		"nexus.conf:4: backends[3].api_key: the environment has no TEST_ABSENT; nothing is sent");
	assert_string_equal(config->backends[0].api_key, "sk-from-env");
	assert_string_equal(config->backends[1].api_key, "sk-from-file");
	assert_string_equal(config->backends[2].api_key, "sk-from-env");
	assert_string_equal(config->backends[3].api_key, "");
	assert_string_equal(config->backends[4].api_keys.items[1], "sk-from-file");
	config_unref(&config);
	config_errors_free(&errors);
	setenv("TEST_KEY", "one\r\nX-Evil: 1", 1);
	assert_null(load("nexus.conf", NULL, false, &errors));
	assert_string_equal(errors.items[0].text,
		"nexus.conf:1: backends[0].api_key: what env:TEST_KEY holds is not one line of visible characters");
	config_errors_free(&errors);
	unlink("/tmp/nexus-config-test-key");
}

static void test_defaults_by_type(void **state)
{
	struct config *config = load_good(
		"backends = ( { name = \"a\"; url = \"http://localhost:1//\"; type = \"ollama\"; models = ( { id = \"m\"; vision = false; } ); },\n"
		"{ name = \"b\"; url = \"https://x\"; type = \"anthropic\"; api_key = \"env:PATH\"; priority = 3; zone = \"restricted\"; } );");
	const struct config_backend *backend = config->backends;

	assert_string_equal(backend[0].url, "http://localhost:1");
	assert_int_equal(backend[0].priority, 50);
	assert_int_equal(backend[0].zone, CONFIG_ZONE_RESTRICTED);
	assert_int_equal(backend[0].tier, 3);
	assert_int_equal(backend[0].models[0].tier, 3);
	assert_int_equal(backend[0].models[0].context_length, 0);
	assert_int_equal(backend[0].models[0].vision, TRISTATE_NO);
	assert_int_equal(backend[0].models[0].tools, TRISTATE_UNSET);
	assert_int_equal(backend[1].priority, 3);
	assert_int_equal(backend[1].zone, CONFIG_ZONE_RESTRICTED);
	config_unref(&config);
}

static void test_trusted_network(void **state)
{
	struct config *config = load_good("routing = { trusted_networks = [\"203.0.113.0/24\", \"2001:db8::/33\"]; };\n"
					  "backends = ( { name = \"a\"; url = \"http://203.0.113.9:80\"; },\n"
					  "{ name = \"b\"; url = \"http://[2001:db8:7fff::1]:80\"; },\n"
					  "{ name = \"c\"; url = \"http://192.168.4.4\"; }, { name = \"d\"; url = \"http://gpu.example\"; } );");

	assert_int_equal(config->backend_count, 4);
	config_unref(&config);
}

/* --- what zones make unreachable --- */

#define HOME(model) "{ name = \"home\"; url = \"http://127.0.0.1:1\"; models = ( { id = \"" model "\"; } ); }"
#define CLOUD(model) "{ name = \"cloud\"; url = \"http://127.0.0.1:2\"; zone = \"open\"; models = ( { id = \"" model "\"; } ); }"

static void test_warnings_of_zones(void **state)
{
	static const struct {
		const char *text;
		const char *warning; /* NULL: none */
	} rows[] = {
		{"backends = ( " HOME("m") ",\n" CLOUD("m") " );",
			"nexus.conf:2: backends[1]: m of cloud is never used: it is in the open zone, home offers the model in "
			"the restricted one, and routing.cross_zone is \"block\""},
		{"routing = { cross_zone = \"allow\"; };\nbackends = ( " HOME("m") ", " CLOUD("m") " );", NULL},
		{"routing = { cross_zone = \"fresh_only\"; };\nbackends = ( " HOME("m") ", " CLOUD("m") " );", NULL},
		{"backends = ( " HOME("m") ", " CLOUD("n") " );", NULL},
		{"routing = { fallbacks = ( { model = \"m\"; chain = [\"n\"]; } ); };\nbackends = ( " HOME("m") ", " CLOUD("n") " );",
			"nexus.conf:1: routing.fallbacks[0]: n can never stand in for m: only open backends offer it, home of the "
			"restricted zone offers m, and routing.cross_zone is \"block\""},
		{"routing = { fallbacks = ( { model = \"nick\"; chain = [\"n\"]; } ); aliases = ( { name = \"nick\"; target = \"m\"; } ); };\n"
		 "backends = ( " HOME("m") ", " CLOUD("n") " );",
			"nexus.conf:1: routing.fallbacks[0]: n can never stand in for nick: only open backends offer it, home of "
			"the restricted zone offers m, and routing.cross_zone is \"block\""},
		{"routing = { fallbacks = ( { model = \"n\"; chain = [\"m\"]; } ); };\nbackends = ( " HOME("m") ", " CLOUD("n") " );", NULL},
		{"routing = { cross_zone = \"allow\"; policies = ( { model_pattern = \"n*\"; privacy = \"restricted\"; } ); };\n"
		 "backends = ( " CLOUD("n") " );",
			"nexus.conf:2: backends[0]: n of cloud is never used: it is in the open zone, and the policy for \"n*\" "
			"(routing.policies) wants the restricted one"},
		{"routing = { cross_zone = \"allow\"; policies = ( { model_pattern = \"m\"; privacy = \"restricted\"; } );\n"
		 "fallbacks = ( { model = \"m\"; chain = [\"n\"]; } ); };\nbackends = ( " HOME("m") ", " CLOUD("n") " );",
			"nexus.conf:2: routing.fallbacks[0]: n can never stand in for m: only open backends offer it, and the "
			"policy for \"m\" (routing.policies) wants the restricted zone"},
		{"routing = { aliases = ( { name = \"n\"; target = \"m\"; } ); fallbacks = ( { model = \"n\"; chain = [\"m\"]; } ); };",
			"nexus.conf:1: routing.fallbacks[0]: m can only stand in for n where a backend offers both: by the aliases "
			"they are one model"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct config_errors errors;
		struct config *config;

		write_file("nexus.conf", rows[i].text);
		config = load("nexus.conf", NULL, false, &errors);
		assert_non_null(config);
		assert_int_equal(errors.warning_count, rows[i].warning != NULL);
		if (rows[i].warning)
			assert_string_equal(errors.items[0].text, rows[i].warning);
		config_unref(&config);
		config_errors_free(&errors);
	}
}

static int enter_directory(void **state)
{
	return mkdtemp(directory) && chdir(directory) == 0 ? 0 : -1;
}

static int leave_directory(void **state)
{
	unlink("sub/more.conf");
	unlink("sub/nexus.conf");
	unlink("nexus.conf");
	rmdir("sub");
	rmdir("folder");
	return rmdir(directory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_canonical_file),
		cmocka_unit_test(test_canonical_file_is_complete),
		cmocka_unit_test(test_mistakes),
		cmocka_unit_test(test_all_problems_in_one_run),
		cmocka_unit_test(test_units),
		cmocka_unit_test(test_precedence),
		cmocka_unit_test(test_search),
		cmocka_unit_test(test_include),
		cmocka_unit_test(test_scan_is_not_fooled),
		cmocka_unit_test(test_secrets),
		cmocka_unit_test(test_defaults_by_type),
		cmocka_unit_test(test_trusted_network),
		cmocka_unit_test(test_warnings_of_zones),
	};

	unsetenv("NEXUS_CONFIG");
	return cmocka_run_group_tests(tests, enter_directory, leave_directory);
}
