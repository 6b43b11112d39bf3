/* retry_after.c: three notations of a duration. */
#include "workers/request/retry_after.h"

#include <stdlib.h>
#include <time.h>

/* Digits with an optional fraction, nothing else; -1 otherwise. */
static double read_number(struct slice text)
{
	char copy[32];
	char *end;
	double value;

	if (text.len == 0 || text.len >= sizeof(copy) || text.data[0] < '0' || text.data[0] > '9')
		return -1;
	memcpy(copy, text.data, text.len);
	copy[text.len] = '\0';
	if (strspn(copy, "0123456789.") != text.len)
		return -1;
	value = strtod(copy, &end);
	return *end == '\0' ? value : -1;
}

static double seconds_until(struct slice date, int64_t wall_us)
{
	char copy[40];
	struct tm utc = {0};
	const char *end;

	if (date.len == 0 || date.len >= sizeof(copy))
		return -1;
	memcpy(copy, date.data, date.len);
	copy[date.len] = '\0';
	end = strptime(copy, "%a, %d %b %Y %H:%M:%S GMT", &utc);
	if (!end || *end)
		return -1;
	return (double)timegm(&utc) - (double)wall_us / 1e6;
}

static uint32_t bounded(double milliseconds)
{
	if (!(milliseconds > 0))
		return 0;
	return milliseconds < RETRY_AFTER_MAX_MS ? (uint32_t)milliseconds : RETRY_AFTER_MAX_MS;
}

uint32_t retry_after_ms(struct slice milliseconds, struct slice retry_after, int64_t wall_us)
{
	double value = read_number(milliseconds);

	if (value >= 0)
		return bounded(value);
	value = read_number(retry_after);
	if (value < 0)
		value = seconds_until(retry_after, wall_us);
	return bounded(value * 1000);
}
