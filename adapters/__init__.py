"""Turns exports and events of platforms into one history a person."""

from adapters.base import ExportRow, PlatformAdapter, RowError
from adapters.consent import Consents
from adapters.history import HistoryStore, open_history
from adapters.identity import Identities
from adapters.importer import Importer, ImportReport
from adapters.matching import Match, Matcher, TitleMatcher, find_item
from adapters.mentions import Mention, MentionFinder
from adapters.platforms import MovieLensAdapter, NetflixAdapter, SpotifyAdapter
from adapters.plugin import load_platform_adapters
from adapters.titles import normalise_title

__all__ = [
    "Consents",
    "ExportRow",
    "HistoryStore",
    "Identities",
    "ImportReport",
    "Importer",
    "Match",
    "Matcher",
    "Mention",
    "MentionFinder",
    "MovieLensAdapter",
    "NetflixAdapter",
    "PlatformAdapter",
    "RowError",
    "SpotifyAdapter",
    "TitleMatcher",
    "find_item",
    "load_platform_adapters",
    "normalise_title",
    "open_history",
]
