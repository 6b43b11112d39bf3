/* config_print.c: a configuration as text: canonical for other processes, masked for people,
 * commented for newcomers.
 *
 * Only the canonical form holds secrets; it goes into sealed memory and never to a log or a
 * terminal. */
#include "config/config_build.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"

enum style {
	STYLE_CANONICAL, /* everything, secrets in clear */
	STYLE_SHOW,      /* everything, secrets as references */
	STYLE_CHANGED,   /* what is not default, likewise */
	STYLE_INIT,      /* every key behind a comment sign, with its help */
};

struct printer {
	struct buffer *out;
	enum style style;
	const struct config *config;
	const struct config *defaults; /* of STYLE_CHANGED */
	unsigned depth;
	bool good;
};

static void put(struct printer *printer, const char *text)
{
	printer->good = printer->good && buffer_append_text(printer->out, text);
}

static void put_indent(struct printer *printer)
{
	for (unsigned i = 0; i < printer->depth; i++)
		put(printer, "\t");
}

/* A text in quotes as libconfig reads it. */
static void put_quoted(struct printer *printer, const char *text)
{
	char piece[8];

	put(printer, "\"");
	for (; *text; text++) {
		unsigned char byte = (unsigned char)*text;

		if (byte == '"' || byte == '\\')
			snprintf(piece, sizeof(piece), "\\%c", byte);
		else if (byte < 0x20 || byte == 0x7f)
			snprintf(piece, sizeof(piece), "\\x%02x", byte);
		else
			snprintf(piece, sizeof(piece), "%c", byte);
		put(printer, piece);
	}
	put(printer, "\"");
}

static void put_number(struct printer *printer, double number)
{
	char text[64];

	config_format_number(number, text, sizeof(text));
	put(printer, text);
	if (!strpbrk(text, ".e") && (number > INT32_MAX || number < INT32_MIN))
		put(printer, ".0"); /* else it would be read as an integer of 32 bits */
}

static void put_bytes(struct printer *printer, uint64_t bytes)
{
	char text[64];

	config_format_bytes(bytes, text, sizeof(text));
	if (strpbrk(text, "KMG"))
		put_quoted(printer, text);
	else
		put(printer, text);
}

static void put_secret(struct printer *printer, const char *secret)
{
	const char *reference = config_secret_reference(printer->config, secret);

	if (printer->style == STYLE_CANONICAL || (!*secret && !reference))
		put_quoted(printer, secret);
	else
		put_quoted(printer, reference ? reference : "env:HIDDEN");
}

static void put_strings(
	struct printer *printer, const struct config_key *key, const struct config_strings *list)
{
	if (list->count != 1)
		put(printer, "[");
	for (size_t i = 0; i < list->count; i++) {
		put(printer, i > 0 ? ", " : "");
		if (key->kind == KIND_SECRETS)
			put_secret(printer, list->items[i]);
		else
			put_quoted(printer, list->items[i]);
	}
	if (list->count != 1)
		put(printer, "]");
}

static void put_pairs(
	struct printer *printer, const struct config_key *key, const struct config_pairs *pairs)
{
	char number[16];

	put(printer, "{ ");
	for (size_t i = 0; i < pairs->count; i++) {
		put(printer, pairs->items[i].name);
		put(printer, " = ");
		snprintf(number, sizeof(number), "%d", pairs->items[i].value);
		if (key->kind == KIND_LEVELS)
			put_quoted(printer, log_level_names[pairs->items[i].value]);
		else
			put(printer, number);
		put(printer, "; ");
	}
	put(printer, "}");
}

static void put_list(struct printer *printer, const struct config_key *key, const void *base);

static void put_value(struct printer *printer, const struct config_key *key, const void *base)
{
	const void *value = config_value_at(key, base);

	switch (key->kind) {
	case KIND_BOOL: put(printer, *(const bool *)value ? "true" : "false"); break;
	case KIND_UINT: put_number(printer, *(const config_UINT *)value); break;
	case KIND_DOUBLE:
	case KIND_SECONDS: put_number(printer, *(const double *)value); break;
	case KIND_BYTES: put_bytes(printer, *(const config_BYTES *)value); break;
	case KIND_STRING: put_quoted(printer, *(const char *const *)value); break;
	case KIND_ENUM: put_quoted(printer, key->choices[*(const int *)value]); break;
	case KIND_SECRET: put_secret(printer, *(const char *const *)value); break;
	case KIND_TRISTATE:
		put(printer, *(const int *)value == TRISTATE_YES ? "true" : "false");
		break;
	case KIND_STRINGS:
	case KIND_SECRETS: put_strings(printer, key, value); break;
	case KIND_LEVELS:
	case KIND_SCORES: put_pairs(printer, key, value); break;
	case KIND_LIST: put_list(printer, key, base); break;
	}
}

