/* A worker boots, works and ends as its supervisor says, and never outlives it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fatal.h"
#include "base/memory.h"
#include "tests/fake/fake_supervisor.h"

/* --- a role that does nothing but tell --- */

#define BIG          (600u << 10)
#define REFUSED_PORT 4242u

static struct {
	struct registry *pinned;
	unsigned rings;
	unsigned peers_gone;
	bool stop_accept;
} told;

static bool start(struct worker *worker, struct error *err)
{
	if (worker->config->server.port == REFUSED_PORT)
		return error_set(err, "port %u is not for us", REFUSED_PORT);
	return true;
}

static bool on_config(struct worker *worker, struct config *old, struct error *err)
{
	if (worker->config->server.port == REFUSED_PORT)
		return error_set(
			err, "port %u is not for us, it stays %u", REFUSED_PORT, old->server.port);
	return true;
}

static void on_drain(struct worker *worker, uint64_t deadline_ms, bool stopping)
{
	if (deadline_ms == 0)
		worker_done(worker);
}

static void on_stop_accept(struct worker *worker, bool on)
{
	told.stop_accept = on;
}

static void on_doorbell(struct worker *worker)
{
	told.rings++;
}

static void on_peer_gone(struct worker *worker, const struct msg_peer_gone *gone)
{
	told.peers_gone += gone->column == 3 && gone->role == ROLE_HEALTH;
}

static void answer_big(struct worker *worker, uint32_t request_id)
{
	char *text = memory_alloc(BIG);

	memset(text, 'b', BIG);
	worker_answer(worker, request_id, 0, slice_make(text, BIG));
	free(text);
}

static int parent_death_signal(void)
{
	int signal = 0;

	prctl(PR_GET_PDEATHSIG, &signal);
	return signal;
}

static void on_command(struct worker *worker, uint32_t request_id, const char *line)
{
	const struct registry_backend *backend =
		registry_backend_by_name(worker->registry, slice_of("gpu"));
	char name[16] = "";
	char text[512];

	if (strcmp(line, "big") == 0) {
		answer_big(worker, request_id);
		return;
	}
	if (strcmp(line, "panic") == 0)
		panic("told to");
	if (strcmp(line, "block") == 0)
		usleep(150000);
	if (strcmp(line, "pin") == 0)
		told.pinned = registry_ref(worker->registry);
	if (strcmp(line, "unpin") == 0)
		registry_unref(&told.pinned);
	prctl(PR_GET_NAME, name);
	snprintf(text, sizeof(text),
		"%s slot=%u generation=%u column=%u listeners=%zu port=%u config=%u rings=%u "
		"gone=%u stop=%d pdeath=%d "
		"backends=%zu model=%s tier=%u cloud=%d",
		name, worker->slot, worker->generation, worker->column, worker->listener_count,
		worker->config->server.port, (unsigned)worker->config->version, told.rings,
		told.peers_gone, told.stop_accept, parent_death_signal(),
		worker->registry->backend_count, backend ? backend->models[0].id : "-",
		backend ? backend->models[0].tier : 0, backend ? backend->is_cloud : 0);
	worker_answer(worker, request_id, 3, slice_of(text));
}

static void on_heartbeat(struct worker *worker, struct msg_heartbeat *heartbeat)
{
	heartbeat->connections = 11;
	heartbeat->requests = 12;
	heartbeat->requests_total = 13;
}

static const struct worker_ops teller = {
	.role = ROLE_REQUEST,
	.start = start,
	.on_config = on_config,
	.on_drain = on_drain,
	.on_stop_accept = on_stop_accept,
	.on_doorbell = on_doorbell,
	.on_peer_gone = on_peer_gone,
	.on_command = on_command,
	.on_heartbeat = on_heartbeat,
};

static const struct worker_ops silent = {.role = ROLE_BUDGET, .start = start, .on_drain = on_drain};

static const struct fake_options with_teller = {
	.role = ROLE_REQUEST, .ops = &teller, .listeners = 2};

/* --- helpers --- */

static void start_and_await_ready(struct fake_supervisor *fake)
{
	fake_start(fake, &with_teller);
	assert_non_null(fake_await(fake, MSG_READY, FAKE_TIMEOUT_MS));
}

static void assert_told(struct fake_supervisor *fake, const char *line, const char *part)
{
	int exit_code = -1;
	const char *text = fake_command(fake, line, &exit_code);

	assert_non_null(text);
	assert_int_equal(exit_code, 3);
	if (!strstr(text, part))
		fail_msg("\"%s\" is not in: %s", part, text);
}

