/* Promise: the health worker, alone with a supervisor and model servers of every kind and mood,
 * says what is true of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "backend/backend.h"
#include "base/hash_table.h"
#include "base/json_scan.h"
#include "tests/fake/fake_backend.h"
#include "tests/fake/fake_supervisor.h"

#define SERVERS  6u
#define SOON_MS  5000u
#define TEXT_MAX 8192u

struct fixture {
	struct fake_backends servers;
	struct fake_supervisor worker;
	bool is_running;
};

/* --- fixture --- */

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	if (!fake_backends_start(&f->servers, SERVERS, NULL)) {
		print_message("no python3: skipped\n");
		exit(77);
	}
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	if (f->is_running)
		fake_stop(&f->worker);
	fake_backends_stop(&f->servers);
	free(f);
	return 0;
}

/* `%P0` to `%P5` in the text become the servers' ports. */
static void fill_ports(const struct fixture *f, const char *text, char out[TEXT_MAX])
{
	size_t len = 0;

	while (*text && len < TEXT_MAX - 8) {
		if (strncmp(text, "%P", 2) == 0) {
			len += (size_t)snprintf(out + len, TEXT_MAX - len, "%u", f->servers.ports[text[2] - '0']);
			text += 3;
		} else {
			out[len++] = *text++;
		}
	}
	out[len] = '\0';
}

#define PACE                                                                                       \
	"health_check = { timeout_seconds = 0.3; interval_seconds = 0.1; "                         \
	"unhealthy_interval_seconds = 0.1; };"
#define CALM  "discovery = { enabled = false; };"
#define QUICK PACE CALM

static void start(struct fixture *f, const char *config)
{
	char text[TEXT_MAX];
	struct fake_options options = {
		.role = ROLE_HEALTH, .ops = &health_worker_ops, .config = text};

	fill_ports(f, config, text);
	fake_start(&f->worker, &options);
	f->is_running = true;
}

static void await_ready(struct fixture *f)
{
	if (!fake_await(&f->worker, MSG_READY, FAKE_TIMEOUT_MS))
		fail_msg("never READY; last words: %s", f->worker.last_words);
}

static const char *backends(struct fixture *f)
{
	int exit_code = -1;
	const char *answer = fake_command(&f->worker, "backends", &exit_code);

	assert_non_null(answer);
	assert_int_equal(exit_code, 0);
	return answer;
}

/* The bytes of one backend's object, copied. */
static void backend_json(struct fixture *f, const char *name, char out[TEXT_MAX])
{
	const char *answer = backends(f);
	char mark[128];
	const char *at;
	const char *end;

	snprintf(mark, sizeof(mark), "\"name\":\"%s\",\"url\"", name);
	at = strstr(answer, mark);
	if (!at)
		fail_msg("no backend %s in %s", name, answer);
	end = strstr(at, "\"key_refused\"");
	assert_non_null(end);
	snprintf(out, TEXT_MAX, "%.*s", (int)(end - at), at);
}

static bool shows(struct fixture *f, const char *name, const char *what)
{
	char json[TEXT_MAX];

	backend_json(f, name, json);
	return strstr(json, what) != NULL;
}

static void await_shown(struct fixture *f, const char *name, const char *what)
{
	uint64_t end_ms = clock_monotonic_ms() + FAKE_TIMEOUT_MS;
	char json[TEXT_MAX];

	while (!shows(f, name, what)) {
		if (clock_monotonic_ms() > end_ms) {
			backend_json(f, name, json);
			fail_msg("%s never shows %s: %s", name, what, json);
		}
		usleep(20000);
	}
}

/* --- tests --- */