/* Whether there is nothing to write: the value is absent. */
static bool is_absent(const struct printer *printer, const struct config_key *key, const void *base)
{
	const void *value = config_value_at(key, base);
	const char *text = "";

	if (!key->default_text || *key->default_text)
		return false;
	switch (key->kind) {
	case KIND_UINT:
		return *(const config_UINT *)value < key->min ||
		       *(const config_UINT *)value > key->max;
	case KIND_DOUBLE: return *(const double *)value < 0;
	case KIND_ENUM: return *(const int *)value < 0;
	case KIND_TRISTATE: return *(const int *)value == TRISTATE_UNSET;
	case KIND_SECRET:
		text = *(const char *const *)value;
		return !*text && !config_secret_reference(printer->config, text);
	case KIND_STRING: return !**(const char *const *)value;
	case KIND_STRINGS:
	case KIND_SECRETS: return ((const struct config_strings *)value)->count == 0;
	case KIND_LEVELS:
	case KIND_SCORES: return ((const struct config_pairs *)value)->count == 0;
	case KIND_LIST:
		return *(const size_t *)(const void *)((const char *)base + key->count_offset) == 0;
	default: return false;
	}
}

/* { name = value; ... } on one line, inner lists on lines of their own. */
static void put_entry(struct printer *printer, const struct config_item *item, const void *entry)
{
	put(printer, "{ ");
	for (size_t i = 0; i < item->key_count; i++) {
		if (is_absent(printer, &item->keys[i], entry))
			continue;
		put(printer, item->keys[i].name);
		put(printer, " = ");
		put_value(printer, &item->keys[i], entry);
		put(printer, "; ");
	}
	put(printer, "}");
}

static void put_list(struct printer *printer, const struct config_key *key, const void *base)
{
	const char *entry = *(char *const *)config_value_at(key, base);
	size_t count = *(const size_t *)(const void *)((const char *)base + key->count_offset);

	put(printer, "(");
	printer->depth++;
	for (size_t i = 0; i < count; i++, entry += key->item->size) {
		put(printer, i > 0 ? ",\n" : "\n");
		put_indent(printer);
		put_entry(printer, key->item, entry);
	}
	printer->depth--;
	put(printer, ")");
}

static bool is_wanted(const struct printer *printer, const struct config_key *key)
{
	if (is_absent(printer, key, printer->config))
		return false;
	return printer->style != STYLE_CHANGED ||
	       !config_value_equal(key, printer->config, printer->defaults);
}

static void put_key(struct printer *printer, const struct config_key *key)
{
	if (!is_wanted(printer, key))
		return;
	put_indent(printer);
	put(printer, key->name);
	put(printer, " = ");
	put_value(printer, key, printer->config);
	put(printer, ";\n");
}

/* What an absent value may look like, behind the comment sign of config init. */
static const struct {
	const char *path;
	const char *example;
} examples[] = {
	{"routing.aliases", "( { name = \"gpt-4\"; target = \"llama3:70b\"; } )"},
	{"routing.fallbacks",
		"( { model = \"llama3:70b\"; chain = [\"qwen2:72b\", \"mixtral:8x7b\"]; } )"},
	{"routing.policies",
		"( { model_pattern = \"hr-*\"; privacy = \"restricted\"; min_tier = 3; } )"},
	{"backends",
		"( { name = \"local-ollama\"; url = \"http://localhost:11434\"; type = \"ollama\"; "
		"priority = 1; },\n"
		"//  { name = \"openai\"; url = \"https://api.openai.com\"; type = \"openai\"; "
		"api_key = \"env:OPENAI_API_KEY\"; tier = 4; } )"},
	{"budget.monthly_limit", "100.0"},
	{"budget.default_price.input", "10.0"},
	{"budget.default_price.output", "30.0"},
	{"budget.limits",
		"( { name = \"research\"; scope = \"team\"; id = \"research\"; limit = 500.0; } )"},
	{"logging.components", "{ routing = \"debug\"; }"},
	{"admin.token", "\"env:NEXUS_ADMIN_TOKEN\""},
};

