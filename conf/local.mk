# Files to install: example configuration, init script, units.
