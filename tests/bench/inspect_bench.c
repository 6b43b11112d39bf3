/* How long a whole inspection takes, over chats of several sizes. Prints; judges nothing. */
#include <stdio.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "base/fatal.h"
#include "routing/inspect.h"

static void make_body(struct buffer *out, size_t size)
{
	buffer_init(out, size + 4096);
	buffer_append_text(out, "{\"model\":\"llama3.1:8b\",\"stream\":true,\"temperature\":0.7,\"messages\":["
				"{\"role\":\"system\",\"content\":\"You are a helpful assistant.\"}");
	while (buffer_len(out) + 64 < size) {
		buffer_append_text(out, ",{\"role\":\"user\",\"content\":\"");
		for (size_t start = buffer_len(out); buffer_len(out) + 8 < size && buffer_len(out) < start + 2000;)
			buffer_append_text(out, "twenty-eight bytes of text.\\n");
		buffer_append_text(out, "\"}");
	}
	buffer_append_text(out, "]}");
}

static double fastest_us(struct slice body)
{
	double best = 1e9;

	for (int i = 0; i < 15; i++) {
		uint64_t start = clock_monotonic_ns();
		uint64_t times = 0;
		uint64_t spent;

		do {
			struct inspect_problem problem;
			struct request_facts facts;
			struct arena arena;

			arena_init(&arena, 4096);
			invariant(inspect_request(ENDPOINT_CHAT, body, 64, &arena, &facts, &problem));
			arena_free(&arena);
			times++;
			spent = clock_monotonic_ns() - start;
		} while (spent < 20000000u);
		if ((double)spent / 1e3 / (double)times < best)
			best = (double)spent / 1e3 / (double)times;
	}
	return best;
}

int main(void)
{
	static const size_t sizes[] = {422, 3800, 100000};

	for (size_t i = 0; i < 3; i++) {
		struct buffer body;

		make_body(&body, sizes[i]);
		printf("%6zu bytes %8.3f us\n", sizes[i], fastest_us(buffer_slice(&body)));
		buffer_free(&body);
	}
	return 0;
}
