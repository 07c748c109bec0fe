"""Public data sets, read from disk into columns: known ones checked by hash and count, any other folder by its shape."""

from evals.datasets.loading import known_datasets, load_dataset

__all__ = ["known_datasets", "load_dataset"]
