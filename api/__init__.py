"""The roof: puts the parts together and serves them."""
