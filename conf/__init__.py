"""The configuration: one root YAML per command, one folder per group."""
