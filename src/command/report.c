/* report.c: reading answers with jansson and laying them out. A member that is missing or null is
 * shown as "-". */
#include "command/report.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "command/text_table.h"

void report_duration(long long seconds, char out[32])
{
	if (seconds >= 86400)
		snprintf(out, 32, "%lldd %lldh", seconds / 86400, seconds % 86400 / 3600);
	else if (seconds >= 3600)
		snprintf(out, 32, "%lldh %lldm", seconds / 3600, seconds % 3600 / 60);
	else if (seconds >= 60)
		snprintf(out, 32, "%lldm %llds", seconds / 60, seconds % 60);
	else
		snprintf(out, 32, "%llds", seconds);
}

/* The document; NULL when it is not a JSON object. */
static json_t *parse(struct slice answer, struct error *err)
{
	json_error_t problem;
	json_t *document = json_loadb(answer.data, answer.len, 0, &problem);

	if (json_is_object(document))
		return document;
	json_decref(document);
	error_set(err, "the answer is not what was expected: %s", problem.text);
	return NULL;
}

static bool dump(const json_t *document, struct buffer *out, struct error *err)
{
	size_t room = json_dumpb(document, NULL, 0, JSON_INDENT(2));
	char *at = buffer_reserve(out, room + 1);

	if (!at)
		return error_set(err, "the answer is too long to be shown");
	buffer_commit(out, json_dumpb(document, at, room, JSON_INDENT(2)));
	return buffer_append_text(out, "\n");
}

/* --- members as cells --- */

static const char *text_of(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text && *text ? text : "-";
}

static void add_text(struct text_table *table, const json_t *object, const char *name)
{
	text_table_add(table, text_of(object, name));
}

static void add_number(struct text_table *table, const json_t *object, const char *name)
{
	const json_t *value = json_object_get(object, name);
	char text[32] = "-";

	if (json_is_integer(value))
		snprintf(text, sizeof(text), "%lld", (long long)json_integer_value(value));
	else if (json_is_real(value))
		snprintf(text, sizeof(text), "%.1f", json_real_value(value));
	text_table_add(table, text);
}

/* yes, no, or ? when it is not known. */
static void add_yes(struct text_table *table, const json_t *object, const char *name)
{
	const json_t *value = json_object_get(object, name);

	text_table_add(table, json_is_true(value) ? "yes" : json_is_false(value) ? "no" : "?");
}

/* The names in a list, of texts or of objects with an id: "a, b". */
static void add_names(struct text_table *table, const json_t *object, const char *name)
{
	const json_t *list = json_object_get(object, name);
	struct buffer text;
	const json_t *item;
	size_t i;

	buffer_init(&text, 1u << 20);
	json_array_foreach((json_t *)list, i, item)
	{
		const char *shown =
			json_is_string(item) ? json_string_value(item) : text_of(item, "id");

		buffer_printf(&text, "%s%s", i > 0 ? ", " : "", shown);
	}
	text_table_add(table, buffer_len(&text) > 0 ? buffer_text(&text) : "-");
	buffer_free(&text);
}

/* --- lists --- */

/* One kind of list: its name, its table, one row, and whether an item passes the filter. */
struct listing {
	const char *name;
	const char *none; /* what is said when there is nothing */
	const char *const *titles;
	void (*add_row)(struct text_table *table, const json_t *item);
	bool (*keep)(const json_t *item, const char *filter);
};

static void filter_items(json_t *items, const struct listing *listing, const char *filter)
{
	for (size_t i = json_array_size(items); filter && listing->keep && i-- > 0;)
		if (!listing->keep(json_array_get(items, i), filter))
			json_array_remove(items, i);
}

