/* text_table.h: rows and columns of text that fit a terminal.
 *
 * Cells are escaped when they are added, so whatever a server calls itself cannot drive the
 * terminal. When a width is given, the widest columns give way and their cells end in an ellipsis;
 * without one nothing is cut. */
#ifndef NEXUS_COMMAND_TEXT_TABLE_H
#define NEXUS_COMMAND_TEXT_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/buffer.h"

#define TEXT_TABLE_COLUMNS_MAX 16u

struct text_table {
	struct arena arena;
	size_t column_count;
	size_t row_count;
	size_t room;
	const char **cells; /* row by row, the titles first */
	size_t filled;      /* cells of the row being filled */
	bool right[TEXT_TABLE_COLUMNS_MAX];
};

/* Titles end with NULL; one that begins with '>' makes its column right-aligned. */
void text_table_init(struct text_table *table, const char *const *titles);
void text_table_free(struct text_table *table);
/* The next cell; a row is full when it has a cell a column. Copied. */
void text_table_add(struct text_table *table, const char *text);
/* Writes it; `width` in columns of the terminal, 0 = as wide as it is. False when `out` is full. */
bool text_table_write(const struct text_table *table, size_t width, struct buffer *out);

/* The width of standard output's terminal; 0 when it is none. */
size_t text_table_terminal_width(void);

#endif
