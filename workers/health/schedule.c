/* schedule.c: timers and probes of the catalogue's entries. */
#include "workers/health/schedule.h"

#include "base/clock.h"

#define EARLY_PROBE_GAP_MS 1000u

static void arm(struct schedule *schedule, struct backend_entry *entry, uint64_t wait_ms)
{
	ev_timer_stop(schedule->loop, &entry->timer);
	if (wait_ms == STATE_NEVER || schedule->stopping)
		return;
	ev_now_update(schedule->loop);
	ev_timer_set(&entry->timer, (double)wait_ms / 1000.0, 0.0);
	ev_timer_start(schedule->loop, &entry->timer);
}

static void on_timer(struct ev_loop *loop, ev_timer *timer, int events);

/* Entries are made by the catalogue, which knows no loop: a timer that was never used is made here.
 */
static void adopt(struct schedule *schedule, struct backend_entry *entry)
{
	if (entry->timer.data)
		return;
	ev_timer_init(&entry->timer, on_timer, 0.0, 0.0);
	entry->timer.data = schedule;
}

static void on_probed(void *owner, const struct probe_report *report)
{
	struct backend_entry *entry = owner;
	struct schedule *schedule = entry->timer.data;
	bool again = entry->is_probe_stale;

	entry->probe = NULL;
	entry->is_probe_stale = false;
	/* What was asked under older settings says nothing. */
	if (!again)
		catalogue_report(schedule->catalogue, entry, report->result, report->latency_us,
			clock_wall_us());
	arm(schedule, entry,
		again ? 0
		      : backend_state_next(
				&entry->state, &schedule->catalogue->rules, &schedule->random));
	schedule->on_report(schedule->owner);
}

static void probe_entry(struct schedule *schedule, struct backend_entry *entry)
{
	struct probe_target target = {
		.url = entry->facts->url,
		.ops = entry->ops,
		.memory = entry->memory,
		.api_key = entry_api_key(entry),
		.ca_file = entry->configured ? entry->configured->ca_file : "",
		.restricted_by =
			entry->facts->zone == ZONE_RESTRICTED ? schedule->catalogue->config : NULL,
		.timeout_ms = schedule->catalogue->rules.timeout_ms,
	};

	ev_timer_stop(schedule->loop, &entry->timer);
	if (entry->probe || schedule->stopping || !entry->ops ||
		!backend_state_is_probed(&entry->state))
		return;
	entry->started_ms = clock_monotonic_ms();
	entry->probe = probe_start(schedule->prober, &target, on_probed, entry);
}

static void on_timer(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct backend_entry *entry =
		(struct backend_entry *)(void *)((char *)timer -
						 offsetof(struct backend_entry, timer));

	probe_entry(timer->data, entry);
}

void schedule_init(struct schedule *schedule, struct ev_loop *loop, struct catalogue *catalogue,
	void (*on_report)(void *owner), void *owner)
{
	*schedule = (struct schedule){
		.loop = loop,
		.catalogue = catalogue,
		.prober = prober_new(loop),
		.on_report = on_report,
		.owner = owner,
	};
	random_seed(&schedule->random, random_u64());
}

void schedule_free(struct schedule *schedule)
{
	schedule->stopping = true;
	for (size_t i = 0; i < schedule->catalogue->count; i++)
		schedule_drop(schedule, schedule->catalogue->entries[i]);
	prober_free(&schedule->prober);
}

void schedule_now(struct schedule *schedule, struct backend_entry *entry)
{
	adopt(schedule, entry);
	if (entry->probe)
		entry->is_probe_stale = true;
	else
		arm(schedule, entry, 0);
}

void schedule_soon(struct schedule *schedule, struct backend_entry *entry)
{
	uint64_t now_ms = clock_monotonic_ms();
	uint64_t earliest_ms = entry->started_ms + EARLY_PROBE_GAP_MS;
	double wait_s = earliest_ms > now_ms ? (double)(earliest_ms - now_ms) / 1000.0 : 0.0;

	adopt(schedule, entry);
	if (entry->probe || !backend_state_is_probed(&entry->state))
		return;
	if (!ev_is_active(&entry->timer) ||
		ev_timer_remaining(schedule->loop, &entry->timer) > wait_s)
		arm(schedule, entry, (uint64_t)(wait_s * 1000.0));
}

void schedule_drop(struct schedule *schedule, struct backend_entry *entry)
{
	ev_timer_stop(schedule->loop, &entry->timer);
	if (entry->probe)
		probe_cancel(&entry->probe);
}

void schedule_stop(struct schedule *schedule)
{
	schedule->stopping = true;
	for (size_t i = 0; i < schedule->catalogue->count; i++) {
		struct backend_entry *entry = schedule->catalogue->entries[i];

		ev_timer_stop(schedule->loop, &entry->timer);
		if (entry->probe && probe_is_waiting(entry->probe))
			probe_cancel(&entry->probe);
	}
}

bool schedule_first_round_is_over(const struct schedule *schedule)
{
	for (size_t i = 0; i < schedule->catalogue->count; i++) {
		const struct backend_entry *entry = schedule->catalogue->entries[i];

		if (!entry->is_reported && backend_state_is_probed(&entry->state))
			return false;
	}
	return true;
}
