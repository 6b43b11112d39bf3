/* An arena's pieces are aligned, apart and whole until arena_free; a first block on the stack costs nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/arena.h"

static void test_pieces_are_aligned_and_apart(void **state)
{
	unsigned char *pieces[200];
	struct arena arena;

	arena_init(&arena, 256);
	for (size_t i = 0; i < 200; i++) {
		pieces[i] = arena_alloc(&arena, i);
		assert_int_equal((uintptr_t)pieces[i] % 16, 0);
		memset(pieces[i], (int)i, i);
	}
	for (size_t i = 0; i < 200; i++)
		for (size_t byte = 0; byte < i; byte++)
			assert_int_equal(pieces[i][byte], i);
	arena_free(&arena);
}

static void test_a_large_piece_does_not_waste_the_block(void **state)
{
	struct arena arena;
	char *first;
	char *second;

	arena_init(&arena, 1024);
	first = arena_alloc(&arena, 16);
	memset(arena_alloc(&arena, 100000), 1, 100000);
	second = arena_alloc(&arena, 16);
	assert_ptr_equal(second, first + 16);
	arena_free(&arena);
}

static void test_first_block_is_the_owners(void **state)
{
	_Alignas(16) char memory[128];
	struct arena arena;
	char *piece;

	arena_init_in(&arena, 1024, memory, sizeof(memory));
	piece = arena_alloc(&arena, 100);
	assert_ptr_equal(piece, memory);
	assert_null(arena.blocks);
	/* It does not fit any more: the next one lies elsewhere. */
	piece = arena_alloc(&arena, 100);
	assert_true(piece + 100 <= memory || piece >= memory + sizeof(memory));
	memset(piece, 1, 100);
	arena_free(&arena);
}

static void test_unaligned_first_block(void **state)
{
	_Alignas(16) char memory[64];
	struct arena arena;

	for (size_t skip = 0; skip < 16; skip++) {
		for (size_t size = 0; size < 32; size++) {
			char *piece;

			arena_init_in(&arena, 256, memory + skip, size);
			piece = arena_alloc(&arena, 8);
			assert_int_equal((uintptr_t)piece % 16, 0);
			memset(piece, 1, 8);
			arena_free(&arena);
		}
	}
}

static void test_copies_end_in_nul(void **state)
{
	struct arena arena;

	arena_init(&arena, 64);
	assert_string_equal(arena_strdup(&arena, "text"), "text");
	assert_string_equal(arena_dup_slice(&arena, slice_make("text", 2)), "te");
	assert_string_equal(arena_dup_slice(&arena, slice_make(NULL, 0)), "");
	assert_string_equal(arena_printf(&arena, "%s-%d", "a", 7), "a-7");
	assert_int_equal(strlen(arena_printf(&arena, "%500s", "")), 500);
	for (int i = 0; i < 8; i++)
		assert_int_equal(((char *)arena_zalloc(&arena, 8))[i], 0);
	arena_free(&arena);
	assert_null(arena.blocks);
	assert_string_equal(arena_strdup(&arena, "again"), "again");
	arena_free(&arena);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pieces_are_aligned_and_apart),
		cmocka_unit_test(test_a_large_piece_does_not_waste_the_block),
		cmocka_unit_test(test_first_block_is_the_owners),
		cmocka_unit_test(test_unaligned_first_block),
		cmocka_unit_test(test_copies_end_in_nul),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
