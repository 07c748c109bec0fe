"""The demo world: films, pieces of music, and three people."""
