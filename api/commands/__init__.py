"""The commands of `palate`, one a file."""
