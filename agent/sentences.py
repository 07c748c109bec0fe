"""Plain sentences from evidence, in English and Chinese: what is said when no model's prose is at hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from agent.guard import quote
from agent.rules import clean
from agent.words import deed, detail_terms, genre_name, listed, platform_name
from palate.domain import Evidence, Item, Profile, Query, Verb

__all__ = ["Sentences"]

_MAX_TITLES = 2
_MAX_TERMS = 3


class Sentences:
    """Turns the evidence of one candidate into plain reasons.

    Args:
        profile: Says what the person did with an item, so that "liked" is not written for "watched".
        query: What was asked for.
        items: Items that the evidence names.
        language: ``en`` or ``zh``.

    """

    def __init__(self, profile: Profile, query: Query, items: Mapping[str, Item], language: str) -> None:
        self._verbs: dict[tuple[str, str], Verb] = {(e.item_id, e.platform): e.verb for e in profile.entries}
        self._asked = frozenset(genre.casefold() for genre in query.genres)
        self._named = frozenset(query.like_item_ids)
        self._items = items
        self._zh = language == "zh"
        self._language = language

    def reasons(self, item: Item, evidence: Sequence[Evidence], limit: int) -> list[tuple[str, tuple[Evidence, ...]]]:
        """Return up to ``limit`` sentences, strongest first, each with exactly the evidence that it states.

        What was asked for comes first, then the history a platform at a time, then nearness, then shared genres; that many others
        liked it is said only where nothing else speaks for the item.
        """
        positive = sorted((e for e in evidence if e.weight > 0 and self._known(e)), key=lambda e: -e.weight)
        of = {kind: [e for e in positive if e.kind == kind] for kind in ("history", "content", "attribute", "query", "popularity")}
        asked = [e for e in of["attribute"] if self._is_asked(e)]
        found = [self._asked_for(asked), self._near([e for e in of["content"] if e.item_id in self._named], item)]
        platforms = list(dict.fromkeys(e.platform for e in of["history"]))
        found += [self._history([e for e in of["history"] if e.platform == platform]) for platform in platforms]
        told = {e.item_id for part in found if part for e in part[1]}
        found.append(self._near([e for e in of["content"] if e.item_id not in told and e.item_id not in self._named], item))
        found.append(self._terms([e for e in of["query"] if e.detail.casefold() not in self._asked]))
        others = [e for e in of["attribute"] if not self._is_asked(e)]
        for owner in list(dict.fromkeys((e.item_id, e.platform) for e in others))[:2]:
            found.append(self._shared([e for e in others if (e.item_id, e.platform) == owner]))
        reasons = [part for part in found if part is not None]
        if not reasons and (popular := self._popular(of["popularity"])) is not None:
            reasons = [popular]
        return reasons[:limit]

    def _known(self, e: Evidence) -> bool:
        if e.kind in ("history", "content"):
            return e.item_id in self._items
        if e.kind == "popularity":
            return True
        return (e.item_id is None or e.item_id in self._items) and _speakable(e.detail, self._language)

    def _is_asked(self, e: Evidence) -> bool:
        return e.item_id is None and all(term.casefold() in self._asked for term in detail_terms(e.detail))

    def _title(self, e: Evidence) -> str:
        title = quote(self._items[str(e.item_id)].title)
        return f"《{title}》" if self._zh else title

    def _history(self, evidence: Sequence[Evidence]) -> tuple[str, tuple[Evidence, ...]] | None:
        first = self._deed(evidence[0])
        used = _distinct([e for e in evidence if self._deed(e) == first])[:_MAX_TITLES]
        titles = listed([self._title(e) for e in used], self._language)
        where = self._where(used[0])
        return (f"因为你{where}{first}{titles}。" if self._zh else f"Because you {first} {titles}{where}."), used

    def _near(self, evidence: Sequence[Evidence], item: Item) -> tuple[str, tuple[Evidence, ...]] | None:
        if not evidence:
            return None
        e = evidence[0]
        title = self._title(e)
        if self._zh:
            how = "听起来" if e.detail == "audio" else "画面" if e.detail == "image" else "介绍"
            return f"{how}接近{self._whose(e)}{title}。", (e,)
        how = {"audio": "Sounds close to", "image": "Looks close to"}.get(e.detail, "Is described much like")
        return f"{how} {title}, {self._whose(e)}.", (e,)

    def _asked_for(self, evidence: Sequence[Evidence]) -> tuple[str, tuple[Evidence, ...]] | None:
        names, used = self._genres(evidence)
        if not used:
            return None
        return (f"与你想要的一样：{names}。" if self._zh else f"Shares {names} with what you asked for."), used

    def _shared(self, evidence: Sequence[Evidence]) -> tuple[str, tuple[Evidence, ...]] | None:
        names, used = self._genres(evidence)
        if not used:
            return None
        if used[0].item_id is None:
            return (f"与你的口味一样：{names}。" if self._zh else f"Shares {names} with what you enjoy."), used
        title, whose = self._title(used[0]), self._whose(used[0])
        return (f"与{whose}{title}一样：{names}。" if self._zh else f"Shares {names} with {title}, {whose}."), used

    def _genres(self, evidence: Sequence[Evidence]) -> tuple[str, tuple[Evidence, ...]]:
        used = tuple({e.detail.casefold(): e for e in reversed(evidence)}.values())[::-1][:_MAX_TERMS]
        names = dict.fromkeys(quote(genre_name(term, self._language), 40) for e in used for term in detail_terms(e.detail))
        return listed(list(names), self._language) if names else "", used

    def _whose(self, e: Evidence) -> str:
        """Return whose an item is: "which you watched on Netflix", or "which you named" where no platform was involved."""
        if self._zh:
            return "你提到的" if e.platform is None else f"你{self._where(e)}{self._deed(e)}的"
        return "which you named" if e.platform is None else f"which you {self._deed(e)}{self._where(e)}"

    def _terms(self, evidence: Sequence[Evidence]) -> tuple[str, tuple[Evidence, ...]] | None:
        used = tuple(evidence[:_MAX_TERMS])
        words = list(dict.fromkeys(quote(term, 30) for e in used for term in detail_terms(e.detail)))
        if not words:
            return None
        if self._zh:
            return f"符合你说的{listed(words, 'zh')}。", used
        return f"Matches {listed(words, 'en')} in what you asked for.", used

    def _popular(self, evidence: Sequence[Evidence]) -> tuple[str, tuple[Evidence, ...]] | None:
        if not evidence:
            return None
        e = evidence[0]
        count = int(e.detail) if e.detail.isdecimal() else 0
        if self._zh:
            return (f"有{count}人喜欢。" if count > 1 else "也有别人喜欢。"), (e,)
        return (f"Liked by {count} people." if count > 1 else "Liked by others too."), (e,)

    def _deed(self, e: Evidence) -> str:
        verb = self._verbs.get((str(e.item_id), e.platform or ""))
        return deed(self._items[str(e.item_id)].type, verb, self._language)

    def _where(self, e: Evidence) -> str:
        if e.platform is None:
            return ""
        return f"在 {platform_name(e.platform)} 上" if self._zh else f" on {platform_name(e.platform)}"


def _distinct(evidence: Sequence[Evidence]) -> tuple[Evidence, ...]:
    return tuple({e.item_id: e for e in reversed(evidence)}.values())[::-1]


def _speakable(detail: str, language: str) -> bool:
    """Return whether genres, names or query words may stand in a sentence: a word like "ignore" or "not" would turn it around."""
    terms = detail_terms(detail)
    said = [quote(genre_name(term, language), 40) for term in terms]
    around = "符合" if language == "zh" else "matches "
    return bool(terms) and all(clean(f"{around}{text}", [*terms, *said], [detail], language) for text in said)
