/* error.h: what went wrong, said by the deepest place that knows.
 *
 * A function that the world can make fail takes a `struct error *` and returns false (or NULL)
 * after filling it. The text says what, where and, if it can, what to do. Whoever decides what to
 * do about it logs it, once. */
#ifndef NEXUS_BASE_ERROR_H
#define NEXUS_BASE_ERROR_H

#include <stdbool.h>

#define ERROR_TEXT_MAX 512

struct error {
	char text[ERROR_TEXT_MAX];
};

/* Fills `err` (which may be NULL) and returns false, so that a caller can `return error_set(...)`.
 * Longer texts are cut. */
bool error_set(struct error *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The same, followed by ": " and the text of errno as it was at the call. */
bool error_set_errno(struct error *err, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Puts a prefix before what `err` says: a caller adds where, keeping what. Returns false. */
bool error_prefix(struct error *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
