/* token_estimate.c: a cost for every byte, in hundredths of a token, and a margin on the sum.
 *
 * Words cost by their length, because vocabularies know the short ones of every language and the
 * long ones of few; capitals, digits and line ends cost a token each; a single space belongs to
 * what follows it; other scripts cost by their leading UTF-8 byte, that is by script.
 *
 * What a byte costs on its own and what it costs behind the four before it are two tables, filled
 * once, so that the loop over a text has no branch that could be guessed wrong at every word. */
#include "routing/token_estimate.h"

#define TOKEN          100u
#define PUNCTUATION    85u
#define MARGIN_PERCENT 115u

/* The kinds of bytes whose cost depends on those before them; two bits each in a history. */
enum kind { KIND_OTHER, KIND_LOWER, KIND_UPPER, KIND_SPACE };
#define HISTORY_BYTES 5u
#define HISTORY_SIZE  (1u << 2 * HISTORY_BYTES)

static struct {
	uint64_t kinds[256];
	uint64_t alone[256];
	uint8_t behind[HISTORY_SIZE];
	bool filled;
} table;

static uint16_t leading_byte_cost(unsigned lead)
{
	static const struct {
		unsigned below;
		uint16_t cost;
	} scripts[] = {
		{0xc0, 0},    /* not a leading byte */
		{0xca, 150},  /* Latin with marks */
		{0xce, 200},  /* phonetic letters, combining marks */
		{0xd5, 95},   /* Greek, Cyrillic */
		{0xd7, 200},  /* Armenian */
		{0xdc, 140},  /* Hebrew, Arabic */
		{0xe0, 200},  /* Syriac to N'Ko */
		{0xe3, 300},  /* Indic, South-East Asian, symbols: a token a byte in older
				 vocabularies */
		{0xea, 220},  /* kana, Han */
		{0xeb, 300},  /* Yi and others */
		{0xee, 220},  /* Hangul */
		{0xf0, 300},  /* private use, compatibility forms */
		{0x100, 400}, /* emoji, historic scripts */
	};
	size_t i = 0;

	while (lead >= scripts[i].below)
		i++;
	return scripts[i].cost;
}

static enum kind kind_of(unsigned byte)
{
	if (byte >= 'a' && byte <= 'z')
		return KIND_LOWER;
	if (byte >= 'A' && byte <= 'Z')
		return KIND_UPPER;
	return byte == ' ' ? KIND_SPACE : KIND_OTHER;
}

static uint16_t cost_alone(unsigned byte)
{
	if (kind_of(byte) != KIND_OTHER)
		return 0;
	if (byte >= 0x80)
		return leading_byte_cost(byte);
	return byte < ' ' || byte == 0x7f || (byte >= '0' && byte <= '9') ? TOKEN : PUNCTUATION;
}

/* The kind of the byte `back` places before the newest. */
static enum kind kind_back(uint64_t history, unsigned back)
{
	return (enum kind)(history >> 2 * back & 3);
}

/* A word of n letters costs a token, or 0.4 a letter if that is more. A capital begins it, unless
 * it stands among capitals. */
static uint8_t letter_cost(unsigned history)
{
	static const uint8_t costs[] = {TOKEN, 0, 20, 40, 40, 40};
	unsigned before = 0;

	while (before + 1 < HISTORY_BYTES && kind_back(history, before + 1) == KIND_LOWER)
		before++;
	if (before + 2 < HISTORY_BYTES && kind_back(history, before + 1) == KIND_UPPER &&
		kind_back(history, before + 2) != KIND_UPPER)
		before++;
	return costs[before];
}

/* A run of spaces costs a token, and 0.1 for each after the first; one alone costs nothing. */
static uint8_t space_cost(unsigned history)
{
	if (kind_back(history, 1) != KIND_SPACE)
		return 0;
	return kind_back(history, 2) == KIND_SPACE ? 10 : TOKEN + 10;
}

static uint8_t cost_behind(unsigned history)
{
	switch (kind_back(history, 0)) {
	case KIND_LOWER: return letter_cost(history);
	case KIND_UPPER: return TOKEN;
	case KIND_SPACE: return space_cost(history);
	case KIND_OTHER: break;
	}
	return 0;
}

static void fill_table(void)
{
	for (unsigned byte = 0; byte < 256; byte++) {
		table.kinds[byte] = kind_of(byte);
		table.alone[byte] = cost_alone(byte);
	}
	for (unsigned history = 0; history < HISTORY_SIZE; history++)
		table.behind[history] = cost_behind(history);
	table.filled = true;
}

struct estimate {
	uint64_t cost;
	uint64_t bytes;
	uint64_t history;
};

/* Adds bytes up to the first one equal to `stop`, and returns its place. The sums are kept in
 * registers. */
static inline const char *add_until(
	struct estimate *estimate, const char *at, const char *end, int stop)
{
	uint64_t history = estimate->history;
	uint64_t cost = estimate->cost;
	const char *start = at;

	for (; at < end && (unsigned char)*at != stop; at++) {
		unsigned char byte = (unsigned char)*at;

		history = history << 2 | table.kinds[byte];
		cost += table.alone[byte];
		cost += table.behind[history % HISTORY_SIZE];
	}
	estimate->bytes += (uint64_t)(at - start);
	estimate->history = history;
	estimate->cost = cost;
	return at;
}

#define NO_STOP (-1)

static void add_byte(struct estimate *estimate, char byte)
{
	add_until(estimate, &byte, &byte + 1, NO_STOP);
}

/* Adds what the escape at `at` stands for and returns its end. */
static const char *add_unicode_escape(struct estimate *estimate, const char *at, const char *end)
{
	char decoded[5];
	/* \ud8xx to \udfxx: the first half of a pair. */
	size_t escape_len = end - at >= 12 && (at[2] | 0x20) == 'd' && at[3] >= '8' ? 12 : 6;
	size_t len = json_string_decode(
		(struct json_string){slice_make(at, escape_len), true}, decoded, sizeof(decoded));

	add_until(estimate, decoded, decoded + len, NO_STOP);
	return at + escape_len;
}

uint64_t token_estimate(struct json_string text)
{
	struct estimate estimate = {0};
	const char *at = text.raw.data ? text.raw.data : "";
	const char *end = at + text.raw.len;

	if (!table.filled)
		fill_table();
	while ((at = add_until(&estimate, at, end, text.escaped ? '\\' : NO_STOP)) < end) {
		if (at[1] == 'u') {
			at = add_unicode_escape(&estimate, at, end);
			continue;
		}
		/* Control characters cost the same, whichever it is. */
		add_byte(&estimate, at[1] == '"' || at[1] == '\\' || at[1] == '/' ? at[1] : '\n');
		at += 2;
	}
	/* A space at the end has nothing to belong to. */
	if (kind_back(estimate.history, 0) == KIND_SPACE &&
		kind_back(estimate.history, 1) != KIND_SPACE)
		estimate.cost += TOKEN;
	estimate.cost = (estimate.cost * MARGIN_PERCENT + 9999) / 10000;
	return estimate.cost < estimate.bytes ? estimate.cost : estimate.bytes;
}
