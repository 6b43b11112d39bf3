/* How long json_skip takes over chat bodies of three sizes, with each kernel. Prints a table;
 * judges nothing. */
#include <stdio.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "base/fatal.h"
#include "base/json_scan.h"

/* Short rounds, so that some pass undisturbed on a busy machine. */
#define ROUNDS   200
#define ROUND_NS 1000000u

/* A conversation of about `size` bytes, with an escape every 30 bytes of text. */
static void make_body(struct buffer *out, size_t size, const char *sentence)
{
	buffer_init(out, size + 4096);
	buffer_append_text(out,
		"{\"model\":\"llama3.1:8b\",\"stream\":true,\"temperature\":0.7,\"messages\":["
		"{\"role\":\"system\",\"content\":\"You are a helpful assistant.\"}");
	while (buffer_len(out) + 64 < size) {
		buffer_append_text(out, ",{\"role\":\"user\",\"content\":\"");
		for (size_t start = buffer_len(out);
			buffer_len(out) + 8 < size && buffer_len(out) < start + 2000;)
			buffer_append_text(out, sentence);
		buffer_append_text(out, "\"}");
	}
	buffer_append_text(out, "]}");
}

static void skip_once(struct slice body)
{
	struct json_reader json;

	json_reader_init(&json, body, JSON_SCAN_DEPTH_MAX);
	if (!json_skip(&json) || !json_finish(&json))
		panic("the body is not JSON: %s", json_problem(&json, NULL));
}

static double fastest_us(struct slice body)
{
	double best = 1e9;

	for (int i = 0; i < ROUNDS; i++) {
		uint64_t start = clock_monotonic_ns();
		uint64_t times = 0;
		uint64_t spent;

		do {
			skip_once(body);
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
	static const char *const kernels[] = {"avx2", "sse2", "portable"};
	static const char *const sentences[] = {"twenty-eight bytes of text.\\n",
		"\xe4\xbd\xa0\xe5\xa5\xbd\xe4\xb8\x96\xe7\x95\x8c\xe3\x80\x82\xe4\xbb\x8a"};
	static const char *const texts[] = {"English, an escape every 29 bytes", "Chinese"};
	static const size_t sizes[] = {190, 422, 3800, 100000};

	for (size_t t = 0; t < 2; t++) {
		printf("%s\n%-10s", texts[t], "bytes");
		for (size_t s = 0; s < 4; s++)
			printf("%10zu", sizes[s]);
		for (size_t k = 0; k < 3; k++) {
			if (!json_scan_use_kernel(kernels[k]))
				continue;
			printf("\n%-10s", kernels[k]);
			for (size_t s = 0; s < 4; s++) {
				struct buffer body;

				make_body(&body, sizes[s], sentences[t]);
				printf("%7.3f us", fastest_us(buffer_slice(&body)));
				buffer_free(&body);
			}
		}
		printf("\n\n");
	}
	return 0;
}
