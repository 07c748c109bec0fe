"""Suites, one module each: what is measured, and how it is reported."""
