/* json_scan_kernel.c: finding the bytes that matter inside a string, 64 at a time.
 *
 * One classification in three forms: AVX2 where the CPU has it, SSE2 on every other x86-64, plain C
 * elsewhere. They are equal by test. Of JSON's grammar only the escapes are known here. */
#include "base/json_scan_kernel.h"

#include <endian.h>
#include <string.h>

#include "base/json_scan.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#define EACH_BYTE(byte) (UINT64_MAX / 0xff * (byte))
#define EVEN_PLACES     (UINT64_MAX / 3)

const bool json_simple_escapes[256] = {['"'] = true,
	['\\'] = true,
	['/'] = true,
	['b'] = true,
	['f'] = true,
	['n'] = true,
	['r'] = true,
	['t'] = true};

/* Of a run of backslashes every second one, from the first, begins an escape. Adding its first bit
 * to a run takes the run away, which tells those that begin at even places from the others. */
static inline uint64_t escape_starts(uint64_t backslashes)
{
	uint64_t first = backslashes & ~(backslashes << 1);
	uint64_t even_runs = backslashes & ~(backslashes + (first & EVEN_PLACES));

	return backslashes & ~(even_runs ^ EVEN_PLACES);
}

/* Takes the whole simple escapes out of `specials`. `letters` are the bytes that may follow a
 * backslash. */
static inline uint64_t pass_escapes(
	uint64_t specials, uint64_t backslashes, uint64_t letters, uint64_t *escapes)
{
	*escapes = escape_starts(backslashes) & letters >> 1;
	return specials & ~(*escapes | *escapes << 1);
}

/* One block: its specials and escapes. */
typedef uint64_t block_fn(const char *block, unsigned from, uint64_t *escapes);

/* Inlined into each kernel, with its way of looking at a block, so that it is a loop without calls.
 */
static inline __attribute__((always_inline)) const char *look(block_fn *specials_of,
	const char *block, unsigned from, const char *end, struct json_found *found)
{
	uint64_t before = 0;
	uint64_t escapes;
	uint64_t specials = specials_of(block, from, &escapes);

	while (specials >> from == 0 && end - block >= 2 * (ptrdiff_t)JSON_BLOCK) {
		before |= escapes;
		block += JSON_BLOCK;
		from = 0;
		specials = specials_of(block, 0, &escapes);
	}
	*found = (struct json_found){specials, escapes, before != 0};
	return block;
}

/* The bytes behind backslashes that may follow one. */
static uint64_t letters_behind(const char *block, uint64_t backslashes)
{
	uint64_t letters = 0;

	for (uint64_t left = backslashes << 1; left != 0; left &= left - 1) {
		unsigned i = (unsigned)__builtin_ctzll(left);

		letters |= (uint64_t)json_simple_escapes[(unsigned char)block[i]] << i;
	}
	return letters;
}

/* The high bit of every byte of `word` that is zero, exactly (no carry runs from one byte into the
 * next). */
static uint64_t zero_bytes(uint64_t word)
{
	uint64_t low = EACH_BYTE(0x7f);

	return ~(((word & low) + low) | word | low);
}

/* The high bits of the eight bytes, in one byte: the product brings them to the top. */
static uint64_t gather(uint64_t high)
{
	return (high >> 7) * 0x0102040810204080u >> 56;
}

static inline uint64_t specials_portable(const char *block, unsigned from, uint64_t *escapes)
{
	uint64_t backslashes = 0;
	uint64_t found = 0;

	for (unsigned i = 0; i < JSON_BLOCK; i += 8) {
		uint64_t word;
		uint64_t backslash;

		memcpy(&word, block + i, sizeof(word));
		word = le64toh(word);
		backslash = zero_bytes(word ^ EACH_BYTE('\\'));
		backslashes |= gather(backslash) << i;
		found |= gather(backslash | zero_bytes(word ^ EACH_BYTE('"')) |
				 zero_bytes(word & EACH_BYTE(0xe0)) | (word & EACH_BYTE(0x80)))
			 << i;
	}
	backslashes = backslashes >> from << from;
	return pass_escapes(found, backslashes, letters_behind(block, backslashes), escapes);
}

#if defined(__x86_64__)
static inline uint64_t specials_sse2(const char *block, unsigned from, uint64_t *escapes)
{
	__m128i quote = _mm_set1_epi8('"');
	__m128i backslash = _mm_set1_epi8('\\');
	__m128i space = _mm_set1_epi8(' ');
	uint64_t backslashes = 0;
	uint64_t found = 0;

	for (unsigned i = 0; i < JSON_BLOCK; i += 16) {
		__m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)(block + i));
		__m128i escape = _mm_cmpeq_epi8(bytes, backslash);
		__m128i hit = _mm_or_si128(_mm_cmpeq_epi8(bytes, quote), escape);

		/* Signed, so that bytes above 0x7f are below a space too. */
		hit = _mm_or_si128(hit, _mm_cmplt_epi8(bytes, space));
		found |= (uint64_t)(unsigned)_mm_movemask_epi8(hit) << i;
		backslashes |= (uint64_t)(unsigned)_mm_movemask_epi8(escape) << i;
	}
	backslashes = backslashes >> from << from;
	return pass_escapes(found, backslashes, letters_behind(block, backslashes), escapes);
}

