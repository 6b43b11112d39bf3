/* reload.c: load, compare, try, hand out. */
#include "supervisor/reload.h"

#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/service_notify.h"
#include "supervisor/admin.h"
#include "supervisor/process_table.h"
#include "supervisor/service.h"
#include "supervisor/slot_life.h"

/* --- the end --- */

static void finish(struct supervisor *supervisor, bool done, const char *text)
{
	struct reload *reload = &supervisor->reload;

	reload->step = RELOAD_IDLE;
	config_issue_drop(&supervisor->proposed);
	log_at(LOG_CONFIG, done ? LOG_LEVEL_INFO : LOG_LEVEL_ERROR, "%s", text);
	service_notify("READY=1");
	admin_finished(supervisor->admin, ADMIN_RELOAD, reload->begun, done, text);
}

static void finish_unchanged(struct supervisor *supervisor, const char *problem)
{
	char text[ERROR_TEXT_MAX + 64];

	snprintf(text, sizeof(text), "the configuration stays as it was: %s", problem);
	finish(supervisor, false, text);
}

/* Appends the names of the keys that do, or do not, wait for the next start. */
static void add_keys(
	const struct reload *reload, struct buffer *text, bool pending, const char *title)
{
	bool any = false;

	for (size_t i = 0; i < reload->change_count; i++) {
		if ((reload->changes[i].reload == CONFIG_UPGRADE) != pending)
			continue;
		buffer_printf(text, "%s%s", any ? ", " : title, reload->changes[i].key);
		any = true;
	}
}

static void finish_well(struct supervisor *supervisor)
{
	struct reload *reload = &supervisor->reload;
	struct buffer text;

	buffer_init(&text, 16384);
	buffer_append_text(
		&text, reload->change_count > 0 ? "reloaded" : "reloaded; nothing has changed");
	add_keys(reload, &text, false, "; changed: ");
	add_keys(reload, &text, true, "; in force only after the next start: ");
	finish(supervisor, true, buffer_text(&text));
	buffer_free(&text);
}

/* --- handing out --- */

static bool all_acknowledged(const struct supervisor *supervisor)
{
	for (unsigned i = 0; i < supervisor->slot_count; i++) {
		const struct slot *slot = &supervisor->slots[i];

		if (slot->state == SLOT_READY &&
			slot->config_acked < supervisor->current.config->version)
			return false;
	}
	return true;
}

/* From here on it is the configuration in force. */
static void hand_out(struct supervisor *supervisor)
{
	struct reload *reload = &supervisor->reload;
	struct config_issue old = supervisor->current;
	struct error err;

	supervisor->current = supervisor->proposed;
	supervisor->proposed.config = NULL;
	config_issue_drop(&old);
	if (!service_open_log(supervisor, supervisor->current.config, &err))
		log_error(LOG_CONFIG, "%s; logging goes on as before", err.text);
	reload->step = RELOAD_ACKS;
	reload->deadline_ms = clock_monotonic_ms() + RELOAD_ACK_MS;
	mailroom_send_config(supervisor);
	for (unsigned i = 0; i < supervisor->slot_count; i++)
		slot_retry(&supervisor->slots[i]);
}

void reload_acknowledged(struct slot *slot, uint64_t version, const char *refusal)
{
	struct reload *reload = &slot->supervisor->reload;

	if (slot->config_acked < version)
		slot->config_acked = version;
	if (refusal[0] != '\0' && reload->step == RELOAD_ACKS && reload->refusal[0] == '\0')
		snprintf(reload->refusal, sizeof(reload->refusal),
			"reloaded, but %s refuses it: %s", slot_name(slot), refusal);
	service_go_on(slot->supervisor);
}

/* --- new workers first --- */

static void on_respawned(struct supervisor *supervisor, const char *problem)
{
	if (problem)
		finish_unchanged(supervisor, problem);
	else
		hand_out(supervisor);
}

static bool try_workers(struct supervisor *supervisor, bool replace_all, struct error *err)
{
	struct respawn_order order = {
		.role = ROLE_REQUEST,
		.number = RESPAWN_EVERY,
		.keep_old = !replace_all,
		.wanted = process_count(ROLE_REQUEST, supervisor->proposed.config, false),
		.done = on_respawned,
	};

	supervisor->reload.step = RELOAD_TRIAL;
	return respawn_start(supervisor, &order, err);
}

