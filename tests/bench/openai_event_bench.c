/* How long the relay's question to one chunk takes. Prints; judges nothing. */
#include <stdio.h>

#include "base/clock.h"
#include "base/fatal.h"
#include "dialect/openai_event.h"

int main(void)
{
	static const char chunk[] = "{\"id\":\"chatcmpl-322\",\"object\":\"chat.completion.chunk\","
				    "\"created\":1795240816,\"model\":\"tiny\","
				    "\"choices\":[{\"index\":0,\"delta\":{\"content\":\" and "
				    "some\"},\"logprobs\":null,\"finish_reason\":null}]}";
	double best = 1e9;

	for (int i = 0; i < 15; i++) {
		uint64_t start = clock_monotonic_ns();
		double us;

		for (int times = 0; times < 20000; times++) {
			struct openai_event_facts facts;

			invariant(openai_event_read(SLICE_LITERAL(chunk), &facts) &&
				  facts.has_content);
		}
		us = (double)(clock_monotonic_ns() - start) / 20000 / 1e3;
		if (us < best)
			best = us;
	}
	printf("%zu bytes %.3f us\n", sizeof(chunk) - 1, best);
	return 0;
}
