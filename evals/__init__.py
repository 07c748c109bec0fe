"""Measures every stage on the running system and on published data sets."""