/* The same for what may come a turn of the loop later. */
static void await_told(struct fake_supervisor *fake, const char *part)
{
	int exit_code;

	for (int i = 0; i < 1000; i++) {
		const char *text = fake_command(fake, "tell", &exit_code);

		if (text && strstr(text, part))
			return;
		usleep(2000);
	}
	fail_msg("\"%s\" was not told in time", part);
}

static void assert_exits(struct fake_supervisor *fake, int code)
{
	assert_true(fake_await_exit(fake, FAKE_TIMEOUT_MS));
	assert_true(WIFEXITED(fake->status));
	assert_int_equal(WEXITSTATUS(fake->status), code);
}

static void assert_aborts(struct fake_supervisor *fake, const char *last_words)
{
	assert_true(fake_await_exit(fake, FAKE_TIMEOUT_MS));
	assert_true(WIFSIGNALED(fake->status));
	assert_int_equal(WTERMSIG(fake->status), SIGABRT);
	if (!strstr(fake->last_words, last_words))
		fail_msg("\"%s\" is not in: %s", last_words, fake->last_words);
}

static const struct scoreboard_header *header_of(struct fake_supervisor *fake)
{
	return scoreboard_header(fake->scoreboard, fake->column);
}

static void put_backend(struct fake_supervisor *fake, const char *model)
{
	const struct msg_model models[] = {
		{.id = model, .name = model}, {.id = "z", .name = "z", .tier = 5}};
	const struct msg_backend_put put = {.id = 77,
		.name = "gpu",
		.url = "http://127.0.0.1:1",
		.type = "ollama",
		.tier = 3,
		.models = models,
		.models_count = 2};

	fake_send_with(fake, MSG_BACKEND_PUT,
		(struct frame_header){.from.role = ROLE_HEALTH, .object = 77}, &put);
}

/* --- the promises --- */

static void it_boots_and_becomes_ready(void **state)
{
	struct fake_supervisor fake;
	pid_t pid;

	start_and_await_ready(&fake);
	pid = fake.pid;
	assert_int_equal(header_of(&fake)->pid, pid);
	assert_int_equal(header_of(&fake)->generation, fake.generation);
	assert_int_equal(header_of(&fake)->ready, 1);
	assert_told(&fake, "tell",
		"nexus:request2 slot=2 generation=7 column=5 listeners=2 port=8000 config=1");
	assert_told(&fake, "tell", "pdeath=9");
	fake_stop(&fake);
}

static void it_starts_only_when_it_has_everything(void **state)
{
	struct fake_supervisor fake;

	fake_spawn(&fake, &with_teller);
	fake_send_boot(&fake);
	put_backend(&fake, "llama");
	fake_send_config(&fake, NULL);
	assert_null(fake_await(&fake, MSG_READY, 100));
	assert_int_equal(header_of(&fake)->ready, 0);
	fake_ring(&fake);
	fake_send_registry_end(&fake, 9);
	const struct msg_ready *ready = fake_await(&fake, MSG_READY, FAKE_TIMEOUT_MS);
	assert_non_null(ready);
	assert_int_equal(ready->registry_version, 9);
	assert_int_equal(header_of(&fake)->registry_version, 9);
	assert_told(&fake, "tell", "backends=1 model=llama tier=3 cloud=0");
	/* What rang before the start is not lost. */
	await_told(&fake, "rings=1");
	fake_stop(&fake);
}

static void its_heart_beats_with_its_numbers_and_its_lag(void **state)
{
	struct fake_supervisor fake;
	const struct msg_heartbeat *beat;

	start_and_await_ready(&fake);
	assert_told(&fake, "block", "slot=2");
	do {
		beat = fake_await(&fake, MSG_HEARTBEAT, FAKE_TIMEOUT_MS);
		assert_non_null(beat);
	} while (beat->loop_lag_us < 150000);
	assert_int_equal(beat->connections, 11);
	assert_int_equal(beat->requests, 12);
	assert_int_equal(beat->requests_total, 13);
	/* Told once, then forgotten. */
	for (int i = 0; i < 5 && beat->loop_lag_us >= 150000; i++) {
		beat = fake_await(&fake, MSG_HEARTBEAT, FAKE_TIMEOUT_MS);
		assert_non_null(beat);
	}
	assert_true(beat->loop_lag_us < 150000);
	fake_stop(&fake);
}

