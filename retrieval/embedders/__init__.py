"""Embedders: text, pictures, sound."""
