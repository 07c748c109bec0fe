"""Turns histories into examples, trains LoRA adapters and lets the better ones through."""
