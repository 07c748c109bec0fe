"""Turns exports and events of platforms into one history a person."""
