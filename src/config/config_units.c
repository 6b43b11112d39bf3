/* config_units.c: numbers as people write them, with units, and back. */
#include "config/config_build.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct unit {
	const char *name;
	double factor;
};

static const struct unit time_units[] = {
	{"", 1}, {"ms", 0.001}, {"s", 1}, {"m", 60}, {"min", 60}, {"h", 3600}, {"d", 86400}};
/* The binary ones from KiB on stand in rising order: config_format_bytes walks them. */
static const struct unit byte_units[] = {{"", 1}, {"B", 1}, {"KB", 1e3}, {"MB", 1e6}, {"GB", 1e9},
	{"KiB", 1024}, {"MiB", 1048576}, {"GiB", 1073741824}};
#define BYTE_UNITS_BINARY 5u

/* The number a text begins with (no sign, no exponent, no hexadecimal) and what stands behind it.
 */
static bool parse_leading(const char *text, double *out, const char **rest)
{
	char digits[32];
	size_t len = strspn(text, "0123456789.");

	if (len == 0 || len >= sizeof(digits) || strcspn(text, "0123456789") >= len)
		return false;
	memcpy(digits, text, len);
	digits[len] = '\0';
	if (strchr(digits, '.') != strrchr(digits, '.'))
		return false;
	*out = strtod(digits, NULL);
	*rest = text + len;
	return true;
}

bool config_parse_number(const char *text, double *out)
{
	const char *rest;

	return parse_leading(text, out, &rest) && *rest == '\0';
}

static bool parse_with_units(const char *text, const struct unit *units, size_t count, double *out)
{
	const char *rest;

	if (!parse_leading(text, out, &rest))
		return false;
	while (*rest == ' ')
		rest++;
	for (size_t i = 0; i < count; i++) {
		if (strcmp(rest, units[i].name) == 0) {
			*out *= units[i].factor;
			return true;
		}
	}
	return false;
}

bool config_parse_seconds(const char *text, double *out)
{
	return parse_with_units(text, time_units, COUNT(time_units), out);
}

bool config_parse_bytes(const char *text, double *out)
{
	return parse_with_units(text, byte_units, COUNT(byte_units), out);
}

void config_format_bytes(uint64_t bytes, char *out, size_t size)
{
	const struct unit *best = &byte_units[0];

	for (size_t i = BYTE_UNITS_BINARY; i < COUNT(byte_units); i++)
		if (bytes > 0 && bytes % (uint64_t)byte_units[i].factor == 0)
			best = &byte_units[i];
	snprintf(out, size, "%llu%s", (unsigned long long)(bytes / (uint64_t)best->factor),
		best->name);
}

void config_format_number(double number, char *out, size_t size)
{
	if (number == floor(number) && fabs(number) < 1e15) {
		snprintf(out, size, "%.0f", number);
		return;
	}
	for (int digits = 6; digits <= 17; digits++) {
		snprintf(out, size, "%.*g", digits, number);
		if (strtod(out, NULL) == number)
			return;
	}
}
