/* message_values.h: messages of any schema filled with generated values, and their comparison. For
 * tests only. */
#ifndef NEXUS_TESTS_MESSAGE_VALUES_H
#define NEXUS_TESTS_MESSAGE_VALUES_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/random.h"
#include "ipc/message.h"

/* How the values are chosen: all zero or empty, all at their bounds, or anything between. */
enum values { VALUES_ZERO, VALUES_LARGEST, VALUES_RANDOM };

/* A message of the schema; lists have at most `list_max` entries. */
void *message_make(const struct schema *schema, enum values how, size_t list_max,
	struct random *random, struct arena *arena);
bool message_equal(const struct schema *schema, const void *a, const void *b);

#endif