static void a_new_configuration_is_taken_and_acknowledged(void **state)
{
	const struct msg_config_ack *ack;
	struct fake_supervisor fake;

	start_and_await_ready(&fake);
	fake_send_config(&fake, "server = { port = 9001; };");
	ack = fake_await(&fake, MSG_CONFIG_ACK, FAKE_TIMEOUT_MS);
	assert_non_null(ack);
	assert_int_equal(ack->version, 2);
	assert_string_equal(ack->refusal, "");
	assert_told(&fake, "tell", "port=9001 config=2");
	fake_stop(&fake);
}

static void a_refused_configuration_leaves_the_old_one(void **state)
{
	const struct msg_config_ack *ack;
	struct fake_supervisor fake;

	start_and_await_ready(&fake);
	fake_send_config(&fake, "server = { port = 4242; };");
	ack = fake_await(&fake, MSG_CONFIG_ACK, FAKE_TIMEOUT_MS);
	assert_non_null(ack);
	assert_int_equal(ack->version, 2);
	assert_string_equal(ack->refusal, "port 4242 is not for us, it stays 8000");
	fake_send_config_bytes(&fake, SLICE_LITERAL("server = { port = "));
	ack = fake_await(&fake, MSG_CONFIG_ACK, FAKE_TIMEOUT_MS);
	assert_non_null(ack);
	assert_int_equal(ack->version, 3);
	assert_true(strlen(ack->refusal) > 0);
	assert_told(&fake, "tell", "port=8000 config=1");
	fake_stop(&fake);
}

static void an_impossible_first_configuration_is_78_and_a_sentence(void **state)
{
	struct fake_options options = with_teller;
	struct fake_supervisor fake;

	options.config = "server = { port = 4242; };";
	fake_start(&fake, &options);
	assert_exits(&fake, 78);
	assert_string_equal(fake.last_words, "port 4242 is not for us");
	fake_stop(&fake);
}

static void the_registry_follows_puts_and_deletes(void **state)
{
	const struct msg_backend_delete gone = {.id = 77};
	struct fake_supervisor fake;

	start_and_await_ready(&fake);
	put_backend(&fake, "a");
	put_backend(&fake, "b");
	assert_told(&fake, "tell", "backends=0");
	fake_send_registry_end(&fake, 1);
	assert_told(&fake, "tell", "backends=1 model=b");
	fake_send(&fake, MSG_BACKEND_DELETE, &gone);
	fake_send_registry_end(&fake, 2);
	assert_told(&fake, "tell", "backends=0 model=-");
	fake_stop(&fake);
}

static void the_column_shows_the_oldest_snapshot_still_held(void **state)
{
	struct fake_supervisor fake;

	start_and_await_ready(&fake);
	fake_send_registry_end(&fake, 4);
	assert_told(&fake, "pin", "backends=0");
	assert_int_equal(header_of(&fake)->registry_version, 4);
	fake_send_registry_end(&fake, 5);
	fake_send_registry_end(&fake, 6);
	assert_told(&fake, "tell", "backends=0");
	assert_int_equal(header_of(&fake)->registry_version, 4);
	assert_told(&fake, "unpin", "backends=0");
	fake_send_registry_end(&fake, 7);
	assert_told(&fake, "tell", "backends=0");
	assert_int_equal(header_of(&fake)->registry_version, 7);
	fake_stop(&fake);
}

static void the_role_hears_what_is_meant_for_it(void **state)
{
	const struct msg_peer_gone gone = {.role = ROLE_HEALTH, .column = 3};
	const struct msg_stop_accept stop = {.on = true};
	struct fake_supervisor fake;

	start_and_await_ready(&fake);
	fake_send(&fake, MSG_PEER_GONE, &gone);
	fake_send(&fake, MSG_STOP_ACCEPT, &stop);
	assert_told(&fake, "tell", "gone=1 stop=1");
	fake_ring(&fake);
	await_told(&fake, "rings=1");
	fake_stop(&fake);
}

static void a_long_answer_comes_in_pieces(void **state)
{
	struct fake_supervisor fake;
	int exit_code = -1;
	const char *text;

	start_and_await_ready(&fake);
	text = fake_command(&fake, "big", &exit_code);
	assert_non_null(text);
	assert_int_equal(exit_code, 0);
	assert_int_equal(strlen(text), BIG);
	fake_stop(&fake);
}

