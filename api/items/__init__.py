"""The catalog, read."""
