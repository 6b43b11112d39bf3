/* fatal.c: dying of our own mistakes, with a sentence. */
#include "base/fatal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"

static char *last_words;
static size_t last_words_size;

void panic_set_last_words(char *memory, size_t size)
{
	last_words = memory;
	last_words_size = memory ? size : 0;
}

void panic(const char *format, ...)
{
	char text[512];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (last_words_size > 0)
		snprintf(last_words, last_words_size, "%s", text);
	log_error(LOG_BASE, "panic: %s", text);
	abort();
}
