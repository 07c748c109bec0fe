"""Brings titles into a form in which spellings of one title are equal."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

__all__ = ["Token", "normalise_title", "split_year", "title_keys", "tokenise"]

_YEAR = re.compile(r"\s*[(\[（]\s*((?:18|19|20)\d\d)\s*[)\]）]\s*$")
_PARENTHESIS = re.compile(r"\s*[(\[（]([^()\[\]（）]*)[)\]）]")
_TRAILING_ARTICLE = re.compile(r"^(.*\S),\s+(the|a|an|le|la|les|l'|el|los|las|il|lo|der|die|das|een|un|une)$", re.IGNORECASE)
_TRACK_SUFFIX = re.compile(
    r"\s+[-–]\s+(?:\d{4}\s+)?(?:remaster(?:ed)?|mono|stereo|single|radio|album|original|bonus)\b.*$"
    r"|\s*[(\[](?:feat|ft|with|remaster|\d{4} remaster)\b[^)\]]*[)\]]",
    re.IGNORECASE,
)
# "i" is left alone: it is a word far more often than a number.
_ROMAN_NUMBERS = "ii iii iv v vi vii viii ix x xi xii xiii xiv xv xvi xvii xviii xix xx"
_ROMAN = {text: str(number) for number, text in enumerate(_ROMAN_NUMBERS.split(), start=2)}
_CJK = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uac00-\ud7af"
# A word may hold apostrophes, dots and stars ("It's", "A.I.", "M*A*S*H"), which vanish; each CJK character stands alone.
_WORD = re.compile(rf"[{_CJK}]|[^\W_{_CJK}]+(?:['’.*][^\W_{_CJK}]+)*|&")
_ARTICLES = frozenset({"the", "a", "an"})
_JOINERS = str.maketrans("", "", "'’.*")


@dataclass(frozen=True, slots=True)
class Token:
    """A word of a text in normal form, and the characters ``start`` to ``end`` where it stands."""

    text: str
    start: int
    end: int


@lru_cache(maxsize=65_536)
def _plain(word: str) -> str:
    """Return a word without case, accents and joiners, full-width letters made narrow, Roman numbers from II made Arabic."""
    decomposed = unicodedata.normalize("NFKD", word).casefold()
    without = "".join(c for c in decomposed if not "\u0300" <= c <= "\u036f")
    plain = unicodedata.normalize("NFC", without).translate(_JOINERS)
    return "and" if plain == "&" else _ROMAN.get(plain, plain)


def tokenise(text: str) -> list[Token]:
    """Return the words of a text in normal form with their places; each Chinese or Japanese character is a word."""
    return [Token(_plain(m[0]), m.start(), m.end()) for m in _WORD.finditer(text)]


def split_year(title: str) -> tuple[str, int | None]:
    """Return a title without its year in brackets, and the year: ``"Alien (1979)"`` → ``("Alien", 1979)``."""
    match = _YEAR.search(title)
    if match is None or not match.start():
        return title.strip(), None
    return title[: match.start()].strip(), int(match[1])


def _article_first(title: str) -> str:
    match = _TRAILING_ARTICLE.match(title)
    return title if match is None else f"{match[2]} {match[1]}"


def normalise_title(title: str) -> str:
    """Return the normal form: words in lower case without accents, punctuation, year in brackets and leading English article.

    ``"Alien, The"``, ``"The Alien"`` and ``"ALIEN (1979)"`` are all ``"alien"``. A title of punctuation only stays as it is.
    """
    words = [token.text for token in tokenise(_article_first(split_year(title)[0]))]
    if len(words) > 1 and words[0] in _ARTICLES:
        words = words[1:]
    return " ".join(words) or " ".join(title.split())


def title_keys(title: str) -> tuple[str, ...]:
    """Return the normal forms under which a title is known, best first.

    They are the whole title, the title without what stands in brackets, and what stands in brackets
    (``"Postino, Il (The Postman)"``); for a recording also the title without "Remastered 2011" or "(feat. …)".
    """
    plain, _ = split_year(title)
    forms = [plain, _TRACK_SUFFIX.sub("", plain), _PARENTHESIS.sub("", plain)]
    forms += [inner for inner in _PARENTHESIS.findall(plain) if not _TRACK_SUFFIX.match(f"({inner})")]
    return tuple(dict.fromkeys(normalise_title(form) for form in forms if form.strip()))