static void test_every_kind_is_read(void **state)
{
	struct fixture *f = *state;
	static const char *const kinds[SERVERS] = {
		"openai", "ollama", "llamacpp", "vllm", "lmstudio", "generic"};
	char text[256];

	for (unsigned i = 0; i < SERVERS; i++) {
		snprintf(text, sizeof(text),
			"{\"server\":{\"kind\":\"%s\",\"models\":[\"m-%s\"],\"context_length\":%u}"
			"}",
			kinds[i], kinds[i], 1000 + i);
		fake_backend_control(f->servers.ports[i], text);
	}
	fake_backend_control(f->servers.ports[0], "{\"server\":{\"api_key\":\"sk-secret-1\"}}");
	setenv("NEXUS_TEST_KEY", "sk-secret-1", 1);
	start(f, CALM
		"backends = ({name = \"openai\"; url = \"http://127.0.0.1:%P0\"; type = "
		"\"openai\"; api_key = \"env:NEXUS_TEST_KEY\";},"
		"{name = \"ollama\"; url = \"http://127.0.0.1:%P1\"; type = \"ollama\";},"
		"{name = \"llamacpp\"; url = \"http://127.0.0.1:%P2\"; type = \"llamacpp\";},"
		"{name = \"vllm\"; url = \"http://127.0.0.1:%P3/v1\"; type = \"vllm\";},"
		"{name = \"lmstudio\"; url = \"http://127.0.0.1:%P4\"; type = \"lmstudio\";},"
		"{name = \"generic\"; url = \"http://localhost:%P5/\"; type = \"generic\";});");
	await_ready(f);
	for (unsigned i = 0; i < SERVERS; i++) {
		char model[64];
		char context[64];

		snprintf(model, sizeof(model), "\"id\":\"m-%s\"", kinds[i]);
		snprintf(context, sizeof(context), "\"context_length\":%u", 1000 + i);
		assert_true(shows(f, kinds[i], "\"status\":\"healthy\""));
		assert_true(shows(f, kinds[i], model));
		assert_true(shows(f, kinds[i], "\"last_error\":null"));
		if (i != 0 && i != 5)
			assert_true(shows(f, kinds[i], context));
	}
	assert_null(strstr(backends(f), "sk-secret"));
}

/* READY comes although a server is silent, and what is configured is in the registry before. */
static void test_ready_does_not_wait_for_the_silent(void **state)
{
	struct fixture *f = *state;
	const struct msg_backend_put *put;
	const struct msg_registry_end *end;
	struct frame_header header;

	fake_backend_control(f->servers.ports[0], "{\"scope\":\"probe\",\"hang\":\"headers\"}");
	start(f, CALM
		"backends = ({name = \"quiet\"; url = \"http://127.0.0.1:%P0\"; type = \"vllm\"; "
		"models = ({id = \"known\";});});");
	put = fake_await_frame(&f->worker, MSG_BACKEND_PUT, 1000, &header);
	assert_non_null(put);
	assert_string_equal(put->models[0].id, "known");
	assert_int_equal(header.object, put->id);
	assert_int_equal(header.version, 1);
	assert_int_equal(header.to.role, ROLE_REQUEST);
	assert_int_equal(header.to.slot, PEER_EVERY);
	end = fake_await(&f->worker, MSG_REGISTRY_END, 1000);
	assert_non_null(end);
	assert_int_equal(end->version, 1);
	assert_int_equal(end->epoch, f->worker.generation);
	assert_true(shows(f, "quiet", "\"status\":\"unknown\""));
	await_ready(f);
}

struct failure_case {
	const char *behaviour;
	const char *says;
};

static const struct failure_case failures[] = {
	{"{\"scope\":\"probe\",\"status\":500}", "HTTP 500 from /v1/models"},
	{"{\"scope\":\"probe\",\"status\":401}", "API key"},
	{"{\"scope\":\"probe\",\"bad_json\":true}", "unreadable JSON from /v1/models"},
	{"{\"scope\":\"probe\",\"gzip\":true}", "unreadable JSON"},
	{"{\"scope\":\"probe\",\"hang\":\"headers\"}",
		"time-out: no whole answer to GET /v1/models within 0.3 s"},
	{"{\"scope\":\"probe\",\"hang\":\"body\"}", "time-out"},
	{"{\"scope\":\"probe\",\"reset\":\"request\"}", "connection lost during GET /v1/models"},
	{"{\"scope\":\"probe\",\"close\":true}", "connection lost"},
	{"{\"scope\":\"probe\",\"cut_after\":5}", "connection lost"},
	{"{\"scope\":\"probe\",\"raw\":\"220 smtp.example ready\\r\\n\"}",
		"bad answer to GET /v1/models"},
	{"{\"scope\":\"probe\",\"status\":302,\"headers\":{\"Location\":\"http://127.0.0.1:1/\"}}",
		"redirects are not followed"},
	{"{\"refuse_for\":30}", "connection refused at http://127.0.0.1"},
};

