"""The LLMs: embedded, vLLM, and a scripted one for tests."""
