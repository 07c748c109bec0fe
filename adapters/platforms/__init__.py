"""Platform adapters, one module a platform."""
