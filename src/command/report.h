/* report.h: the daemon's JSON answers as tables for people. jansson is known here. Pure. */
#ifndef NEXUS_COMMAND_REPORT_H
#define NEXUS_COMMAND_REPORT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/slice.h"

/* How an answer is shown. */
struct report_style {
	bool json;          /* the document itself, indented */
	size_t width;       /* of the terminal; 0 = do not cut */
	const char *filter; /* what `keep` looks for, or NULL */
};

/* Each reads `answer` and writes to `out`. False when the answer is not what was expected. */
bool report_backends(struct slice answer, const struct report_style *style, struct buffer *out,
	struct error *err);
bool report_models(struct slice answer, const struct report_style *style, struct buffer *out,
	struct error *err);
bool report_health(struct slice answer, const struct report_style *style, struct buffer *out,
	struct error *err);
bool report_status(struct slice answer, const struct report_style *style, struct buffer *out,
	struct error *err);
bool report_workers(struct slice answer, const struct report_style *style, struct buffer *out,
	struct error *err);
/* {"message": "..."} */
bool report_message(struct slice answer, const struct report_style *style, struct buffer *out,
	struct error *err);

/* "3d 4h", "5m 2s", "7s" */
void report_duration(long long seconds, char out[32]);

#endif
