/* demo_text.h: what the demonstration model says: the same words at the same pace for the same
 * question. Pure. */
#ifndef NEXUS_WORKERS_DEMO_DEMO_TEXT_H
#define NEXUS_WORKERS_DEMO_DEMO_TEXT_H

#include <stdint.h>

#include "base/random.h"
#include "base/slice.h"

#define DEMO_TEXT_MAX 2048u

struct demo_text {
	char letters[DEMO_TEXT_MAX];
	size_t len;
	size_t at;       /* said so far */
	uint64_t tokens; /* said so far */
	uint64_t max_tokens;
	struct random random;
};

/* `question` seeds it. */
void demo_text_init(struct demo_text *text, struct slice question, const char *model,
	unsigned images, uint64_t max_tokens);
/* The next token (a word with the space before it); empty at the end. */
struct slice demo_text_next(struct demo_text *text);
/* Ended because of max_tokens, with words left. */
bool demo_text_is_cut(const struct demo_text *text);

#endif
