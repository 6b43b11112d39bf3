/* health_worker.c: the health worker's life: catalogue, schedule and publishing, tied to the
 * worker's callbacks.
 *
 * It alone proposes what the registry says. It never serves a request and nothing waits for it:
 * when it is gone, routing goes on with what was said last. */
#include <limits.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "workers/health/catalogue.h"
#include "workers/health/health_json.h"
#include "workers/health/publish.h"
#include "workers/health/schedule.h"
#include "workers/worker.h"

/* READY comes after the first round of probes, but never later than this. */
#define READY_TIMEOUT_S 3.0
/* Changes are told together: so many backends every so often, so that no frame queue and no loop
 * chokes. */
#define PUBLISH_DELAY_S 0.02
#define PUBLISH_AT_ONCE 25u
#define TIDY_INTERVAL_S 5.0
#define ANSWER_MAX      (64u << 20)

struct health_worker {
	struct worker *worker;
	struct catalogue *catalogue;
	struct schedule schedule;
	ev_timer publish;
	ev_timer ready;
	ev_timer tidy;
	ev_timer drained; /* the end of a drain, out of all callbacks */
	bool is_ready;
};

/* --- telling --- */

static bool send_to_requests(
	void *owner, enum message_type type, const void *message, uint64_t object, uint64_t version)
{
	return worker_send_object(owner, type,
		(struct peer){.role = ROLE_REQUEST, .slot = PEER_EVERY}, message, object, version);
}

static void publish_later(struct health_worker *health)
{
	if (ev_is_active(&health->publish))
		return;
	ev_timer_set(&health->publish, PUBLISH_DELAY_S, 0.0);
	ev_timer_start(health->worker->loop, &health->publish);
}

static bool publish(struct health_worker *health, unsigned max)
{
	return catalogue_publish(health->catalogue, health->worker->generation, max,
		send_to_requests, health->worker);
}

static void on_publish(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct health_worker *health = timer->data;

	if (!publish(health, PUBLISH_AT_ONCE))
		publish_later(health);
}

/* --- ready --- */

static void become_ready(struct health_worker *health)
{
	if (health->is_ready)
		return;
	health->is_ready = true;
	ev_timer_stop(health->worker->loop, &health->ready);
	/* All that is known goes out before READY: request workers that are started by it begin
	 * with it. */
	if (!publish(health, UINT_MAX))
		publish_later(health);
	worker_ready(health->worker);
}

static void on_ready_timeout(struct ev_loop *loop, ev_timer *timer, int events)
{
	become_ready(timer->data);
}

/* --- draining --- */

static void check_drained(struct health_worker *health)
{
	if (health->schedule.stopping && prober_running(health->schedule.prober) == 0)
		ev_feed_event(health->worker->loop, &health->drained, EV_TIMER);
}

static void on_drained(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct health_worker *health = timer->data;

	publish(health, UINT_MAX);
	schedule_free(&health->schedule);
	catalogue_free(&health->catalogue);
	worker_done(health->worker);
}

/* Probes that run are waited for as long as they may take anyway. */
static void health_drain(struct worker *worker, uint64_t deadline_ms, bool stopping)
{
	struct health_worker *health = worker->state;
	uint64_t longest_ms = (uint64_t)health->catalogue->rules.timeout_ms * PROBE_TIMEOUTS;

	schedule_stop(&health->schedule);
	if (deadline_ms == 0 || deadline_ms > longest_ms)
		deadline_ms = longest_ms;
	ev_timer_stop(worker->loop, &health->drained);
	ev_timer_set(&health->drained, (double)deadline_ms / 1000.0, 0.0);
	ev_timer_start(worker->loop, &health->drained);
	check_drained(health);
}

/* --- probes and traffic --- */

static void on_report(void *owner)
{
	struct health_worker *health = owner;

	publish_later(health);
	if (!health->is_ready && schedule_first_round_is_over(&health->schedule))
		become_ready(health);
	check_drained(health);
}

static void health_observed(struct worker *worker, const struct msg_observed *observed)
{
	struct health_worker *health = worker->state;

	if (catalogue_observe(health->catalogue, observed, clock_monotonic_ms()))
		schedule_soon(
			&health->schedule, catalogue_find(health->catalogue, observed->backend));
}