static void a_role_without_registry_or_commands_says_so(void **state)
{
	struct fake_options options = {.role = ROLE_BUDGET, .ops = &silent};
	struct fake_supervisor fake;
	int exit_code = -1;

	fake_start(&fake, &options);
	assert_non_null(fake_await(&fake, MSG_READY, FAKE_TIMEOUT_MS));
	assert_true(header_of(&fake)->registry_version == UINT64_MAX);
	assert_string_equal(
		fake_command(&fake, "tell", &exit_code), "workers of this role take no commands\n");
	assert_int_equal(exit_code, 1);
	fake_stop(&fake);
}

static void a_drain_ends_with_0(void **state)
{
	struct msg_drain drain = {.deadline_ms = 60000};
	struct fake_supervisor fake;

	start_and_await_ready(&fake);
	fake_send(&fake, MSG_DRAIN, &drain);
	assert_told(&fake, "tell", "slot=2");
	assert_int_equal(header_of(&fake)->ready, 0);
	drain.deadline_ms = 0;
	fake_send(&fake, MSG_DRAIN, &drain);
	assert_exits(&fake, 0);
	fake_stop(&fake);
}

static void a_drain_before_the_start_ends_with_0(void **state)
{
	const struct msg_drain drain = {.deadline_ms = 60000, .stopping = true};
	struct fake_supervisor fake;

	fake_spawn(&fake, &with_teller);
	fake_send_boot(&fake);
	fake_send(&fake, MSG_DRAIN, &drain);
	assert_exits(&fake, 0);
	fake_stop(&fake);
}

static void it_leaves_when_the_supervisor_is_gone(void **state)
{
	struct fake_supervisor fake;

	start_and_await_ready(&fake);
	fake_close_channel(&fake);
	assert_exits(&fake, 0);
	fake_stop(&fake);
	fake_spawn(&fake, &with_teller);
	fake_close_channel(&fake);
	assert_exits(&fake, 0);
	fake_stop(&fake);
}

static void signals_of_a_terminal_are_not_for_it(void **state)
{
	static const int signals[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGPIPE};
	struct fake_supervisor fake;

	start_and_await_ready(&fake);
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		fake_kill(&fake, signals[i]);
	assert_told(&fake, "tell", "slot=2");
	fake_stop(&fake);
}

static void a_panic_leaves_last_words(void **state)
{
	const struct msg_command command = {.line = "panic"};
	struct fake_supervisor fake;

	start_and_await_ready(&fake);
	fake_send(&fake, MSG_COMMAND, &command);
	assert_aborts(&fake, "told to");
	fake_stop(&fake);
}

static void nonsense_from_the_supervisor_aborts(void **state)
{
	const struct msg_observed observed = {.backend = 1};
	struct fake_supervisor fake;

	start_and_await_ready(&fake);
	fake_send_garbage(&fake);
	assert_aborts(&fake, "the supervisor sent a frame of protocol 99");
	fake_stop(&fake);

	start_and_await_ready(&fake);
	fake_send(&fake, MSG_OBSERVED, &observed);
	assert_aborts(&fake, "OBSERVED may not go from supervisor to request");
	fake_stop(&fake);

	start_and_await_ready(&fake);
	fake_send_boot(&fake);
	assert_aborts(&fake, "message type 1 came after BOOT");
	fake_stop(&fake);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_boots_and_becomes_ready),
		cmocka_unit_test(it_starts_only_when_it_has_everything),
		cmocka_unit_test(its_heart_beats_with_its_numbers_and_its_lag),
		cmocka_unit_test(a_new_configuration_is_taken_and_acknowledged),
		cmocka_unit_test(a_refused_configuration_leaves_the_old_one),
		cmocka_unit_test(an_impossible_first_configuration_is_78_and_a_sentence),
		cmocka_unit_test(the_registry_follows_puts_and_deletes),
		cmocka_unit_test(the_column_shows_the_oldest_snapshot_still_held),
		cmocka_unit_test(the_role_hears_what_is_meant_for_it),
		cmocka_unit_test(a_long_answer_comes_in_pieces),
		cmocka_unit_test(a_role_without_registry_or_commands_says_so),
		cmocka_unit_test(a_drain_ends_with_0),
		cmocka_unit_test(a_drain_before_the_start_ends_with_0),
		cmocka_unit_test(it_leaves_when_the_supervisor_is_gone),
		cmocka_unit_test(signals_of_a_terminal_are_not_for_it),
		cmocka_unit_test(a_panic_leaves_last_words),
		cmocka_unit_test(nonsense_from_the_supervisor_aborts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
