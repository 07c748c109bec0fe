"""Slates."""
