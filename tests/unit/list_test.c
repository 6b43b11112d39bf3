/* A list keeps its order, and a node leaves it without knowing it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/list.h"

struct thing {
	char name;
	struct list node;
};

static const char *spell(struct list *list, char out[16])
{
	size_t used = 0;

	list_each(node, list)
		out[used++] = list_item(node, struct thing, node)->name;
	out[used] = '\0';
	return out;
}

static void test_order(void **state)
{
	struct thing a = {.name = 'a'}, b = {.name = 'b'}, c = {.name = 'c'}, d = {.name = 'd'};
	struct list list;
	char out[16];

	list_init(&list);
	assert_true(list_is_empty(&list));
	assert_null(list_pop_front(&list));
	list_push_back(&list, &b.node);
	list_push_back(&list, &d.node);
	list_push_front(&list, &a.node);
	list_insert_after(&b.node, &c.node);
	assert_string_equal(spell(&list, out), "abcd");
	list_remove(&c.node);
	assert_string_equal(spell(&list, out), "abd");
	assert_ptr_equal(list_pop_front(&list), &a.node);
	assert_string_equal(spell(&list, out), "bd");
	/* A node that is in no list may be removed again. */
	list_remove(&c.node);
	list_remove(&a.node);
	assert_string_equal(spell(&list, out), "bd");
	assert_false(list_is_empty(&list));
}

static void test_removing_while_walking(void **state)
{
	struct thing things[6];
	struct list list;
	char out[16];

	list_init(&list);
	for (int i = 0; i < 6; i++) {
		things[i].name = (char)('0' + i);
		list_push_back(&list, &things[i].node);
	}
	list_each_safe(node, &list)
		if (list_item(node, struct thing, node)->name % 2 == 0)
			list_remove(node);
	assert_string_equal(spell(&list, out), "135");
	list_each_safe(node, &list)
		list_remove(node);
	assert_true(list_is_empty(&list));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_removing_while_walking),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
