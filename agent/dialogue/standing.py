"""What was refused in a conversation, and stays so until it is wanted by name or taken back."""

from __future__ import annotations

import re
from collections.abc import Sequence

from agent.dialogue.lexicon import SUBJECTS
from agent.dialogue.understand import fold
from agent.dialogue.years import wants_years
from palate.domain import Query
from retrieval.phrases import mentions

__all__ = ["less_things", "less_wanted_years", "lifted", "names", "still_refusing", "united"]

_MOST_WORDS = 50  # and years, that are refused at a time
# "Dogs are fine again", 恐怖片也可以.
_LIFTS = re.compile(
    r"\b(?:is|are|'s|'re) (?:ok|okay|fine|allowed|alright|all right|good|welcome)\b"
    r"(?: (?:again|now|too|after all|with me|then))*\W*$|"
    r"\b(?:never mind|i don't mind|don't mind) (?:the |about )?|(?:也|又)?(?:可以|行|没关系|无所谓)了?[^\w\u3400-\u9fff]*$",
    re.ASCII,
)
_COMPLAINS_OF = re.compile(r"\b(?:not|n't|no) (?:ok|okay|fine|allowed|alright|good)\b|不(?:可以|行)", re.ASCII)
# "You showed me dogs again" takes no refusal of dogs back.
_COMPLAINS = re.compile(
    r"\b(?:still|again|you (?:showed|gave|keep|recommended)|one (?:has|is|was)|i (?:said|told))\b|怎么[还又]|"
    r"还是有|又[有是给]|说了",
    re.ASCII,
)


def still_refusing(previous: Query, query: Query, folded: str, wanted: Sequence[str] | None = None) -> Query:
    """Return a query with what was refused before, less the genres that are ``wanted`` now (unset, its own) and the creators and
    words that are named now and not refused.
    """
    named = [name for name in previous.without_creators if names(name, folded) and name not in query.without_creators]
    spoken = [words for words in previous.without_words if mentions(folded, words) and words not in query.without_words]
    spoken = [] if _COMPLAINS.search(folded) or _COMPLAINS_OF.search(folded) else spoken
    before = () if wanted is None and query.like_item_ids else previous.without_genres
    refused = {
        "without_genres": united(before, query.without_genres, query.genres if wanted is None else wanted),
        "without_creators": united(previous.without_creators, query.without_creators, named),
        "without_words": united(previous.without_words, query.without_words, spoken)[-_MOST_WORDS:],
        "without_years": _possible(query, (*previous.without_years, *query.without_years))[-_MOST_WORDS:],
    }
    return query.model_copy(update=refused)


def less_things(previous: Query, new: Query) -> Query:
    """Return a request that refuses no genre of the last one where it refuses a thing that this has: "horror", "no zombies"."""
    if not any(fold(words) in SUBJECTS for words in new.without_words):
        return new
    return new.model_copy(update={"without_genres": united((), new.without_genres, previous.genres)})


def lifted(previous: Query, new: Query, folded: str) -> Query:
    """Return the last request without the refusals that a message takes back ("dogs are fine again"), and asks for no more."""
    if not _LIFTS.search(folded) or _COMPLAINS_OF.search(folded):
        return previous
    low, high = new.year_min or 0, new.year_max or 9999
    named = new.year_min is not None or new.year_max is not None
    return previous.model_copy(
        update={
            "without_genres": united(previous.without_genres, (), (*new.genres, *new.without_genres)),
            "without_creators": tuple(name for name in previous.without_creators if not names(name, folded)),
            "without_words": tuple(words for words in previous.without_words if not mentions(folded, words)),
            "without_years": tuple((a, b) for a, b in previous.without_years if not named or b < low or high < a),
        }
    )


def _possible(query: Query, refused: Sequence[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """Return refused years, none where they leave nothing of the years that are asked for."""
    years = range(query.year_min or 0, (query.year_max or 0) + 1)
    if query.year_min and years and all(any(first <= year <= last for first, last in refused) for year in years):
        return ()
    return tuple(dict.fromkeys(refused))


def less_wanted_years(previous: Query, new: Query, plain: str) -> Query:
    """Return the last request without the refusals of years that a message asks for. "Nothing before 1980" asks for none."""
    low, high = new.year_min, new.year_max
    if not previous.without_years or (low is None and high is None) or not wants_years(plain) or _COMPLAINS.search(plain):
        return previous
    still = [(a, b) for a, b in previous.without_years if (low is not None and b < low) or (high is not None and high < a)]
    return previous.model_copy(update={"without_years": tuple(still)})


def united(first: Sequence[str], second: Sequence[str], without: Sequence[str] = ()) -> tuple[str, ...]:
    """Return the parts of two lists, each once, less some."""
    return tuple(part for part in dict.fromkeys((*first, *second)) if part not in without)


def names(creator: str, folded: str) -> bool:
    """Return whether a folded text names a creator or a genre, with or without the dots within foreign names."""
    name = re.escape(fold(creator))
    return re.search(rf"(?<![a-z]){name}(?![a-z])", folded) is not None or _plain(creator) in _plain(folded) != folded


def _plain(text: str) -> str:
    return re.sub(r"[·•・]", "", fold(text))