static void test_failures_say_what_they_are(void **state)
{
	struct fixture *f = *state;

	start(f, QUICK "backends = ({name = \"s\"; url = \"http://127.0.0.1:%P0\"; type = "
		       "\"generic\";});");
	await_ready(f);
	for (size_t i = 0; i < sizeof(failures) / sizeof(failures[0]); i++) {
		fake_backend_control(f->servers.ports[0],
			"{\"scope\":\"probe\",\"status\":0,\"bad_json\":false,"
			"\"gzip\":false,\"hang\":\"\",\"reset\":\"\",\"close\":false,"
			"\"cut_after\":-1,\"raw\":null,\"headers\":{}}");
		await_shown(f, "s", "\"status\":\"healthy\"");
		fake_backend_control(f->servers.ports[0], failures[i].behaviour);
		await_shown(f, "s", failures[i].says);
		await_shown(f, "s", "\"status\":\"unhealthy\"");
		/* What it offered stays known. */
		assert_true(shows(f, "s", "\"id\":\"fake-model\""));
	}
}

static void test_an_endless_answer_is_cut_off(void **state)
{
	struct fixture *f = *state;
	char *behaviour = malloc((PROBE_BODY_MAX) + 256);
	size_t len = (size_t)snprintf(behaviour, 256, "{\"scope\":\"probe\",\"body\":\"");

	memset(behaviour + len, 'x', PROBE_BODY_MAX + 1);
	memcpy(behaviour + len + PROBE_BODY_MAX + 1, "\"}", 3);
	fake_backend_control(f->servers.ports[0], behaviour);
	free(behaviour);
	start(f, CALM "backends = ({name = \"s\"; url = \"http://127.0.0.1:%P0\"; type = "
		      "\"generic\";});");
	await_ready(f);
	assert_true(shows(f, "s", "over 8 MiB"));
}

static void test_some_addresses_are_never_connected_to(void **state)
{
	struct fixture *f = *state;

	start(f, QUICK
		"backends = ({name = \"meta\"; url = \"http://169.254.169.254\"; type = "
		"\"generic\"; zone = \"open\";},"
		"{name = \"zero\"; url = \"http://0.0.0.0:%P0\"; type = \"generic\"; zone = "
		"\"open\";},"
		"{name = \"mapped\"; url = \"http://[::ffff:169.254.169.254]\"; type = "
		"\"generic\"; zone = \"open\";},"
		"{name = \"tls\"; url = \"https://127.0.0.1:%P0\"; type = \"generic\";},"
		"{name = \"dns\"; url = \"http://no-such-host.invalid\"; type = \"generic\";});");
	await_ready(f);
	assert_true(shows(f, "meta",
		"refused to connect to 169.254.169.254:80: it is a cloud's metadata address"));
	assert_true(shows(f, "zero", "refused to connect to 0.0.0.0"));
	assert_true(shows(f, "mapped", "metadata"));
	assert_true(shows(f, "tls", "TLS with https://127.0.0.1"));
	/* Where there is no resolver at all it may be a time-out. */
	assert_true(
		shows(f, "dns", "DNS: the host of http://no-such-host.invalid has no address") ||
		shows(f, "dns", "time-out"));
}

static void test_warming_is_not_broken(void **state)
{
	struct fixture *f = *state;

	fake_backend_control(
		f->servers.ports[0], "{\"server\":{\"kind\":\"llamacpp\",\"loading\":true}}");
	start(f, QUICK "backends = ({name = \"l\"; url = \"http://127.0.0.1:%P0\"; type = "
		       "\"llamacpp\";});");
	await_ready(f);
	assert_true(shows(f, "l", "\"status\":\"warming\""));
	assert_true(shows(f, "l", "loading its model"));
	fake_backend_control(f->servers.ports[0], "{\"server\":{\"loading\":false}}");
	await_shown(f, "l", "\"status\":\"healthy\"");
}

