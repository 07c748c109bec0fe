"""Why an item was in a slate."""
