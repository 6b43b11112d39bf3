/* list.h: an intrusive doubly linked list. The node lives in the object, so membership costs no
 * allocation and an object can be unlinked without knowing its list. An empty list and an unlinked
 * node point to themselves. */
#ifndef NEXUS_BASE_LIST_H
#define NEXUS_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct list {
	struct list *next;
	struct list *prev;
};

/* The object of type `type` whose member `member` is `node`. */
#define list_item(node, type, member) ((type *)(void *)((char *)(node)-offsetof(type, member)))

#define list_each(node, head)                                                                      \
	for (struct list *node = (head)->next; node != (head); node = node->next)

/* The body may unlink `node`. */
#define list_each_safe(node, head)                                                                 \
	for (struct list *node = (head)->next, *node##_next = node->next; node != (head);          \
		node = node##_next, node##_next = node->next)

static inline void list_init(struct list *list)
{
	list->next = list->prev = list;
}

static inline bool list_is_empty(const struct list *list)
{
	return list->next == list;
}

static inline void list_insert_after(struct list *place, struct list *node)
{
	node->prev = place;
	node->next = place->next;
	place->next->prev = node;
	place->next = node;
}

static inline void list_push_front(struct list *list, struct list *node)
{
	list_insert_after(list, node);
}

static inline void list_push_back(struct list *list, struct list *node)
{
	list_insert_after(list->prev, node);
}

/* Unlinks `node`; harmless when it is in no list. */
static inline void list_remove(struct list *node)
{
	node->prev->next = node->next;
	node->next->prev = node->prev;
	list_init(node);
}

/* The first node, unlinked; NULL when empty. */
static inline struct list *list_pop_front(struct list *list)
{
	struct list *node = list->next;

	if (node == list)
		return NULL;
	list_remove(node);
	return node;
}

#endif