static void on_tidy(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct health_worker *health = timer->data;

	catalogue_tidy(health->catalogue);
}

/* --- configuration --- */

static void to_probe(void *owner, struct backend_entry *entry)
{
	struct health_worker *health = owner;

	schedule_now(&health->schedule, entry);
}

static void leaving(void *owner, struct backend_entry *entry)
{
	struct health_worker *health = owner;

	schedule_drop(&health->schedule, entry);
}

static const struct catalogue_events catalogue_events = {.to_probe = to_probe, .leaving = leaving};

static bool health_config(struct worker *worker, struct config *old, struct error *err)
{
	struct health_worker *health = worker->state;

	catalogue_configure(health->catalogue, worker->config, &catalogue_events, health);
	publish_later(health);
	return true;
}

/* --- commands --- */

struct question {
	const char *word;
	bool (*answer)(struct health_worker *health, struct buffer *out);
};

static bool answer_backends(struct health_worker *health, struct buffer *out)
{
	return health_json_backends(health->catalogue, out);
}

static bool answer_models(struct health_worker *health, struct buffer *out)
{
	return health_json_models(health->catalogue, out);
}

static bool answer_health(struct health_worker *health, struct buffer *out)
{
	return health_json_health(
		health->catalogue, health->worker->started_wall_us, clock_wall_us(), out);
}

static const struct question questions[] = {
	{"backends", answer_backends},
	{"models", answer_models},
	{"health", answer_health},
};

static int answer(struct health_worker *health, struct slice word, struct buffer *out)
{
	for (size_t i = 0; i < sizeof(questions) / sizeof(questions[0]); i++) {
		if (!slice_is(word, questions[i].word))
			continue;
		if (questions[i].answer(health, out))
			return 0;
		buffer_clear(out);
		buffer_printf(out, "the answer is longer than %u MiB", ANSWER_MAX >> 20);
		return 1;
	}
	buffer_append_text(out, "the health worker knows the commands backends, models and health");
	return 2;
}

static void health_command(struct worker *worker, uint32_t request_id, const char *line)
{
	struct slice word = slice_make(line, strcspn(line, " "));
	struct buffer out;
	int exit_code;

	buffer_init(&out, ANSWER_MAX);
	exit_code = answer(worker->state, word, &out);
	worker_answer(worker, request_id, exit_code, buffer_slice(&out));
	buffer_free(&out);
}

/* --- start --- */

static void start_timers(struct health_worker *health)
{
	ev_timer_init(&health->publish, on_publish, 0.0, 0.0);
	ev_timer_init(&health->drained, on_drained, 0.0, 0.0);
	ev_timer_init(&health->ready, on_ready_timeout, READY_TIMEOUT_S, 0.0);
	ev_timer_init(&health->tidy, on_tidy, TIDY_INTERVAL_S, TIDY_INTERVAL_S);
	health->publish.data = health->drained.data = health->ready.data = health->tidy.data =
		health;
	ev_timer_start(health->worker->loop, &health->ready);
	ev_timer_start(health->worker->loop, &health->tidy);
}

static bool health_start(struct worker *worker, struct error *err)
{
	struct health_worker *health = memory_zalloc(sizeof(*health));

	worker->state = health;
	health->worker = worker;
	health->catalogue = catalogue_new(worker->scoreboard, worker->registry);
	schedule_init(&health->schedule, worker->loop, health->catalogue, on_report, health);
	start_timers(health);
	catalogue_configure(health->catalogue, worker->config, &catalogue_events, health);
	/* What is configured is known from the start, whatever the probes will show. */
	publish_later(health);
	if (schedule_first_round_is_over(&health->schedule))
		ev_feed_event(worker->loop, &health->ready, EV_TIMER);
	return true;
}

const struct worker_ops health_worker_ops = {
	.role = ROLE_HEALTH,
	.start = health_start,
	.ready_later = true,
	.on_config = health_config,
	.on_drain = health_drain,
	.on_observed = health_observed,
	.on_command = health_command,
};
