/* How long a whole inspection takes, over chats of several sizes. Prints; judges nothing. */
#include <stdio.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "base/fatal.h"
#include "routing/inspect.h"

/* Short rounds, so that some pass undisturbed on a busy machine. */
#define ROUNDS   200
#define ROUND_NS 1000000u

static void make_turns(struct buffer *out, size_t size)
{
	buffer_init(out, size + 4096);
	buffer_append_text(out,
		"{\"model\":\"llama3.1:8b\",\"stream\":true,\"temperature\":0.7,\"messages\":["
		"{\"role\":\"system\",\"content\":\"You are a helpful assistant.\"}");
	while (buffer_len(out) + 64 < size) {
		buffer_append_text(out, ",{\"role\":\"user\",\"content\":\"");
		for (size_t start = buffer_len(out);
			buffer_len(out) + 8 < size && buffer_len(out) < start + 2000;)
			buffer_append_text(out, "twenty-eight bytes of text.\\n");
		buffer_append_text(out, "\"}");
	}
	buffer_append_text(out, "]}");
}

/* One long text with three escapes every 32 bytes, as tests/bench/run sends it. */
static void make_long_text(struct buffer *out, size_t size)
{
	static const char head[] =
		"{\"model\":\"bench\",\"messages\":[{\"role\":\"user\",\"content\":\"";

	buffer_init(out, size + 4096);
	buffer_append_text(out, head);
	while (buffer_len(out) + 52 < size)
		buffer_append_text(out, "The quick \\\"brown\\\" fox jumps.\\n");
	buffer_append_text(out, "\"}],\"max_tokens\":20}");
}

static void inspect_once(struct slice body, bool estimate)
{
	struct inspect_problem problem;
	struct request_facts facts;
	struct arena arena;
	char memory[1024];

	arena_init_in(&arena, 4096, memory, sizeof(memory));
	invariant(inspect_request(ENDPOINT_CHAT, body, 64, &arena, &facts, &problem));
	if (estimate)
		request_tokens(&facts);
	arena_free(&arena);
}

static double fastest_us(struct slice body, bool estimate)
{
	double best = 1e9;

	for (int i = 0; i < ROUNDS; i++) {
		uint64_t start = clock_monotonic_ns();
		uint64_t times = 0;
		uint64_t spent;

		do {
			inspect_once(body, estimate);
			times++;
			spent = clock_monotonic_ns() - start;
		} while (spent < ROUND_NS);
		if ((double)spent / 1e3 / (double)times < best)
			best = (double)spent / 1e3 / (double)times;
	}
	return best;
}

int main(void)
{
	static const struct {
		const char *name;
		void (*make)(struct buffer *out, size_t size);
	} bodies[] = {{"turns of 2 KB", make_turns}, {"one long text", make_long_text}};
	static const size_t sizes[] = {400, 4000, 100000};

	for (size_t i = 0; i < 6; i++) {
		struct buffer body;

		bodies[i / 3].make(&body, sizes[i % 3]);
		printf("%s, %6zu bytes: %8.3f us, with an estimate %8.3f us\n", bodies[i / 3].name,
			buffer_len(&body), fastest_us(buffer_slice(&body), false),
			fastest_us(buffer_slice(&body), true));
		buffer_free(&body);
	}
	return 0;
}