/* --- load and compare --- */

static struct config *load(struct supervisor *supervisor, struct error *err)
{
	struct config_errors errors;
	struct config *config;
	const char *first = NULL;

	config_errors_init(&errors);
	config = config_load(&supervisor->options->sources, &errors);
	for (size_t i = 0; i < errors.count; i++) {
		const struct config_problem *problem = &errors.items[i];

		log_at(LOG_CONFIG, problem->warning ? LOG_LEVEL_WARN : LOG_LEVEL_ERROR, "%s",
			problem->text);
		if (!first && !problem->warning)
			first = problem->text;
	}
	if (!config)
		error_set(err, "%s%s", first ? first : "it cannot be loaded",
			errors.error_count > 1 ? " (and more; see the log)" : "");
	config_errors_free(&errors);
	return config;
}

/* Fills in what changed; keys that cannot change now get their old value. True when workers must be
 * replaced. */
static bool compare(struct supervisor *supervisor, struct config *config, bool *count_only)
{
	struct reload *reload = &supervisor->reload;
	bool respawn = false;

	*count_only = true;
	reload->change_count = config_diff(supervisor->current.config, config, reload->changes);
	for (size_t i = 0; i < reload->change_count; i++) {
		struct config_change *change = &reload->changes[i];
		bool workers = strcmp(change->key, "server.workers") == 0;

		if (workers && process_count(ROLE_REQUEST, config, false) >
				       process_workers_max(supervisor->slot_count))
			change->reload = CONFIG_UPGRADE;
		if (change->reload == CONFIG_UPGRADE) {
			config_keep(config, supervisor->current.config, change->key);
		} else if (change->reload == CONFIG_RESPAWN) {
			respawn = true;
			*count_only &= workers;
		}
	}
	return respawn;
}

static void begin(struct supervisor *supervisor)
{
	struct reload *reload = &supervisor->reload;
	uint64_t version = supervisor->current.config->version + 1;
	struct config *config;
	struct error err;
	bool respawn, count_only;

	reload->wanted = false;
	reload->begun++;
	reload->refusal[0] = '\0';
	service_notify_reloading();
	config = load(supervisor, &err);
	if (!config) {
		finish_unchanged(supervisor, err.text);
		return;
	}
	service_add_demo(supervisor, config);
	respawn = compare(supervisor, config, &count_only);
	if (!config_issue_make(&supervisor->proposed, config, version, &supervisor->current, &err))
		finish_unchanged(supervisor, err.text);
	else if (!respawn)
		hand_out(supervisor);
	else if (!try_workers(supervisor, !count_only, &err))
		finish_unchanged(supervisor, err.text);
	service_go_on(supervisor);
}

static void look_at_acknowledgements(struct supervisor *supervisor)
{
	struct reload *reload = &supervisor->reload;
	bool late = clock_monotonic_ms() > reload->deadline_ms;

	if (!late && !all_acknowledged(supervisor))
		return;
	if (reload->refusal[0] != '\0')
		finish(supervisor, false, reload->refusal);
	else if (late)
		finish(supervisor, false,
			"reloaded, but not all workers say that they have taken it; see the log");
	else
		finish_well(supervisor);
}

/* Whether a reload may begin: there is none, and nobody else replaces workers. */
static bool is_free(const struct supervisor *supervisor)
{
	return supervisor->reload.step == RELOAD_IDLE && supervisor->respawn.step == RESPAWN_IDLE;
}

void reload_go_on(struct supervisor *supervisor)
{
	if (supervisor->reload.step == RELOAD_ACKS)
		look_at_acknowledgements(supervisor);
	if (supervisor->reload.wanted && is_free(supervisor))
		begin(supervisor);
}

void reload_request(struct supervisor *supervisor, const char *why)
{
	struct reload *reload = &supervisor->reload;

	if (supervisor->stop.how != STOP_NOT || !supervisor->serving) {
		log_warn(LOG_CONFIG, "%s: no reload while the service starts or stops", why);
		admin_finished(supervisor->admin, ADMIN_RELOAD, reload->begun + 1, false,
			"the service is starting or stopping");
		return;
	}
	log_info(LOG_CONFIG, "%s: reloading%s", why,
		is_free(supervisor) ? "" : " as soon as what is under way has ended");
	reload->wanted = true;
	service_go_on(supervisor);
}