static bool put_table(json_t *items, const struct listing *listing,
	const struct report_style *style, struct buffer *out)
{
	struct text_table table;
	json_t *item;
	bool good;
	size_t i;

	if (json_array_size(items) == 0)
		return buffer_printf(out, "%s\n", listing->none);
	text_table_init(&table, listing->titles);
	json_array_foreach(items, i, item) listing->add_row(&table, item);
	good = text_table_write(&table, style->width, out);
	text_table_free(&table);
	return good;
}

static bool report_list(struct slice answer, const struct listing *listing,
	const struct report_style *style, struct buffer *out, struct error *err)
{
	json_t *document = parse(answer, err);
	json_t *items = json_object_get(document, listing->name);
	bool good;

	if (!document)
		return false;
	filter_items(items, listing, style->filter);
	if (!json_is_array(items))
		good = error_set(err, "the answer has no %s", listing->name);
	else if (style->json)
		good = dump(document, out, err);
	else
		good = put_table(items, listing, style, out) ||
		       error_set(err, "the answer is too long");
	json_decref(document);
	return good;
}

static void add_backend(struct text_table *table, const json_t *item)
{
	add_text(table, item, "name");
	add_text(table, item, "url");
	add_text(table, item, "backend_type");
	add_text(table, item, "status");
	add_names(table, item, "models");
}

static bool backend_has_status(const json_t *item, const char *status)
{
	return strcmp(text_of(item, "status"), status) == 0;
}

bool report_backends(struct slice answer, const struct report_style *style, struct buffer *out,
	struct error *err)
{
	static const char *const titles[] = {"NAME", "URL", "TYPE", "STATUS", "MODELS", NULL};
	static const struct listing listing = {
		"backends", "No backends.", titles, add_backend, backend_has_status};

	return report_list(answer, &listing, style, out, err);
}

static void add_model(struct text_table *table, const json_t *item)
{
	add_text(table, item, "id");
	add_number(table, item, "context_length");
	add_yes(table, item, "supports_vision");
	add_yes(table, item, "supports_tools");
	add_yes(table, item, "supports_json_mode");
	add_yes(table, item, "supports_embeddings");
	add_yes(table, item, "loaded");
	add_names(table, item, "backends");
}

static bool model_is_at(const json_t *item, const char *backend)
{
	const json_t *name;
	size_t i;

	json_array_foreach(json_object_get(item, "backends"), i, name)
	{
		if (json_is_string(name) && strcmp(json_string_value(name), backend) == 0)
			return true;
	}
	return false;
}

bool report_models(struct slice answer, const struct report_style *style, struct buffer *out,
	struct error *err)
{
	static const char *const titles[] = {"MODEL", ">CONTEXT", "VISION", "TOOLS", "JSON",
		"EMBEDDINGS", "LOADED", "BACKENDS", NULL};
	static const struct listing listing = {
		"models", "No models.", titles, add_model, model_is_at};

	return report_list(answer, &listing, style, out, err);
}

static void add_process(struct text_table *table, const json_t *item)
{
	char uptime[32];

	report_duration(json_integer_value(json_object_get(item, "uptime_seconds")), uptime);
	add_text(table, item, "role");
	add_number(table, item, "slot");
	add_number(table, item, "generation");
	add_number(table, item, "pid");
	add_text(table, item, "state");
	text_table_add(table, uptime);
	add_number(table, item, "restarts");
	add_number(table, item, "connections");
	add_number(table, item, "requests");
	add_number(table, item, "loop_lag_us");
}

static const char *const process_titles[] = {"ROLE", ">SLOT", ">GEN", ">PID", "STATE", ">UPTIME",
	">RESTARTS", ">CONNS", ">REQS", ">LAG_US", NULL};
static const struct listing processes = {
	"processes", "No processes.", process_titles, add_process, NULL};

bool report_workers(struct slice answer, const struct report_style *style, struct buffer *out,
	struct error *err)
{
	return report_list(answer, &processes, style, out, err);
}

/* --- the others --- */

