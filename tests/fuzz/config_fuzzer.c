/* Any text is read or refused, and what is read is printed and read back the same. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/fatal.h"
#include "config/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
const char *__lsan_default_suppressions(void);

/* libconfig 1.5 forgets the string it was reading when it meets a syntax error. */
const char *__lsan_default_suppressions(void)
{
	return "leak:libconfig.so";
}

static void read_back(const struct config *config)
{
	struct config_errors errors;
	struct config *copy;
	struct buffer text;

	config_errors_init(&errors);
	buffer_init(&text, 8u << 20);
	if (config_to_text(config, &text)) {
		copy = config_from_text(buffer_slice(&text), 1, &errors);
		invariant(copy && config_equal(config, copy));
		config_unref(&copy);
	}
	buffer_free(&text);
	config_errors_free(&errors);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct config_errors errors;
	struct config *config;

	if (size > 65536)
		return 0;
	config_errors_init(&errors);
	config = config_from_text(slice_make((const char *)data, size), 1, &errors);
	if (config)
		read_back(config);
	else
		invariant(errors.error_count > 0);
	config_unref(&config);
	config_errors_free(&errors);
	return 0;
}
