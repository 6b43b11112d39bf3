/* admin_status.c: walking slots and columns. */
#include "config.h"

#include "supervisor/admin.h"

#include <unistd.h>

#include "base/clock.h"
#include "base/json_write.h"
#include "supervisor/service.h"

static void write_process(struct json_writer *json, const struct slot *slot, uint64_t now_ms)
{
	bool alive = slot_is_alive(slot);

	json_object_open(json);
	json_member_text(json, "role", role_names[slot->role]);
	json_member_uint(json, "slot", slot->number);
	json_member_uint(json, "generation", slot->generation);
	json_member_uint(json, "pid", (uint64_t)slot->pid);
	json_member_text(json, "state", slot_state_names[slot->state]);
	json_member_uint(json, "uptime_seconds", alive ? (now_ms - slot->started_ms) / 1000 : 0);
	json_member_uint(json, "restarts", slot->restarts);
	json_member_uint(json, "connections", alive ? slot->connections : 0);
	json_member_uint(json, "requests", alive ? slot->in_flight : 0);
	json_member_uint(json, "loop_lag_us", alive ? slot->loop_lag_us : 0);
	json_object_close(json);
}

static void write_processes(struct json_writer *json, const struct supervisor *supervisor)
{
	uint64_t now_ms = clock_monotonic_ms();

	json_key(json, "processes");
	json_array_open(json);
	for (unsigned i = 0; i < supervisor->slot_count; i++)
		if (supervisor->slots[i].state != SLOT_EMPTY)
			write_process(json, &supervisor->slots[i], now_ms);
	json_array_close(json);
}

static void write_columns(struct json_writer *json, struct supervisor *supervisor)
{
	const struct scoreboard_geometry *geometry = scoreboard_geometry(supervisor->scoreboard);

	json_key(json, "columns");
	json_array_open(json);
	for (uint32_t column = 0; column < geometry->columns; column++) {
		struct scoreboard_header *header =
			scoreboard_header(supervisor->scoreboard, column);

		json_object_open(json);
		json_member_uint(json, "column", column);
		json_member_uint(json, "pid", (uint64_t)atomic_load(&header->pid));
		json_member_uint(json, "ended", atomic_load(&header->ended));
		json_member_uint(json, "settled_to", atomic_load(&header->settled_to));
		json_object_close(json);
	}
	json_array_close(json);
}

static void write_config(struct json_writer *json, const struct supervisor *supervisor)
{
	const struct config *config = supervisor->current.config;

	json_key(json, "config");
	json_object_open(json);
	json_member_text(json, "path", config->path);
	json_member_uint(json, "version", config->version);
	json_object_close(json);
	json_key(json, "pending_upgrade_keys");
	json_array_open(json);
	for (size_t i = 0; i < supervisor->reload.change_count; i++)
		if (supervisor->reload.changes[i].reload == CONFIG_UPGRADE)
			json_text(json, supervisor->reload.changes[i].key);
	json_array_close(json);
}

static void write_crashes(struct json_writer *json, const struct supervisor *supervisor)
{
	const char *line;

	json_key(json, "crashes");
	json_array_open(json);
	for (unsigned i = 0; (line = obituary_kept(&supervisor->obituaries, i)); i++) {
		json_object_open(json);
		json_member_text(json, "line", line);
		json_object_close(json);
	}
	json_array_close(json);
}

bool admin_status_write(struct supervisor *supervisor, struct buffer *out)
{
	struct json_writer json;

	json_write_init(&json, out);
	json_object_open(&json);
	json_member_text(&json, "version", PACKAGE_VERSION);
	json_member_uint(&json, "pid", (uint64_t)getpid());
	json_member_uint(
		&json, "uptime_seconds", (clock_monotonic_ms() - supervisor->started_ms) / 1000);
	write_config(&json, supervisor);
	write_processes(&json, supervisor);
	write_columns(&json, supervisor);
	write_crashes(&json, supervisor);
	json_object_close(&json);
	return !json.overflow;
}

bool admin_processes_write(struct supervisor *supervisor, struct buffer *out)
{
	struct json_writer json;

	json_write_init(&json, out);
	json_object_open(&json);
	write_processes(&json, supervisor);
	json_object_close(&json);
	return !json.overflow;
}