/* "name: value", the value escaped. */
static void put_line(struct buffer *out, const char *name, const char *value)
{
	char text[1024];

	text_escape(text, sizeof(text), slice_of(value), TEXT_ESCAPE_LINE);
	buffer_printf(out, "%-10s %s\n", name, text);
}

static long long integer_at(const json_t *document, const char *group, const char *name)
{
	const json_t *object = group ? json_object_get(document, group) : document;

	return json_integer_value(json_object_get(object, name));
}

bool report_health(struct slice answer, const struct report_style *style, struct buffer *out,
	struct error *err)
{
	json_t *document = parse(answer, err);
	char text[64];
	bool good = true;

	if (!document)
		return false;
	if (style->json) {
		good = dump(document, out, err);
	} else {
		put_line(out, "Status:", text_of(document, "status"));
		report_duration(integer_at(document, NULL, "uptime_seconds"), text);
		put_line(out, "Uptime:", text);
		snprintf(text, sizeof(text), "%lld/%lld healthy",
			integer_at(document, "backends", "healthy"),
			integer_at(document, "backends", "total"));
		put_line(out, "Backends:", text);
		snprintf(text, sizeof(text), "%lld", integer_at(document, "models", "total"));
		put_line(out, "Models:", text);
	}
	json_decref(document);
	return good;
}

static void put_service(const json_t *document, struct buffer *out)
{
	const json_t *config = json_object_get(document, "config");
	char uptime[32];
	char text[4200];

	report_duration(integer_at(document, NULL, "uptime_seconds"), uptime);
	snprintf(text, sizeof(text), "%s, pid %lld, up %s", text_of(document, "version"),
		integer_at(document, NULL, "pid"), uptime);
	put_line(out, "Nexus:", text);
	snprintf(text, sizeof(text), "%s, version %lld",
		strcmp(text_of(config, "path"), "-") == 0 ? "no file, defaults"
							  : text_of(config, "path"),
		integer_at(config, NULL, "version"));
	put_line(out, "Config:", text);
}

/* What a person should know besides: keys that wait for a start, records that wait for the ledger,
 * crashes. */
static void put_notices(const json_t *document, struct buffer *out)
{
	long long waiting = 0;
	const json_t *item;
	size_t i;

	json_array_foreach(json_object_get(document, "columns"), i, item) waiting +=
		integer_at(item, NULL, "ended") - integer_at(item, NULL, "settled_to");
	if (waiting > 0)
		buffer_printf(out, "\n%lld ended requests wait to be settled.\n", waiting);
	json_array_foreach(json_object_get(document, "pending_upgrade_keys"), i, item)
	{
		buffer_append_text(out,
			i == 0 ? "\nChanged in the file, in force with the next start:\n" : "");
		put_line(out, "", json_is_string(item) ? json_string_value(item) : "-");
	}
	json_array_foreach(json_object_get(document, "crashes"), i, item)
	{
		buffer_append_text(out, i == 0 ? "\nDeaths:\n" : "");
		put_line(out, "", text_of(item, "line"));
	}
}

bool report_status(struct slice answer, const struct report_style *style, struct buffer *out,
	struct error *err)
{
	json_t *document = parse(answer, err);
	bool good = true;

	if (!document)
		return false;
	if (style->json) {
		good = dump(document, out, err);
	} else {
		put_service(document, out);
		buffer_append_text(out, "\n");
		good = put_table(json_object_get(document, "processes"), &processes, style, out) ||
		       error_set(err, "the answer is too long");
		put_notices(document, out);
	}
	json_decref(document);
	return good;
}

bool report_message(struct slice answer, const struct report_style *style, struct buffer *out,
	struct error *err)
{
	json_t *document = parse(answer, err);
	char text[4096];

	if (!document)
		return false;
	text_escape(text, sizeof(text), slice_of(text_of(document, "message")), TEXT_ESCAPE_LINE);
	buffer_printf(out, "%s\n", text);
	json_decref(document);
	return true;
}
