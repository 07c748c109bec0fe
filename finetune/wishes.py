"""Makes wishes with what they ask for, to train on: many ways to say the same, in English and Chinese."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from agent.prompts.understand import Wish
from finetune.wish_words import CHATTER, MUSIC, NEGATIONS, SPOKEN, YEARS, Spoken
from finetune.written import FILM, TUNE, WrittenWish

__all__ = ["Wishes"]

Language = Literal["en", "zh"]
_TENS = {
    "en": ["twenties", "thirties", "forties", "fifties", "sixties", "seventies", "eighties", "nineties"],
    "zh": list("二三四五六七八九"),
}

_MARKS = (("movie", FILM), ("track", TUNE))


@dataclass
class _Said:
    """A wish in the making: what is asked for, and the parts of its text."""

    asked: dict[str, Any] = field(default_factory=dict)
    core: str = ""
    tail: list[str] = field(default_factory=list)
    alone: list[str] = field(default_factory=list)

    def add(self, key: str, value: str) -> None:
        self.asked.setdefault(key, [])
        if value not in self.asked[key]:
            self.asked[key].append(value)


_FORMS: Mapping[str, float] = {
    "decade": 0.3,
    "early": 0.04,
    "late": 0.06,
    "year": 0.1,
    "before": 0.14,
    "until": 0.08,
    "after": 0.1,
    "since": 0.08,
    "between": 0.1,
}
"""How often a time is said in which way."""


class Wishes:
    """Draws wishes.

    Args:
        titles: Titles that wishes may name, of films and of pieces of music.
        seed: Of everything that is drawn.
        written: Wishes that were written by hand. Seven in ten that are drawn come from these, all of them before one comes again,
            now and then with a time, a refusal or some chatter put to it; the others are made of words and patterns.

    """

    def __init__(self, titles: Sequence[str], music: Sequence[str], seed: int = 0, written: Sequence[WrittenWish] = ()) -> None:
        self._titles = {"movie": list(titles), "track": list(music)}
        self._rng = np.random.default_rng(seed)
        fit = [one for one in written if all(self._titles[kind] or mark not in one.text for kind, mark in _MARKS)]
        self._written = {language: [one for one in fit if one.language == language] for language in ("en", "zh")}
        self._left: dict[str, list[WrittenWish]] = {"en": [], "zh": []}

    def draw(self, n: int) -> Iterator[tuple[str, Wish, Language]]:
        """Yield ``n`` wishes, each with what it asks for; languages take turns."""
        for number in range(n):
            language: Language = "zh" if number % 2 else "en"
            if self._written[language] and self._chance(0.7):
                text, asked = self._varied(self._next(language), language)
            elif self._chance(0.07):
                text, asked = self._one(CHATTER[language]["nothing"]), Wish()
            else:
                text, asked = self._wish(language)
            yield (self._worn(text, asked) if language == "en" else text), asked, language

    def _next(self, language: Language) -> WrittenWish:
        """Return the next written wish of a language; each comes once before any comes again."""
        left = self._left[language]
        if not left:
            whole = self._written[language]
            left.extend(whole[i] for i in self._rng.permutation(len(whole)))
        return left.pop()

    def _varied(self, written: WrittenWish, language: Language) -> tuple[str, Wish]:
        """Return a written wish with titles, sometimes with more that is asked for."""
        wish, text, likes = written.wish, written.text, list[str]()
        for kind, mark in _MARKS:
            while mark in text:
                title = str(self._rng.choice(self._titles[kind]))
                likes.append(title)
                text = text.replace(mark, f"《{title}》" if language == "zh" and self._chance(0.75) else title, 1)
        if language == "zh":
            text = text.rstrip("。！？")
        said = _Said(asked=wish.model_dump(exclude_defaults=True))
        if likes:
            said.asked["likes"] = likes
        if wish.year_min is None and wish.year_max is None and self._chance(0.1):
            self._years(said, language)
        music = "track" in wish.types or any(genre in MUSIC[language] for genre in (*wish.genres, *wish.without_genres))
        words = (MUSIC if music else SPOKEN)[language]
        if not wish.without_genres and self._chance(0.12):
            others = [genre for genre in self._rng.permutation(list(words)) if genre not in wish.genres]
            said.core = text
            self._refuse(said, [str(others[0])], words, language)
        if said.tail or said.alone:
            parts = [text, *said.tail, *said.alone]
            text = self._one("，|。|，但是" if language == "zh" else ", |. | but |; ").join(parts)
        return self._chattered(text, language, 0.1), Wish(**said.asked)

    def _wish(self, language: Language) -> tuple[str, Wish]:
        kind: Literal["movie", "track"] = "track" if self._chance(0.28) else "movie"
        words = (MUSIC if kind == "track" else SPOKEN)[language]
        said = _Said()
        genres = list(self._rng.permutation(list(words)))
        wanted = genres[: self._rng.choice([0, 1, 2], p=[0.25, 0.55, 0.2])]
        refused = genres[2:][: self._rng.choice([0, 1, 2], p=[0.66, 0.26, 0.08])]
        self._core(said, wanted, words, kind, language)
        if self._chance(0.3 if wanted else 0.55) and self._titles[kind]:
            self._liked(said, kind, language)
        if self._chance(0.28):
            self._years(said, language)
        self._refuse(said, refused, words, language)
        text = self._joined(said, language)
        keys = ("likes", "genres", "without_genres", "types", "year_min", "year_max")
        return text, Wish(**{key: said.asked[key] for key in keys if key in said.asked})

    def _core(self, said: _Said, wanted: Sequence[str], words: Any, kind: str, language: Language) -> None:
        chatter = CHATTER[language]
        typed = self._chance(0.45)
        noun = self._one(chatter[kind]), self._one(chatter[f"{kind}s"])
        for genre in wanted:
            said.add("genres", genre)
        ways: list[Spoken] = [words[genre] for genre in wanted]
        if not ways:
            if typed:
                said.core = (
                    noun[1] if language == "zh" or self._chance(0.5) else f"a good {noun[0]}" if kind == "movie" else noun[1]
                )
            elif language == "en":
                said.core = self._one("something|anything|something good|anything nice")
        elif len(ways) == 1:
            self._single(said, ways[0], noun, kind, language, typed)
        else:
            self._double(said, ways[0], ways[1], noun, language, typed)
        if typed and any(word in said.core for word in noun):
            said.asked["types"] = [kind]
        if (kind == "track" or language == "en") and said.core and self._chance(0.3):
            said.core = self._one(chatter["see" if kind == "movie" else "hear"]).format(said.core)
            said.asked["types"] = [kind]
        elif said.core and self._chance(0.7) and not (language == "zh" and kind == "track" and "看" in said.core):
            opener = self._one(chatter["open"])
            if language == "zh" and "看" in opener and kind == "track":
                opener = "来点"
            said.core = f"{opener}{'' if language == 'zh' else ' '}{said.core}"

    def _double(self, said: _Said, first: Spoken, second: Spoken, noun: tuple[str, str], language: Language, typed: bool) -> None:  # noqa: PLR0917
        adj, head = self._one(first.adj), self._one(second.many)
        two = self._one(second.adj) if language == "en" else ""
        if language == "zh":
            said.core = self._one(f"{adj}{head}|{head}，要{adj}|又{adj.rstrip('的')}又{self._one(second.adj).rstrip('的')}的")
        else:
            said.core = self._one(
                f"{adj} {head}|something {adj} and {two}|{head} that are {adj}|{adj} {two} stuff|both {adj} and {two}"
            )
        if typed:
            said.core += (noun[1] if said.core.endswith("的") else "") if language == "zh" else f" {noun[1]}"

    def _single(self, said: _Said, way: Spoken, noun: tuple[str, str], kind: str, language: Language, typed: bool) -> None:  # noqa: PLR0917
        form = self._one("adj|many|one|that|need")
        if form == "need" and way.need and not typed:
            said.core = self._one(way.need)
        elif form == "that" and way.that:
            that = self._one(way.that)
            plain = "" if language == "zh" else self._one("something|anything")
            said.core = that + (noun[1] if typed else "") if language == "zh" else f"{noun[1] if typed else plain} {that}"
        elif form == "one" and way.one and not typed:
            said.core = self._one(way.one)
            self._typed(said, kind)
        elif form == "adj" or typed:
            adj = self._one(way.adj)
            if language == "zh":
                said.core = f"{adj}{noun[1]}" if typed else f"{adj}"
            else:
                article = "an" if adj[0] in "aeiou8" else "a"
                one = f"{article} {adj} {noun[0]}" if kind == "movie" else f"some {adj} {noun[1]}"
                said.core = (
                    self._one(f"{one}|{adj} {noun[1]}")
                    if typed
                    else self._one(f"something {adj}|{adj} stuff|something really {adj}")
                )
        else:
            said.core = self._one(way.many)
            self._typed(said, kind)

    @staticmethod
    def _typed(said: _Said, kind: str) -> None:
        """Take note of a type that a genre's own noun says, as "a horror film" or 钢琴曲 does."""
        words = ("film", "movie", "电影", "片子") if kind == "movie" else ("music", "tunes", "sounds", "pieces", "音乐", "曲", "乐")
        if any(word in said.core for word in words) and "film noir" not in said.core and "film score" not in said.core:
            said.asked["types"] = [kind]

    def _liked(self, said: _Said, kind: str, language: Language) -> None:
        n = min(2 if self._chance(0.25) else 1, len(self._titles[kind]))
        chosen = [str(t) for t in self._rng.choice(self._titles[kind], n, replace=False)]
        said.asked["likes"] = chosen
        marked = [f"《{t}》" if language == "zh" and self._chance(0.75) else f'"{t}"' if self._chance(0.08) else t for t in chosen]
        joint = self._one("和|、|跟" if language == "zh" else " and | or ")
        titles = joint.join(marked)
        if self._chance(0.5) and said.core:
            part = self._one(CHATTER[language]["like"]).format(t=titles)
            if language == "zh":
                said.tail.append(part)
            else:
                said.core = f"{said.core} {part}"
        else:
            said.alone.append(self._one(CHATTER[language]["loved"]).format(t=titles))

    def _years(self, said: _Said, language: Language) -> None:
        form = str(self._rng.choice(list(_FORMS), p=list(_FORMS.values())))
        a = int(self._rng.integers(1930, 2020))
        if self._chance(0.5) and form in {"before", "after", "until", "since"}:
            a -= a % 10
        b = a + int(self._rng.integers(1, 12))
        d = a - a % 10
        low, high = {
            "decade": (d, d + 9),
            "early": (d, d + 4),
            "late": (d + 5, d + 9),
            "year": (a, a),
            "before": (None, a - 1),
            "until": (None, a),
            "after": (a + 1, None),
            "since": (a, None),
            "between": (a, b),
        }[form]
        if low is not None:
            said.asked["year_min"] = low
        if high is not None:
            said.asked["year_max"] = high
        said.tail.append(self._one(YEARS[language][form]).format(a=a, b=b, d=self._decade(d, language)))

    def _decade(self, start: int, language: Language) -> str:
        tens = start % 100 // 10
        if language == "zh":
            ways = [f"{start % 100:02}年代", f"{start}年代"]
            return self._one("|".join([*ways, *([f"{_TENS['zh'][tens - 2]}十年代"] * 2 if 1920 <= start < 2000 else [])]))
        ways = [f"{start}s", f"{start % 100:02}s", f"{start}'s"]
        return self._one("|".join([*ways, *([_TENS["en"][tens - 2]] if 1920 <= start < 2000 else [])]))

    def _refuse(self, said: _Said, refused: Sequence[str], words: Any, language: Language) -> None:
        if not refused:
            if self._chance(0.04) and "likes" not in said.asked and self._titles["movie"]:
                title = str(self._rng.choice(self._titles["movie"]))
                said.alone.append(self._one(CHATTER[language]["unlike"]).format(t=f"《{title}》" if language == "zh" else title))
            return
        for genre in refused:
            said.add("without_genres", genre)
        ways, patterns = [words[genre] for genre in refused], NEGATIONS[language]
        if not said.core and not said.tail and not said.alone and self._chance(0.4):
            said.alone.append(self._one(patterns["only"]).format(self._one(ways[0].many)))
            ways = ways[1:]
        elif len(ways) == 2 and self._chance(0.6):
            many = [self._one(way.many) for way in ways]
            joint = self._one("和|也不要|、|或者" if language == "zh" else " or | and |, no | nor ")
            said.alone.append(self._one(patterns["many"]).format(joint.join(many)))
            return
        for way in ways:
            kind = "adj" if self._chance(0.4) else "many"
            word = self._one(getattr(way, kind))
            said.alone.append(self._one(patterns[kind]).format(word.removesuffix("的") if language == "zh" else word))

    def _joined(self, said: _Said, language: Language) -> str:
        chatter, tail = CHATTER[language], [said.tail[i] for i in self._rng.permutation(len(said.tail))]
        if language == "zh":
            # Chinese says when and like what before the noun.
            at = next((len(o) for o in sorted(chatter["open"], key=len)[::-1] if said.core.startswith(o)), 0)
            core = said.core[:at] + "".join(tail) + said.core[at:] if said.core else "".join(tail)
            parts = [core, *said.alone] if self._chance(0.75) else [*said.alone, core]
            text = self._one("，|，|，| |。|，但是").join(part for part in parts if part)
        else:
            core = " ".join([said.core, *tail]).strip()
            parts = [core, *said.alone] if self._chance(0.75) else [*said.alone, core]
            text = self._one(", |, |. | |; | and | but ").join(part for part in parts if part)
        if not text:
            text, said.asked = self._one(chatter["nothing"]), {}
        return self._chattered(text, language, 0.2) + self._one("|||。|！|？" if language == "zh" else "|||.|!|?")

    def _chattered(self, text: str, language: Language, share: float) -> str:
        """Return a text with, now and then, something before it or after it that asks for nothing."""
        chatter = CHATTER[language]
        if self._chance(share):
            text = f"{self._one(chatter['before'])}{'' if language == 'zh' else ' '}{text}"
        if self._chance(share):
            text = f"{text}{'，' if language == 'zh' else ', '}{self._one(chatter['close'])}"
        return text

    def _worn(self, text: str, asked: Wish) -> str:
        """Return an English text as people type: in small letters, with a capital, shouted, now and then with a slip."""
        if self._chance(0.12):
            at = int(self._rng.integers(1, max(2, len(text) - 2)))
            if (
                not any(at in range(text.find(t) - 1, text.find(t) + len(t) + 1) for t in asked.likes)
                and len(text) > at + 1
                and text[at : at + 2].isalpha()
            ):
                text = text[:at] + text[at + 1] + text[at] + text[at + 2 :]
        if not asked.likes and self._chance(0.03):
            return text.upper()
        return text[:1].upper() + text[1:] if self._chance(0.5) else text

    def _one(self, ways: Sequence[str]) -> str:
        """Return one of some ways; of a text, one of its parts between "|"."""
        found = ways.split("|") if isinstance(ways, str) else ways
        return found[int(self._rng.integers(len(found)))]

    def _chance(self, p: float) -> bool:
        return bool(self._rng.random() < p)
