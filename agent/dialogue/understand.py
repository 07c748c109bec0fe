"""From words to a query, by rules: the same text always means the same, and no text can order anything."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from agent.base import MentionSpan, TitleFinder
from agent.dialogue.judged import (
    LOOKBACK,
    REFUSED_PERSON,
    Word,
    blank,
    judged,
    less_things,
    listed_with,
    of_years,
    pattern_of,
    split,
    words_in,
)
from agent.dialogue.lexicon import (
    EMPTY_EN,
    EMPTY_ZH,
    GENRE_WORDS,
    GREETING,
    MASK,
    REMOVALS_EN,
    REMOVALS_ZH,
    SAME_GENRES,
    SUBJECTS,
    TYPE_WORDS,
    either,
    whole,
)
from agent.dialogue.refusals import Refusal, refusals
from agent.dialogue.years import read_years
from agent.prompts.understand import MOST_WORDS, Asked, Draft, Wish
from palate.domain import ITEM_TYPES, MAX_QUERY_CHARS, ItemType, Query
from palate.errors import InvalidInput
from retrieval.base import ItemTable
from retrieval.lexical import is_filler
from retrieval.names import CreatorNames

__all__ = ["Understander", "fold"]

_TITLE = "X"
_MAX_LIKES = 5


# "Is there no Tom Hanks here?", 这里没有…吗 ask; what else refuses does so in questions, too.
_QUESTION = re.compile(r"[?？吗]\W*$|怎么没|为什么没")
_ASKS_NOT = re.compile(r"\b(?:no|nothing|isn't|aren't)\b|没有")
_NOT_OF_SONGS = re.compile(r"歌[词手剧舞迷]")
_KNOWS = re.compile(r"\b(?:know|knew|have|got|seen|there|i'm|i am|we're|we are) (?:nothing|not)(?= (?:about|with|from|by|of)\b)")
_GOES_ON = re.compile(r"(?<=[a-z])\s+[A-Z][a-z]")  # a name that is longer than the one that was found
_UNLIKE = re.compile(
    rf"(?:\bnot|\bnothing|\bno|n't|\bunlike|already (?:seen|watched|heard)|\b(?:{either(REMOVALS_EN)})|"
    rf"anything but|\bexcept|\bother than|\bbesides|\bavoid|\bwithout|"
    rf"(?<![要想看听喜爱])不(?:要|想|再|喜欢|爱|看|听|给我)+|不像|不是|讨厌|除了|(?<![特分个])别再?|已经(?:看|听)过|"
    rf"{either(REMOVALS_ZH)})\s*(?:给我\s*)?"
    r"(?:(?:like|similar to|want|anything|as|the|to (?:see|watch|hear|listen to)|recommend|show me|in the mood for|"
    r"推荐|放|看|听)\s*)*(?:[到过]\s*)?[\"'“《]*$"
)
_UNLIKED = re.compile(r"[\"'”》\s]*(?:不感兴趣|没兴趣)")
# Words for types that often mean something else.
_NO_TYPE = re.compile(r"\bof course\b|^\W*listen\b(?! to)|听说")
_ASKED_EN = re.compile(
    r"(?:^|\b(?:recommend|want|need|find|give|show|any|some|have|looking for)(?: me)?\s)"
    r"(?:an?\s|any\s|some\s|the\s)?(?:(?:good|great|nice|new|short|online|interesting)\s)*$"
)
_BREAKS = " \t\n,，;；、:：.。!！?？~～–—-"
_OFTEN_ELSE = frozenset({"course", "article", "product"})
_TYPES_ALONE = tuple(word for type_, words in TYPE_WORDS.items() if type_ not in _OFTEN_ELSE for word in words)
_REST = re.compile(r"\b(?:either|too|please|pls|plz|thx|ty|lol|ok|okay|thanks?|with|as well)\b|都行|都可以|谢谢|[也吧了]")
_EMPTY = re.compile(whole(("nothing", *EMPTY_EN, *EMPTY_ZH, *_TYPES_ALONE)))  # nothing can be found by these words
_CUE = re.compile(
    r"(?:\b(?:like|similar to|such as|as|loved|love|enjoyed|liked|than|of|and|or|meets|by|to)|[,像似欢爱和与跟比])\s*"
    r"(?:the\s+)?(?:film|movie|song|track)?\s*[\"'“《]*$"
)


class Understander:
    """Understands requests in English and Chinese against one state of the catalog.

    Args:
        table: The catalog; only genres and types that it has are understood, under the names that it gives them.
        matcher: Finds its titles, in a text and alone; ``adapters.TitleMatcher`` is one.

    """

    def __init__(self, table: ItemTable, matcher: TitleFinder) -> None:
        self._matcher, self._table = matcher, table
        self._types = tuple(ITEM_TYPES[code] for code in sorted(set(table.types.tolist())))
        self._genres = _genre_words(table.genre_names)
        self._genre_pattern = pattern_of(self._genres)
        types: dict[str, tuple[str, ...]] = {word: (type_,) for type_, words in TYPE_WORDS.items() for word in words}
        self._type_words, self._type_pattern = types, pattern_of(types)
        self._names = CreatorNames(table.by_creator)

    def understand(self, text: str) -> Query:
        """Return what ``text`` asks for. Its words stay in ``Query.text``, whatever they say, but for those that only bound or
        refuse years ("nothing before 1995") or refuse something by a word for it; a mere greeting asks for nothing.

        Titles become ``like_item_ids``, genre words ``genres`` or, where they are refused ("no horror", "not too scary", 不要恐怖),
        ``without_genres``, creators who are refused ("nothing with Tom Cruise") ``without_creators``, what else is refused by a
        word ("without dogs", 不要迪士尼的) ``without_words``; "films", "music", 电影 … become ``types``; "90s", "before 1980",
        九十年代 … become years, or ``without_years`` where they are refused ("nothing from the 90s").

        Raises:
            InvalidInput: The text is longer than 2,000 characters.

        """
        if len(text) > MAX_QUERY_CHARS:
            raise InvalidInput(
                f"The text has {len(text):,} characters; {MAX_QUERY_CHARS:,} is the limit.", remedy="Shorten it.", param="query"
            )
        words = text.strip()
        if not words or GREETING.fullmatch(fold(words)):
            return Query()
        likes, masked, _, _ = self._likes(words)
        genres = judged(_knowing(masked), words_in(masked, self._genre_pattern, self._genres))
        types = judged(masked, words_in(blank(masked, genres), self._type_pattern, self._type_words), behind=False)
        years = read_years(masked)
        # "No films from the 90s" wants other films.
        types = [replace(w, wanted=w.wanted or any(start <= w.start < end for start, end in years.spans)) for w in types]
        types = [word for word in types if not _NOT_OF_SONGS.match(masked, word.start)]
        people = judged(_asking(masked), self._people(words, masked), before=REFUSED_PERSON)
        kinds = [word for word in genres if masked[word.start : word.end] not in SUBJECTS]
        refused = refusals(words, blank(blank(_apart(_asking(masked), years.spans), kinds), people))
        genres = less_things(genres, [one.what for one in refused if one.what])
        dated = of_years(masked, genres, years)
        wanted, unwanted = split(
            listed_with([word if word not in dated else replace(word, wanted=False) for word in genres], refused)
        )
        return Query(
            text=_said(words, years.spans, refused),
            like_item_ids=likes,
            genres=tuple(genre for genre in wanted if genre not in unwanted),
            without_genres=unwanted,
            without_creators=split(listed_with(people, refused))[1],
            without_words=tuple(dict.fromkeys(words[slice(*one.what)] for one in refused if one.what)),
            without_years=() if dated else years.without,
            types=self._chosen_types(*split(types)),
            year_min=years.first,
            year_max=years.last,
        )

    def lacking(self, text: str) -> tuple[ItemType, ...]:
        """Return the types that a text asks for where the catalog has none of them, nor any other type that is asked for."""
        masked = _NO_TYPE.sub(lambda m: MASK * len(m.group()), self._likes(text)[1])
        genres = judged(masked, words_in(masked, self._genre_pattern, self._genres))
        plain = blank(masked, genres)
        words = judged(plain, words_in(plain, self._type_pattern, self._type_words), behind=False)
        wanted = {kind for word in words if word.wanted for kind in word.means}
        if wanted & set(self._types):
            return ()
        if any(word.wanted for word in genres):  # "calm film score" where all is music
            wanted -= {"movie", "track"}
        asked = {kind for word in words if _is_asked(plain, word) for kind in word.means}
        return tuple(t for t in TYPE_WORDS if t in wanted and (t in asked or t not in _OFTEN_ELSE))

    def carriers(self, genres: Sequence[str]) -> frozenset[ItemType]:
        """Return the types of which the catalog has items with any of the genres."""
        columns = [column for column, name in enumerate(self._table.genre_names) if name in genres]
        rows = self._table.genres[:, columns].any(axis=1)
        return frozenset(ITEM_TYPES[code] for code in np.unique(self._table.types[rows]).tolist())

    def draft(self, text: str) -> Draft:
        """Return what :meth:`understand` makes of a text as an LLM reads it."""
        query = self.understand(text)
        asked = Asked(
            genres=query.genres[:MOST_WORDS], without_genres=query.without_genres[:MOST_WORDS], types=query.types[:MOST_WORDS]
        )
        return Draft(text=self._likes(text.strip())[2], asked=asked)

    def corrected(self, text: str, asked: Asked) -> Query:
        """Return what :meth:`understand` makes of a text, with genres and types as an LLM says.

        Genres count that the catalog has, under any word for them, and types that it has. All else is dropped, so that nothing
        outside the catalog comes out. A genre that is wanted without a thing that it may have ("horror without zombies") stays
        wanted.
        """
        rules = self.understand(text)
        things = frozenset(self._called(rules.without_words)).intersection(self._called(asked.genres))
        unwanted = tuple(word for word in asked.without_genres if not things.intersection(self._called([word])))
        return rules.model_copy(update=self._fields(asked.model_copy(update={"without_genres": unwanted})))

    def resolve(self, wish: Wish) -> Query:
        """Return what a wish in words comes to in the catalog; what it lacks is dropped."""
        fields = self._fields(wish)
        likes = [self._titled(title, fields["types"]) for title in wish.likes]
        found = tuple(dict.fromkeys(item_id for item_id in likes if item_id is not None))[:_MAX_LIKES]
        return Query(like_item_ids=found, year_min=wish.year_min, year_max=wish.year_max, **fields)

    def _fields(self, asked: Asked) -> dict[str, Any]:
        unwanted = self._called(asked.without_genres)
        return {
            "genres": tuple(genre for genre in self._called(asked.genres) if genre not in unwanted),
            "without_genres": unwanted,
            "types": self._chosen_types(asked.types, ()),
        }

    def _called(self, words: Sequence[str]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(genre for word in words for genre in self._genres.get(fold(word), ())))

    def _titled(self, title: str, types: Sequence[ItemType]) -> str | None:
        for type_ in (*types, *(t for t in self._types if t not in types)):
            found = self._matcher.match(title, type=type_)
            if found is not None:
                return found.item_id
        return None

    def _likes(self, text: str) -> tuple[tuple[str, ...], str, str, tuple[str, ...]]:
        """Return the items that are named as examples, the folded text with all titles masked, it with "X" for titles, and what is
        named and not wanted.
        """
        masked = said = fold(text)
        likes, unlike, named = list[str](), list[str](), list[MentionSpan]()
        for mention in self._matcher.mentions(text):
            before, title = masked[: mention.start], text[mention.start : mention.end]
            near = max(0, mention.start - LOOKBACK)
            cued = _CUE.search(before, near) is not None
            if title.islower() and title in self._genres and not cued:
                continue
            masked = before + MASK * (mention.end - mention.start) + masked[mention.end :]
            if cued or not before.strip() or title != title.lower() or not title.isascii():
                named.append(mention)
                refused = _UNLIKE.search(before, near) or _UNLIKED.match(masked, mention.end)
                (unlike if refused else likes).append(mention.item_id)
        for mention in reversed(named):
            said = said[: mention.start] + _TITLE + said[mention.end :]
        return tuple(dict.fromkeys(likes))[:_MAX_LIKES], masked, said, tuple(dict.fromkeys(unlike))

    def _people(self, text: str, masked: str) -> list[Word]:
        """Return where a text names creators; in ``masked`` it is folded and without its titles."""
        plain = "".join(MASK if hidden == MASK else character for character, hidden in zip(text, masked, strict=True))
        names: dict[tuple[int, int], list[str]] = {}
        for span in sorted(self._names.spans(plain), key=lambda span: (span.start, -span.end)):
            at = (span.start, span.end)
            within = any(one != at and one[0] <= span.start and span.end <= one[1] for one in names)
            if not (within or (" " not in span.creator and _GOES_ON.match(plain, span.end))):
                names.setdefault(at, []).append(span.creator)
        return [Word(start, end, tuple(creators)) for (start, end), creators in names.items()]

    def unmentioned(self, text: str) -> tuple[str, ...]:
        """Return the words that a text refuses and that no item has in its texts, so that there is nothing to leave out."""
        return tuple(words for words in self.understand(text).without_words if not len(self._table.phrases.rows(words)))

    def refused(self, text: str) -> tuple[str, ...]:
        """Return the items that a text names and does not want: "anything but Heat", 别推荐《Heat》."""
        return self._likes(text)[3]

    def creators(self, text: str) -> tuple[str, ...]:
        """Return the creators that a text names."""
        return self._names.named(text)

    def _chosen_types(self, wanted: Sequence[str], unwanted: Sequence[str]) -> tuple[ItemType, ...]:
        if unwanted and not wanted:
            return tuple(t for t in self._types if t not in unwanted)
        return tuple(t for t in self._types if t in wanted and t not in unwanted)


def _said(text: str, bounds: Sequence[tuple[int, int]], refused: Sequence[Refusal]) -> str:
    """Return the words of a text that are to be looked for: those that are not refused and do not only bound years, at
    ``bounds``; nothing where none but common words are left.
    """
    spans = sorted((*bounds, *((one.start, one.end) for one in refused)))
    if not spans:
        return text
    kept, at = [], 0
    for start, end in (*spans, (len(text), len(text))):
        kept.append(text[at:start].strip(_BREAKS))
        at = max(at, end)
    left = " ".join(part for part in kept if part)
    rest = _REST.sub(" ", fold(left))
    return "" if is_filler(_EMPTY.sub(" ", rest) if bounds else rest) else left


def _apart(masked: str, bounds: Sequence[tuple[int, int]]) -> str:
    """Return a text with stops in the place of what bounds years: "nothing from the nineties" refuses no word."""
    for start, end in bounds:
        masked = masked[:start] + "." * (end - start) + masked[end:]
    return masked


def _knowing(masked: str) -> str:
    """Return a text with "nothing" masked where it says what somebody knows or has: "I know nothing about jazz"."""
    return _KNOWS.sub(lambda found: MASK * len(found.group()), masked)


def _asking(masked: str) -> str:
    """Return a text with "no" masked where it only asks: "is there no …?", 没有…吗."""
    return _ASKS_NOT.sub(lambda found: MASK * len(found.group()), masked) if _QUESTION.search(masked) else masked


def _is_asked(text: str, word: Word) -> bool:
    """Return whether a word for a type stands where one is asked for: "any courses", not "my course", "a product of …"."""
    chinese = not text[word.start].isascii()
    return chinese or (
        _ASKED_EN.search(text, max(0, word.start - LOOKBACK), word.start) is not None and not text[word.end :].startswith(" of ")
    )


def fold(text: str) -> str:
    """Return a text in lower case with plain apostrophes, character for character."""
    return "".join(c.lower() if len(c.lower()) == 1 else c for c in text).replace("’", "'").replace("，", ",")


def _genre_words(names: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Return by word the catalog's genres that it means."""
    by_key = {_key(name): name for name in names}
    words: dict[str, tuple[str, ...]] = {}
    for genre, spoken in GENRE_WORDS.items():
        called = [by_key[_key(genre)]] if _key(genre) in by_key else []
        called = called or [by_key[_key(other)] for other in SAME_GENRES.get(genre, ()) if _key(other) in by_key]
        if called:
            words.update(dict.fromkeys(spoken, tuple(called)))
    words.update({fold(name): (name,) for name in names})
    return words


def _key(genre: str) -> str:
    return "".join(c for c in genre.casefold() if c.isalnum())
