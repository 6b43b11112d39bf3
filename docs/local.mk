# Guides, decisions and the reference pages, which are printed from the tables (`make reference`).
dist_doc_DATA = README.md CHANGELOG.md LICENSE docs/architecture.md docs/routing.md docs/development.md docs/performance.md
referencedir = $(docdir)/reference
dist_reference_DATA = docs/reference/commands.md docs/reference/configuration.md docs/reference/messages.md
EXTRA_DIST += docs/decisions docs/real-servers.md
