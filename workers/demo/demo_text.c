/* demo_text.c: sentences about what is being demonstrated, drawn in an order that the question
 * decides. */
#include "workers/demo/demo_text.h"

#include <stdio.h>
#include <string.h>

#include "base/hash_table.h"

#define SENTENCES_MIN 3u
#define SENTENCES_MAX 7u

static const char *const sentences[] = {
	"What you read here came word by word, as a real model's answer would, through every part "
	"of the gateway.",
	"Behind the same address there may be many model servers, and you need not know which one "
	"answers.",
	"When a server stops answering, the next request goes to another one that has the same "
	"model.",
	"Requests that must stay in the house never leave it, even if a server elsewhere would be "
	"faster.",
	"A budget says what may be spent, and when it is used up, nothing more is spent.",
	"Ask me twice the same thing and I shall say the same thing twice, which is more than most "
	"models promise.",
	"Servers on this machine and in this network are found without being configured.",
	"If you close the connection now, I stop at once, for nobody would read the rest.",
	"An alias gives a model the name that your program already uses.",
	"Every answer says in its headers which server gave it and why that one was chosen.",
	"You can watch the requests pass in the console while you read this.",
	"Start a local model server, and it will be listed beside me within seconds.",
	"Long answers are never cut for being long, only for being silent.",
	"Nothing of what you wrote is kept.",
};
#define SENTENCES (sizeof(sentences) / sizeof(sentences[0]))

static void say(struct demo_text *text, const char *sentence)
{
	int len = snprintf(text->letters + text->len, sizeof(text->letters) - text->len, "%s%s",
		text->len > 0 ? " " : "", sentence);

	text->len += (size_t)len;
	if (text->len >= sizeof(text->letters))
		text->len = sizeof(text->letters) - 1;
}

void demo_text_init(struct demo_text *text, struct slice question, const char *model,
	unsigned images, uint64_t max_tokens)
{
	uint64_t seed = hash_stable(question.len > 0 ? question.data : "", question.len);
	size_t count;
	size_t first;
	char line[160];

	text->len = text->at = 0;
	text->tokens = 0;
	text->max_tokens = max_tokens;
	random_seed(&text->random, seed);
	snprintf(line, sizeof(line),
		"I am %s, the demonstration model of Nexus: I understand nothing, but I say it at "
		"a believable pace.",
		model);
	say(text, line);
	if (images > 0) {
		snprintf(line, sizeof(line), "I see %u image%s.", images, images == 1 ? "" : "s");
		say(text, line);
	}
	count = SENTENCES_MIN + random_below(&text->random, SENTENCES_MAX - SENTENCES_MIN + 1);
	first = random_below(&text->random, SENTENCES);
	/* A step that shares no divisor with the count visits each sentence once. */
	for (size_t i = 0; i < count; i++)
		say(text, sentences[(first + i * 5) % SENTENCES]);
}

struct slice demo_text_next(struct demo_text *text)
{
	size_t start = text->at;
	size_t end = start + 1;

	if (start >= text->len || text->tokens >= text->max_tokens)
		return slice_make(text->letters + text->len, 0);
	while (end < text->len && text->letters[end] != ' ')
		end++;
	text->at = end;
	text->tokens++;
	return slice_make(text->letters + start, end - start);
}

bool demo_text_is_cut(const struct demo_text *text)
{
	return text->at < text->len && text->tokens >= text->max_tokens;
}
