/* Whatever the body: an accepted one is JSON with its spans inside and sane, a refused one gets a
 * sentence. */
#include "base/fatal.h"
#include "base/json_scan.h"
#include "routing/inspect.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_span(struct slice body, struct span span, const char *first)
{
	invariant(span.offset <= body.len && span.length <= body.len - span.offset);
	if (span.length > 0)
		invariant(strchr(first, body.data[span.offset]) != NULL);
}

static void check_facts(struct slice body, struct request_facts *facts)
{
	struct token_count tokens = request_tokens(facts);
	struct json_reader json;

	json_reader_init(&json, body, 32);
	invariant(json_skip(&json) && json_finish(&json));
	invariant(facts->model.len > 0 && facts->model.len <= INSPECT_MODEL_MAX);
	invariant(facts->model_span.length >= 3 && facts->object_open.length == 1);
	invariant(tokens.longest <= tokens.prompt);
	invariant(tokens.prompt <= facts->tokens_bound.prompt);
	invariant(tokens.longest <= facts->tokens_bound.longest);
	check_span(body, facts->model_span, "\"");
	check_span(body, facts->stream_options, "{n");
	check_span(body, facts->include_usage, "tfn");
	check_span(body, facts->object_open, "{");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice body = slice_make((const char *)data + 1, size ? size - 1 : 0);
	struct inspect_problem problem = {0};
	struct request_facts facts;
	struct arena arena;

	if (size == 0)
		return 0;
	arena_init(&arena, 4096);
	if (inspect_request(
		    (enum endpoint)(data[0] % ENDPOINT_COUNT), body, 32, &arena, &facts, &problem))
		check_facts(body, &facts);
	else
		invariant(problem.error.text[0] != '\0');
	arena_free(&arena);
	return 0;
}
