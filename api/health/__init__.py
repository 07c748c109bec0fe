"""Whether the server lives, and how far it is."""
