"""Versioned prompt templates, the same for training and serving."""
