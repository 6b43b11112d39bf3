/* text_table.c: measuring, giving way, cutting, aligning. One character counts as one column of the
 * terminal. */
#include "command/text_table.h"

#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/fatal.h"
#include "base/memory.h"
#include "base/text.h"

#define GAP              2u
#define COLUMN_WIDTH_MIN 6u

static const char *escaped(struct arena *arena, const char *text)
{
	size_t size = strlen(text) * 4 + 1;
	char *copy = arena_alloc(arena, size);

	text_escape(copy, size, slice_of(text), TEXT_ESCAPE_LINE);
	return copy;
}

static void store(struct text_table *table, const char *text)
{
	size_t at = table->row_count * table->column_count + table->filled;

	if (at == table->room) {
		table->room = table->room * 2 + table->column_count * 8;
		table->cells = memory_realloc(table->cells, table->room * sizeof(*table->cells));
	}
	table->cells[at] = escaped(&table->arena, text);
	if (++table->filled == table->column_count) {
		table->filled = 0;
		table->row_count++;
	}
}

void text_table_init(struct text_table *table, const char *const *titles)
{
	*table = (struct text_table){.column_count = 0};
	arena_init(&table->arena, 8192);
	while (titles[table->column_count])
		table->column_count++;
	invariant(table->column_count > 0 && table->column_count <= TEXT_TABLE_COLUMNS_MAX);
	for (size_t i = 0; i < table->column_count; i++) {
		table->right[i] = titles[i][0] == '>';
		store(table, titles[i] + table->right[i]);
	}
}

void text_table_free(struct text_table *table)
{
	memory_free_at(&table->cells);
	arena_free(&table->arena);
}

void text_table_add(struct text_table *table, const char *text)
{
	store(table, text);
}

/* Characters of a text that is valid UTF-8. */
static size_t text_width(const char *text)
{
	size_t width = 0;

	for (; *text; text++)
		width += ((unsigned char)*text & 0xc0) != 0x80;
	return width;
}

static void measure(const struct text_table *table, size_t widths[TEXT_TABLE_COLUMNS_MAX])
{
	for (size_t column = 0; column < table->column_count; column++) {
		widths[column] = 0;
		for (size_t row = 0; row < table->row_count; row++) {
			size_t width = text_width(table->cells[row * table->column_count + column]);

			if (width > widths[column])
				widths[column] = width;
		}
	}
}

/* Takes from the widest column, one at a time, until all fit or none can give any more. */
static void give_way(
	const struct text_table *table, size_t widths[TEXT_TABLE_COLUMNS_MAX], size_t width)
{
	size_t total = GAP * (table->column_count - 1);

	for (size_t i = 0; i < table->column_count; i++)
		total += widths[i];
	while (total > width) {
		size_t widest = 0;

		for (size_t i = 1; i < table->column_count; i++)
			if (widths[i] > widths[widest])
				widest = i;
		if (widths[widest] <= COLUMN_WIDTH_MIN)
			return;
		widths[widest]--;
		total--;
	}
}

static void put_spaces(struct buffer *out, size_t count)
{
	while (count-- > 0)
		buffer_append_text(out, " ");
}

/* A cell cut to `width` characters, the last of them an ellipsis. */
static void put_cut(struct buffer *out, const char *text, size_t width)
{
	size_t bytes = 0;

	for (size_t i = 0; i + 1 < width; i++)
		bytes += text_utf8_len(text + bytes, strlen(text + bytes));
	buffer_append(out, text, bytes);
	buffer_append_text(out, "\xe2\x80\xa6");
}

static void put_cell(struct buffer *out, const char *text, size_t width, bool right, bool last)
{
	size_t own = text_width(text);

	if (own > width) {
		put_cut(out, text, width);
		own = width;
	} else {
		if (right)
			put_spaces(out, width - own);
		buffer_append_text(out, text);
	}
	if (!last)
		put_spaces(out, (right ? 0 : width - own) + GAP);
}

bool text_table_write(const struct text_table *table, size_t width, struct buffer *out)
{
	size_t widths[TEXT_TABLE_COLUMNS_MAX];

	measure(table, widths);
	if (width > 0)
		give_way(table, widths, width);
	for (size_t row = 0; row < table->row_count; row++) {
		for (size_t column = 0; column < table->column_count; column++)
			put_cell(out, table->cells[row * table->column_count + column],
				widths[column], table->right[column],
				column + 1 == table->column_count);
		if (!buffer_append_text(out, "\n"))
			return false;
	}
	return true;
}

size_t text_table_terminal_width(void)
{
	struct winsize size;

	if (!isatty(STDOUT_FILENO) || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0)
		return 0;
	return size.ws_col;
}
