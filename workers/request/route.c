/* route.c: the walk over routes.def. */
#include "workers/request/route.h"

static const struct route routes[] = {
#define ROUTE(path_, methods_, handler_, exact_, label_)                                           \
	{.path = (path_),                                                                          \
		.methods = (methods_),                                                             \
		.handler = (handler_),                                                             \
		.exact = (exact_),                                                                 \
		.label = (label_)},
#include "workers/request/routes.def"
#undef ROUTE
};

static bool take_prefix(struct slice *path, const char *prefix)
{
	size_t len = strlen(prefix);

	/* Only whole segments: "/v1x" is another path. */
	if (!slice_starts_with(*path, prefix) || (path->len > len && path->data[len] != '/'))
		return false;
	path->data += len;
	path->len -= len;
	return true;
}

static bool matches(const struct route *route, struct slice path, struct slice *rest)
{
	size_t len = strlen(route->path);

	if (route->exact) {
		*rest = slice_make(path.data, 0);
		return slice_is(path, route->path);
	}
	*rest = slice_make(path.data + len, path.len > len ? path.len - len : 0);
	return slice_starts_with(path, route->path) && path.len > len;
}

const struct route *route_find(struct slice path, struct slice *rest)
{
	if (!take_prefix(&path, "/openai/v1"))
		take_prefix(&path, "/v1");
	if (path.len > 1 && path.data[path.len - 1] == '/')
		path.len--;
	for (size_t i = 0; i < sizeof(routes) / sizeof(*routes); i++)
		if (matches(&routes[i], path, rest))
			return &routes[i];
	return NULL;
}

bool route_allows(const struct route *route, enum http_method method)
{
	switch (method) {
	case HTTP_METHOD_GET: return route->methods & ROUTE_GET;
	case HTTP_METHOD_HEAD: return route->methods & ROUTE_HEAD;
	case HTTP_METHOD_POST: return route->methods & ROUTE_POST;
	default: return false;
	}
}

const char *route_allow_text(const struct route *route)
{
	return route->methods & ROUTE_POST ? "POST" : "GET, HEAD";
}
