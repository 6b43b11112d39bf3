/* request_counters.c: counting by label. */
#include "workers/request/request_counters.h"

#include <stdio.h>

#include "workers/request/exchange.h"
#include "workers/request/request_worker.h"

/* What is logged, never sent, for a client that left before its answer (nginx's convention). */
#define STATUS_CLIENT_GONE 499u

/* A series in the making; what does not fit marks it. */
struct labels {
	char text[SCOREBOARD_LABELS_MAX];
	size_t used;
	bool overflow;
};

static void append(struct labels *labels, const char *text)
{
	size_t len = strlen(text);

	if (labels->used + len > sizeof(labels->text)) {
		labels->overflow = true;
		return;
	}
	memcpy(labels->text + labels->used, text, len);
	labels->used += len;
}

/* A label's value, escaped as Prometheus reads it. Names hold no control bytes. */
static void append_value(struct labels *labels, const char *value)
{
	for (; *value; value++) {
		if (*value == '"' || *value == '\\')
			append(labels, "\\");
		append(labels, (char[2]){*value, '\0'});
	}
}

static void append_request(
	struct labels *labels, const char *model, const char *backend, unsigned status)
{
	char digits[4] = {(char)('0' + status / 100 % 10), (char)('0' + status / 10 % 10),
		(char)('0' + status % 10), '\0'};

	*labels = (struct labels){.used = 0};
	append(labels, "nexus_requests_total{model=\"");
	append_value(labels, model);
	append(labels, "\",backend=\"");
	append_value(labels, backend);
	append(labels, "\",status=\"");
	append(labels, digits);
	append(labels, "\"}");
}

static _Atomic uint64_t *find_counter(
	struct worker *worker, const struct routing_candidate *used, unsigned status)
{
	struct labels labels;

	append_request(&labels, used->model->id, used->backend->name, status);
	if (labels.overflow)
		append_request(&labels, "other", used->backend->name, status);
	return scoreboard_counter(
		worker->scoreboard, worker->column, slice_make(labels.text, labels.used));
}

void request_counters_ended(struct exchange *exchange)
{
	const struct routing_candidate *used = exchange->candidate;
	unsigned status = exchange->told_status ? exchange->told_status : STATUS_CLIENT_GONE;
	size_t at = ((uintptr_t)used->model / sizeof(*used->model) + status) % COUNTED_REQUESTS;
	struct counted_request *known = &exchange->worker->counted[at];

	if (known->model != used->model || known->backend_version != used->backend->version ||
		known->status != status)
		*known = (struct counted_request){used->model, used->backend->version, status,
			find_counter(exchange->worker->worker, used, status)};
	scoreboard_count(known->counter, 1);
}

void request_counters_error(struct request_worker *worker, enum http_error_id id)
{
	struct worker *own = worker->worker;
	char labels[SCOREBOARD_LABELS_MAX];
	int len;

	if (!worker->error_counters[id]) {
		len = snprintf(labels, sizeof(labels), "nexus_errors_total{type=\"%s\"}",
			http_error_table[id].label);
		worker->error_counters[id] = scoreboard_counter(
			own->scoreboard, own->column, slice_make(labels, (size_t)len));
	}
	scoreboard_count(worker->error_counters[id], 1);
}