static void test_a_reload_adds_changes_removes(void **state)
{
	struct fixture *f = *state;
	const struct msg_backend_put *put;
	char text[TEXT_MAX];
	uint64_t id;

	start(f, CALM "backends = ({name = \"a\"; url = \"http://127.0.0.1:%P0\"; type = "
		      "\"generic\";});");
	await_ready(f);
	put = fake_await(&f->worker, MSG_BACKEND_PUT, SOON_MS);
	assert_non_null(put);
	id = put->id;
	fill_ports(f,
		CALM
		"backends = ({name = \"b\"; url = \"http://127.0.0.1:%P1\"; type = \"generic\";});",
		text);
	fake_send_config(&f->worker, text);
	assert_non_null(fake_await(&f->worker, MSG_CONFIG_ACK, SOON_MS));
	assert_int_equal(((const struct msg_backend_delete *)fake_await(
				  &f->worker, MSG_BACKEND_DELETE, SOON_MS))
				 ->id,
		id);
	/* Probed at once, not after an interval. */
	await_shown(f, "b", "\"status\":\"healthy\"");
	assert_null(strstr(backends(f), "\"name\":\"a\""));
}

/* A worker that starts where another died: what was known is in force before the first probe has
 * ended. */
static void test_the_seed_is_kept(void **state)
{
	struct fixture *f = *state;
	struct fake_options options = {.role = ROLE_HEALTH, .ops = &health_worker_ops};
	struct msg_model model = {.id = "old", .name = "old", .tier = 3, .state = 18};
	char text[TEXT_MAX];
	char url[64];
	struct msg_backend_put put = {.name = "s",
		.type = "vllm",
		.url = url,
		.tier = 3,
		.row = 7,
		.state = 17,
		.models = &model,
		.models_count = 1};
	struct frame_header header = {.version = 40};
	int exit_code;

	fake_backend_control(f->servers.ports[0], "{\"scope\":\"probe\",\"hang\":\"headers\"}");
	snprintf(url, sizeof(url), "http://127.0.0.1:%u", f->servers.ports[0]);
	put.id = header.object = hash_stable(url, strlen(url));
	fake_spawn(&f->worker, &options);
	f->is_running = true;
	scoreboard_row_define(f->worker.scoreboard, 7, ROW_CAPACITY, 0);
	atomic_store(&scoreboard_state(f->worker.scoreboard, 17)->status, STATUS_HEALTHY);
	fake_send_boot(&f->worker);
	fill_ports(f,
		CALM "backends = ({name = \"s\"; url = \"http://127.0.0.1:%P0\"; type = \"vllm\"; "
		     "priority = 9;});",
		text);
	fake_send_config(&f->worker, text);
	fake_send_with(&f->worker, MSG_BACKEND_PUT, header, &put);
	fake_send_registry_end(&f->worker, 40);
	assert_true(shows(f, "s", "\"status\":\"healthy\""));
	assert_true(shows(f, "s", "\"id\":\"old\""));
	/* Only its priority is news; the numbers are the old ones. */
	put = *(const struct msg_backend_put *)fake_await_frame(
		&f->worker, MSG_BACKEND_PUT, SOON_MS, &header);
	assert_int_equal(header.version, 41);
	assert_int_equal(put.row, 7);
	assert_int_equal(put.state, 17);
	assert_int_equal(put.priority, 9);
	assert_int_equal(put.models[0].state, 18);
	assert_non_null(fake_command(&f->worker, "nonsense", &exit_code));
	assert_int_equal(exit_code, 2);
}

static void test_traffic_brings_an_early_probe_but_no_storm(void **state)
{
	struct fixture *f = *state;
	struct msg_observed observed = {.model = "", .what = OBSERVED_CONNECT_FAILED};
	struct frame_header header = {.from = {ROLE_REQUEST, 0}};
	const struct msg_backend_put *put;
	uint64_t seen_ms;
	unsigned probes;

	start(f, CALM "backends = ({name = \"s\"; url = \"http://127.0.0.1:%P0\"; type = "
		      "\"generic\";});");
	await_ready(f);
	put = fake_await(&f->worker, MSG_BACKEND_PUT, SOON_MS);
	assert_non_null(put);
	observed.backend = put->id;
	assert_int_equal(fake_backend_requests(f->servers.ports[0]), 1);
	for (int i = 0; i < 50; i++)
		fake_send_with(&f->worker, MSG_OBSERVED, header, &observed);
	await_shown(f, "s", "\"connect_failed\":50");
	for (int waited_ms = 0; fake_backend_requests(f->servers.ports[0]) < 2; waited_ms += 20) {
		assert_in_range(waited_ms, 0, FAKE_TIMEOUT_MS);
		backends(f);
		usleep(20000);
	}
	/* What follows within a second of a probe waits. (A slow machine may have let it pass.) */
	seen_ms = clock_monotonic_ms();
	for (int i = 0; i < 50; i++)
		fake_send_with(&f->worker, MSG_OBSERVED, header, &observed);
	await_shown(f, "s", "\"connect_failed\":100");
	usleep(200000);
	probes = fake_backend_requests(f->servers.ports[0]);
	assert_true(probes == 2 || clock_monotonic_ms() - seen_ms > 800);
}

