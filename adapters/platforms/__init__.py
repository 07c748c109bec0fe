"""Platform adapters, one module a platform."""

from adapters.platforms.movielens import MovieLensAdapter
from adapters.platforms.netflix import NetflixAdapter
from adapters.platforms.spotify import SpotifyAdapter

__all__ = ["MovieLensAdapter", "NetflixAdapter", "SpotifyAdapter"]
