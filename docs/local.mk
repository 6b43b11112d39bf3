# Guides and decisions.
EXTRA_DIST += docs/architecture.md docs/decisions docs/reference