static const char *example_of(const struct config_key *key)
{
	for (size_t i = 0; i < sizeof(examples) / sizeof(examples[0]); i++)
		if (strcmp(examples[i].path, key->path) == 0)
			return examples[i].example;
	return NULL;
}

static void put_commented(struct printer *printer, const struct config_key *key)
{
	const char *example = example_of(key);

	put_indent(printer);
	put(printer, "# ");
	put(printer, key->help);
	put(printer, example ? " (an example)" : "");
	put(printer, key->in_effect ? "\n" : " (not yet in effect)\n");
	put_indent(printer);
	put(printer, "//");
	put(printer, key->name);
	put(printer, " = ");
	if (example)
		put(printer, example);
	else
		put_value(printer, key, printer->config);
	put(printer, ";\n");
}

/* Whether anything is to be written in a section or in those inside it. */
static bool has_content(const struct printer *printer, const char *path)
{
	size_t len = strlen(path);

	for (size_t i = 0; i < config_key_count; i++)
		if (strncmp(config_keys[i].path, path, len) == 0 &&
			config_keys[i].path[len] == '.' && is_wanted(printer, &config_keys[i]))
			return true;
	return false;
}

static void put_section(struct printer *printer, const struct config_section *section);

static void put_keys(struct printer *printer, const char *path)
{
	for (size_t i = 0; i < config_key_count; i++) {
		if (strcmp(config_keys[i].section, path) != 0)
			continue;
		if (printer->style == STYLE_INIT)
			put_commented(printer, &config_keys[i]);
		else
			put_key(printer, &config_keys[i]);
	}
}

static void put_section(struct printer *printer, const struct config_section *section)
{
	const char *name = strrchr(section->path, '.');
	size_t len = strlen(section->path);

	if (printer->style != STYLE_INIT && !has_content(printer, section->path))
		return;
	if (printer->style == STYLE_INIT) {
		put(printer, "\n");
		put_indent(printer);
		put(printer, "# ");
		put(printer, section->help);
		put(printer, ".\n");
	}
	put_indent(printer);
	put(printer, name ? name + 1 : section->path);
	put(printer, " = {\n");
	printer->depth++;
	put_keys(printer, section->path);
	for (size_t i = 0; i < config_section_count; i++)
		if (strncmp(config_sections[i].path, section->path, len) == 0 &&
			config_sections[i].path[len] == '.')
			put_section(printer, &config_sections[i]);
	printer->depth--;
	put_indent(printer);
	put(printer, "};\n");
}

static bool print(struct printer *printer)
{
	for (size_t i = 0; i < config_section_count; i++)
		if (!strchr(config_sections[i].path, '.'))
			put_section(printer, &config_sections[i]);
	put(printer, printer->style == STYLE_INIT ? "\n" : "");
	put_keys(printer, "");
	return printer->good;
}

bool config_to_text(const struct config *config, struct buffer *out)
{
	struct printer printer = {
		.out = out, .style = STYLE_CANONICAL, .config = config, .good = true};

	return print(&printer);
}

/* A configuration with nothing but defaults. */
static struct config *defaults_new(void)
{
	struct config_sources none = {.path = ""};
	struct config_errors errors;
	struct config *config;

	config_errors_init(&errors);
	config = config_load(&none, &errors);
	config_errors_free(&errors);
	return config;
}

bool config_show(const struct config *config, enum config_show what, struct buffer *out)
{
	struct config *defaults = defaults_new();
	struct printer printer = {
		.out = out,
		.style = what == CONFIG_SHOW_CHANGED ? STYLE_CHANGED : STYLE_SHOW,
		.config = config,
		.defaults = defaults,
		.good = true,
	};
	bool good = print(&printer);

	config_unref(&defaults);
	return good;
}

bool config_init_text(struct buffer *out)
{
	struct config *defaults = defaults_new();
	struct printer printer = {
		.out = out, .style = STYLE_INIT, .config = defaults, .good = true};
	bool good;

	put(&printer,
		"# nexus.conf: every key with its default. What you do not set stays as it is "
		"shown.\n"
		"# Check it with: nexus config check    Bring it into force with: nexus reload\n");
	good = print(&printer);
	config_unref(&defaults);
	return good;
}
