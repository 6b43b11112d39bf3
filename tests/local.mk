# Tests that belong to no single room; each room's unit tests are named in its own local.mk.
include tests/bench/local.mk
