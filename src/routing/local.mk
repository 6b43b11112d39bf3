noinst_LIBRARIES += src/routing/librouting.a
src_routing_librouting_a_SOURCES =