/* The bytes of all the block that may follow a backslash. All but two of them differ in their low
 * half byte: a table of what each is must then give the byte itself. */
__attribute__((target("avx2"))) static inline uint64_t letters_avx2(const char *block)
{
	__m256i by_low_half = _mm256_broadcastsi128_si256(_mm_setr_epi8(
		-1, -1, 'b', -1, 't', -1, 'f', -1, -1, -1, -1, -1, '\\', -1, 'n', '/'));
	__m256i quote = _mm256_set1_epi8('"');
	__m256i r = _mm256_set1_epi8('r');
	uint64_t found = 0;

	for (unsigned i = 0; i < JSON_BLOCK; i += 32) {
		__m256i bytes = _mm256_loadu_si256((const __m256i *)(const void *)(block + i));
		__m256i hit = _mm256_cmpeq_epi8(_mm256_shuffle_epi8(by_low_half, bytes), bytes);

		hit = _mm256_or_si256(hit, _mm256_cmpeq_epi8(bytes, quote));
		hit = _mm256_or_si256(hit, _mm256_cmpeq_epi8(bytes, r));
		found |= (uint64_t)(unsigned)_mm256_movemask_epi8(hit) << i;
	}
	return found;
}

__attribute__((target("avx2"))) static inline uint64_t specials_avx2(
	const char *block, unsigned from, uint64_t *escapes)
{
	__m256i quote = _mm256_set1_epi8('"');
	__m256i backslash = _mm256_set1_epi8('\\');
	__m256i space = _mm256_set1_epi8(' ');
	uint64_t backslashes = 0;
	uint64_t found = 0;

	for (unsigned i = 0; i < JSON_BLOCK; i += 32) {
		__m256i bytes = _mm256_loadu_si256((const __m256i *)(const void *)(block + i));
		__m256i escape = _mm256_cmpeq_epi8(bytes, backslash);
		__m256i hit = _mm256_or_si256(_mm256_cmpeq_epi8(bytes, quote), escape);

		hit = _mm256_or_si256(hit, _mm256_cmpgt_epi8(space, bytes));
		found |= (uint64_t)(unsigned)_mm256_movemask_epi8(hit) << i;
		backslashes |= (uint64_t)(unsigned)_mm256_movemask_epi8(escape) << i;
	}
	backslashes = backslashes >> from << from;
	*escapes = 0;
	if (backslashes == 0)
		return found;
	return pass_escapes(found, backslashes, letters_avx2(block), escapes);
}

__attribute__((target("avx2"))) static const char *kernel_avx2(
	const char *block, unsigned from, const char *end, struct json_found *found)
{
	return look(specials_avx2, block, from, end, found);
}

static const char *kernel_sse2(
	const char *block, unsigned from, const char *end, struct json_found *found)
{
	return look(specials_sse2, block, from, end, found);
}
#endif

static const char *kernel_portable(
	const char *block, unsigned from, const char *end, struct json_found *found)
{
	return look(specials_portable, block, from, end, found);
}

/* Best first; the last one runs anywhere. */
static const struct {
	const char *name;
	json_kernel_fn *kernel;
} kernels[] = {
#if defined(__x86_64__)
	{"avx2", kernel_avx2},
	{"sse2", kernel_sse2},
#endif
	{"portable", kernel_portable},
};

#define KERNEL_COUNT (sizeof(kernels) / sizeof(kernels[0]))

static bool cpu_runs(json_kernel_fn *kernel)
{
#if defined(__x86_64__)
	if (kernel == kernel_avx2)
		return __builtin_cpu_supports("avx2");
#endif
	return true;
}

static void choose(void)
{
	size_t i = 0;

	while (!cpu_runs(kernels[i].kernel))
		i++;
	json_kernel = kernels[i].kernel;
}

static const char *choose_first(
	const char *block, unsigned from, const char *end, struct json_found *found)
{
	choose();
	return json_kernel(block, from, end, found);
}

json_kernel_fn *json_kernel = choose_first;

const char *json_scan_kernel(void)
{
	size_t i = 0;

	if (json_kernel == choose_first)
		choose();
	while (kernels[i].kernel != json_kernel)
		i++;
	return kernels[i].name;
}

bool json_scan_use_kernel(const char *name)
{
	for (size_t i = 0; i < KERNEL_COUNT; i++) {
		if (strcmp(kernels[i].name, name) != 0 || !cpu_runs(kernels[i].kernel))
			continue;
		json_kernel = kernels[i].kernel;
		return true;
	}
	return false;
}
