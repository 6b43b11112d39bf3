/* error.c: composing error texts. Allocates nothing, never fails. */
#include "base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

bool error_set(struct error *err, const char *format, ...)
{
	va_list args;

	if (!err)
		return false;
	va_start(args, format);
	vsnprintf(err->text, sizeof(err->text), format, args);
	va_end(args);
	return false;
}

bool error_set_errno(struct error *err, const char *format, ...)
{
	int saved = errno;
	va_list args;
	size_t used;

	if (!err)
		return false;
	va_start(args, format);
	vsnprintf(err->text, sizeof(err->text), format, args);
	va_end(args);
	used = strlen(err->text);
	snprintf(err->text + used, sizeof(err->text) - used, ": %s", strerror(saved));
	return false;
}

bool error_prefix(struct error *err, const char *format, ...)
{
	char said[ERROR_TEXT_MAX];
	va_list args;
	size_t used;

	if (!err)
		return false;
	memcpy(said, err->text, sizeof(said));
	va_start(args, format);
	vsnprintf(err->text, sizeof(err->text), format, args);
	va_end(args);
	used = strlen(err->text);
	snprintf(err->text + used, sizeof(err->text) - used, "%s", said);
	return false;
}
