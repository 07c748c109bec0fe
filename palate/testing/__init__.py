"""Conformance suites that every store, source, LLM or platform adapter must pass; a stranger's plug-in can run them too."""
