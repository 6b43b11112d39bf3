/* fatal.h: the second road for trouble, for what only we can cause.
 *
 * panic() is for broken invariants and exhausted memory: it logs one line, leaves it as the
 * process's last words and aborts; the supervisor starts a new process. Nothing here returns. What
 * the world can cause uses error.h instead. */
#ifndef NEXUS_BASE_FATAL_H
#define NEXUS_BASE_FATAL_H

#include <stddef.h>

_Noreturn void panic(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Panics with the condition's text unless it holds. Always compiled in; keep conditions cheap and
 * free of effects. */
#define invariant(condition)                                                                       \
	((condition) ? (void)0                                                                     \
		     : panic("broken invariant: %s (%s:%d)", #condition, __FILE__, __LINE__))

/* Where panic() also leaves its line, for the obituary the supervisor writes: `size` bytes of
 * shared memory, or NULL. The memory must stay mapped for the life of the process. */
void panic_set_last_words(char *memory, size_t size);

#endif
