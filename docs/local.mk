# Guides, man pages, reference.
