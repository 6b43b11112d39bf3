/* The JSON reader and jansson agree on what is JSON, and all kernels on where it is not. */
#include <jansson.h>
#include <stdlib.h>

#include "base/fatal.h"
#include "base/json_scan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *judge(struct slice text, size_t *offset)
{
	struct json_reader json;

	*offset = 0;
	json_reader_init(&json, text, JSON_SCAN_DEPTH_MAX);
	if (json_skip(&json))
		json_finish(&json);
	return json_problem(&json, offset);
}

/* Where the two differ by intent: jansson checks a number's range and refuses NUL in names; our
 * depth bound is lower. */
static bool is_comparable(const char *problem, const json_error_t *error)
{
	enum json_error_code code = json_error_code(error);

	return code != json_error_numeric_overflow && code != json_error_null_byte_in_key &&
	       !(problem && strstr(problem, "too deep"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const kernels[] = {"avx2", "sse2"};
	struct slice text = slice_make((const char *)data, size);
	size_t verdict_offset;
	const char *verdict;
	json_error_t error = {0};
	json_t *value;

	json_scan_use_kernel("portable");
	verdict = judge(text, &verdict_offset);
	for (size_t i = 0; i < sizeof(kernels) / sizeof(kernels[0]); i++) {
		size_t offset;
		const char *problem;

		if (!json_scan_use_kernel(kernels[i]))
			continue;
		problem = judge(text, &offset);
		invariant(problem == verdict && offset == verdict_offset);
	}
	/* jansson loses a NUL behind a number; for us it is never part of a text. */
	if (memchr(data, 0, size)) {
		invariant(verdict != NULL);
		return 0;
	}
	value = json_loadb(text.data, size, JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);
	if ((value == NULL) != (verdict != NULL) && is_comparable(verdict, &error))
		panic("the reader says %s at %zu, jansson %s", verdict ? verdict : "valid",
			verdict_offset, value ? "valid" : error.text);
	json_decref(value);
	return 0;
}
