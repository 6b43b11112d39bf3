/* config_form.c: what a text must look like: addresses, URLs, paths, names. Pure. */
#include "config/config_schema.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

static bool is_all(const char *text, const char *more)
{
	for (; *text; text++)
		if (!isalnum((unsigned char)*text) && !strchr(more, *text))
			return false;
	return true;
}

/* Printable ASCII without white space. */
static bool is_visible(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text <= 0x20 || (unsigned char)*text >= 0x7f)
			return false;
	return true;
}

static bool is_address(const char *text)
{
	struct in6_addr address;

	return inet_pton(AF_INET, text, &address) == 1 || inet_pton(AF_INET6, text, &address) == 1;
}

static bool is_host_name(const char *text)
{
	return strlen(text) <= 253 && is_all(text, "-._") && *text != '-' && *text != '.' &&
	       !strstr(text, "..");
}

bool config_form_host(const char *text, struct error *err)
{
	char bare[64];
	size_t len = strlen(text);

	if (len > 2 && len < sizeof(bare) && *text == '[' && text[len - 1] == ']') {
		snprintf(bare, sizeof(bare), "%.*s", (int)len - 2, text + 1);
		text = bare;
	}
	return is_address(text) || is_host_name(text) ||
	       error_set(err, "is neither an address nor a host name");
}

bool config_form_host_name(const char *text, struct error *err)
{
	if (strncmp(text, "*.", 2) == 0)
		text += 2;
	return is_address(text) || is_host_name(text) ||
	       error_set(err, "is not a host name (no scheme, no port)");
}

static bool is_port(const char *text)
{
	uint64_t port;

	return text_parse_u64(slice_of(text), 65535, &port) && port > 0;
}

/* host, host:port, [v6] or [v6]:port, all of `text`. */
static bool is_authority(const char *text)
{
	char host[256];
	const char *end = *text == '[' ? strchr(text, ']') : text + strcspn(text, ":");
	const char *start = *text == '[' ? text + 1 : text;
	struct in6_addr address;

	if (!end || (size_t)(end - start) >= sizeof(host))
		return false;
	snprintf(host, sizeof(host), "%.*s", (int)(end - start), start);
	if (*text == '[' ? inet_pton(AF_INET6, host, &address) != 1 : !*host || !is_host_name(host))
		return false;
	end += *text == '[';
	return *end == '\0' || (*end == ':' && is_port(end + 1));
}

bool config_form_url(const char *text, struct error *err)
{
	const char *at = strstr(text, "://");
	char authority[320];
	size_t len;

	if (strncmp(text, "http://", 7) != 0 && strncmp(text, "https://", 8) != 0)
		return error_set(err, "does not begin with http:// or https://");
	at += 3;
	len = strcspn(at, "/?#");
	if (strlen(text) > 1024 || len >= sizeof(authority) || !is_visible(text))
		return error_set(err, "is not a URL");
	if (memchr(at, '@', len))
		return error_set(err, "holds a user name or password; use api_key");
	if (strpbrk(at, "?#"))
		return error_set(
			err, "has a query or a fragment; only an address and a path belong here");
	snprintf(authority, sizeof(authority), "%.*s", (int)len, at);
	return is_authority(authority) || error_set(err, "has no valid host or port");
}

bool config_form_origin(const char *text, struct error *err)
{
	const char *at = strstr(text, "://");

	if (strcmp(text, "*") == 0)
		return error_set(err, "would let every web page in; name the origins");
	return (at && at > text && at[3] && is_visible(text) && is_authority(at + 3)) ||
	       error_set(err, "is not an origin (https://host or https://host:port)");
}

bool config_form_account(const char *text, struct error *err)
{
	return (strlen(text) <= 32 && *text != '-' && is_all(text, "-._")) ||
	       error_set(err, "is not an account's name");
}

bool config_form_path(const char *text, struct error *err)
{
	return (strlen(text) < 4000 && *text == '/') || error_set(err, "is not an absolute path");
}

bool config_form_log_file(const char *text, struct error *err)
{
	return strcmp(text, "syslog") == 0 || config_form_path(text, err);
}

bool config_form_service_type(const char *text, struct error *err)
{
	const char *dot = strchr(text, '.');
	const char *rest = dot ? dot + 1 : "";
	bool tail = strcmp(rest, "_tcp") == 0 || strcmp(rest, "_udp") == 0 ||
		    strcmp(rest, "_tcp.local") == 0 || strcmp(rest, "_udp.local") == 0;

	return (*text == '_' && tail && is_all(text, "-._") && dot - text > 1 &&
		       dot - text <= 17) ||
	       error_set(err, "is not a service type (_name._tcp)");
}

bool config_form_network(const char *text, struct error *err)
{
	const char *slash = strchr(text, '/');
	char address[64];
	unsigned char bytes[16];
	uint64_t bits;
	int len = slash ? (int)(slash - text) : (int)strlen(text);

	snprintf(address, sizeof(address), "%.*s", len, text);
	if (len < (int)sizeof(address) && is_address(address) &&
		(!slash || text_parse_u64(slice_of(slash + 1),
				   inet_pton(AF_INET, address, bytes) == 1 ? 32 : 128, &bits)))
		return true;
	return error_set(err, "is not a network (192.168.1.0/24, fd00::/8) or an address");
}

bool config_form_probe_host(const char *text, struct error *err)
{
	if (config_form_network(text, err) || is_authority(text))
		return true;
	return error_set(err, "is neither a host, host:port nor a network");
}

bool config_form_pattern(const char *text, struct error *err)
{
	return is_visible(text) || error_set(err, "is neither a network nor a pattern of names");
}

bool config_form_header(const char *text, struct error *err)
{
	return (strlen(text) <= 64 && is_all(text, "-_")) ||
	       error_set(err, "is not the name of a header");
}

bool config_form_timezone(const char *text, struct error *err)
{
	return (strlen(text) <= 64 && *text != '/' && !strstr(text, "..") &&
		       is_all(text, "-_+/")) ||
	       error_set(err, "is not a time zone (UTC, Europe/Berlin)");
}

bool config_form_model(const char *text, struct error *err)
{
	return (strlen(text) <= 127 && is_visible(text)) ||
	       error_set(err, "is not a model's name (at most 127 visible characters)");
}

bool config_form_name(const char *text, struct error *err)
{
	return (strlen(text) <= 63 && is_all(text, "-._:@+") && *text != '-') ||
	       error_set(err, "is not a name (at most 63 letters, digits and - + . _ : @)");
}

bool config_form_variable(const char *text, struct error *err)
{
	return (*text && strlen(text) <= 128 && is_all(text, "_") &&
		       !isdigit((unsigned char)*text)) ||
	       error_set(err, "is not the name of an environment variable");
}

bool config_form_date(const char *text, struct error *err)
{
	static const int days[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	unsigned year, month, day;
	int used = 0;

	return (strlen(text) == 10 &&
		       sscanf(text, "%4u-%2u-%2u%n", &year, &month, &day, &used) == 3 &&
		       used == 10 && year >= 1970 && month >= 1 && month <= 12 && day >= 1 &&
		       day <= (unsigned)days[month - 1]) ||
	       error_set(err, "is not a date (2026-01-31)");
}