static void test_a_drain_lets_probes_finish(void **state)
{
	struct fixture *f = *state;
	struct msg_drain drain = {.deadline_ms = 5000, .stopping = true};
	char *stats;

	fake_backend_control(f->servers.ports[0], "{\"scope\":\"probe\",\"first_byte_delay\":1}");
	start(f, CALM "backends = ({name = \"s\"; url = \"http://127.0.0.1:%P0\"; type = "
		      "\"generic\";});");
	while (fake_backend_requests(f->servers.ports[0]) == 0)
		usleep(10000);
	fake_send(&f->worker, MSG_DRAIN, &drain);
	assert_true(fake_await_exit(&f->worker, FAKE_TIMEOUT_MS));
	assert_true(WIFEXITED(f->worker.status) && WEXITSTATUS(f->worker.status) == 0);
	stats = fake_backend_stats(f->servers.ports[0]);
	assert_non_null(strstr(stats, "\"states\":{\"done\":1}"));
	free(stats);
}

static void check_json(const char *text)
{
	struct json_reader json;

	json_reader_init(&json, slice_of(text), 16);
	assert_true(json_skip(&json) && json_finish(&json));
}

static void test_commands_answer_in_json(void **state)
{
	struct fixture *f = *state;
	const char *answer;
	int exit_code;

	start(f, QUICK "backends = ({name = \"a\"; url = \"http://127.0.0.1:%P0\"; type = "
		       "\"generic\"; priority = 3; "
		       "models = ({id = \"fake-model\"; tools = true;}, {id = \"extra\"; "
		       "context_length = 99;});},"
		       "{name = \"b\"; url = \"http://127.0.0.1:1\"; type = \"ollama\";},"
		       "{name = \"c\"; url = \"http://127.0.0.1:%P1\"; type = \"generic\";},"
		       "{name = \"d\"; url = \"http://127.0.0.1:2\"; type = \"ollama\"; disabled = "
		       "true;});");
	await_ready(f);
	check_json(backends(f));
	assert_true(shows(f, "a", "\"priority\":3"));
	assert_true(shows(f, "a", "\"discovery_source\":\"static\""));
	assert_true(shows(f, "a", "\"pending_requests\":0"));
	assert_true(shows(f, "b", "\"last_error\":\"connection refused at http://127.0.0.1:1\""));
	assert_true(shows(f, "d", "\"status\":\"disabled\""));
	assert_true(shows(f, "d", "\"last_health_check\":null"));
	answer = fake_command(&f->worker, "models", &exit_code);
	check_json(answer);
	assert_non_null(
		strstr(answer, "{\"id\":\"extra\",\"name\":\"extra\",\"context_length\":99"));
	assert_non_null(strstr(answer, "\"supports_tools\":true"));
	assert_non_null(strstr(answer, "\"backends\":[\"a\",\"c\"]"));
	answer = fake_command(&f->worker, "health", &exit_code);
	check_json(answer);
	assert_non_null(strstr(answer, "\"status\":\"degraded\""));
	assert_non_null(strstr(answer, "\"backends\":{\"total\":3,\"healthy\":2,\"unhealthy\":1}"));
	assert_non_null(strstr(answer, "\"models\":{\"total\":2}"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_every_kind_is_read),
		TEST(test_ready_does_not_wait_for_the_silent),
		TEST(test_failures_say_what_they_are),
		TEST(test_an_endless_answer_is_cut_off),
		TEST(test_some_addresses_are_never_connected_to),
		TEST(test_warming_is_not_broken),
		TEST(test_a_reload_adds_changes_removes),
		TEST(test_the_seed_is_kept),
		TEST(test_traffic_brings_an_early_probe_but_no_storm),
		TEST(test_a_drain_lets_probes_finish),
		TEST(test_commands_answer_in_json),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
