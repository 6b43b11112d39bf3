/* openai_event.h: what one piece of an OpenAI answer says: the data of a stream's event, or a whole
 * answer.
 *
 * The relay asks this of every chunk, so it is one pass without allocation. Nothing is changed;
 * what the relay edits it finds by span. Pure. */
#ifndef NEXUS_DIALECT_OPENAI_EVENT_H
#define NEXUS_DIALECT_OPENAI_EVENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/json_scan.h"
#include "http/http_error.h"

struct openai_event_facts {
	bool is_done;       /* the literal [DONE]; nothing else is set */
	bool valid;         /* strict JSON, and an object */
	bool has_error;     /* an `error` that is not null, or "object": "error" */
	bool has_choices;   /* `choices` is there and not empty */
	bool is_usage_only; /* `choices` is there and empty, and there is usage: the chunk of
			       include_usage */
	bool has_content;   /* something was produced: text, tool call, refusal, reasoning; a role
			       alone is not */
	bool has_finish_reason;
	bool has_usage;         /* `usage` is an object */
	struct span model_span; /* the value of `model`, when it is a string, with its quotes */
	uint64_t prompt_tokens;
	uint64_t completion_tokens;
	struct json_string error_message; /* as they stand in the data: json_string_decode them;
					     empty when not there */
	struct json_string error_type;
	struct json_string error_code; /* a number's digits, if it is one */
};

/* Fills `out` and returns whether the data is something that may be relayed: valid, or [DONE]. */
bool openai_event_read(struct slice data, struct openai_event_facts *out);

/* Appends the event that ends a stream gone wrong: data: {"error":{...}}. False when the buffer is
 * full. */
bool openai_event_write_error(struct buffer *out, enum http_error_id id, struct slice message);

#endif
