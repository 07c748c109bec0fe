"""Whether a reason hangs together: what it compares, what it says was done, and with what.

A model that was tuned on sentences fills their gaps with what is near at hand, the same title in both places or a verb of another
medium. Each rule here looks at the words around titles: ``§`` stands for what is recommended, ``¤`` for an item of the evidence.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from agent.names import find_names, replace_names
from palate.domain import Item, ItemType

__all__ = ["coherent"]

_OWN, _OTHER = "§", "¤"
_HEARD: frozenset[ItemType] = frozenset({"track", "podcast"})

_LIST = rf"{_OTHER}(?:(?:,| and|, and| &) {_OTHER})*"
_COMPARES = re.compile(
    r"\b(?:(?:is|are|comes?|looks?|sounds?|reads?|feels?|seems?)(?: (?:it|very|so|much|most|just|quite|rather|a lot|described))*"
    r" (?:close|closer|closest|similar|alike|akin|like|near)(?: in \w+)?(?: (?:to|with))?|resembles?)(?!\w)",
    re.IGNORECASE,
)
_SUBJECT = re.compile(rf"(?:^|(?:^|\W)(?:(?:it|this|its \w+)|{_OWN})\s*)$", re.IGNORECASE)
_OBJECT = re.compile(rf"\s*(?:(?:that|the \w+) of )?{_OTHER}", re.IGNORECASE)
_DEEDS = "watched|viewed|saw|seen|listened|heard|played|read|took|liked|rated|saved|bought|named"
_DID = re.compile(rf"\byou(?:['’]ve| have)?(?: (?:also|both))? (?P<did>{_DEEDS}|looked at)\b(?: to)?", re.IGNORECASE)
_ALONE = re.compile(r"\b(?:watched|viewed|listened|heard)\b", re.IGNORECASE)
_WHICH = re.compile(rf"{_OTHER},? (?:which|that) $", re.IGNORECASE)
_LOOKS_ON, _LISTENS = re.compile(r"\bwatch(?:ing)?\b", re.IGNORECASE), re.compile(r"\b(?:listen|hear)(?:ing)?\b", re.IGNORECASE)
# "Since Fargo, which you named, it is …": the clause that was begun has no verb.
_DANGLING = re.compile(
    rf"^(?:since|because|as) {_LIST}(?:, (?:which|that) [^,]*)?, (?:{_OWN}|(?:it|its|this|the|you)\b)", re.IGNORECASE
)

_LIST_ZH = rf"《?{_OTHER}》?(?:[、和与及]+《?{_OTHER}》?)*"
_COMPARES_ZH = re.compile(r"(?<![图影好想偶录画])像|接近|相近|相似|类似")
_COMPARED_ZH = re.compile(rf"^[^{_OTHER}]*(?:像|接近|类似|和|与|跟)[^{_OTHER}]*{_LIST_ZH}[^{_OTHER}]*$")
_DID_ZH = re.compile(r"(?P<did>看过|听过|读过|学过|评过|收藏过|买过|提到(?=的))的?《?")
_BEFORE_ZH = re.compile(rf"{_OTHER}》?，?你(?:在[^，。]*上)?$")
_OPEN_ZH = re.compile(r"(?:你想?要的?|你想|你提到|你说到?|上[看听]|很|和|与|跟|让你|给你|会|应该|因为|既然)(?=[，。！、；]|$)")
_LOOKS_ON_ZH, _LISTENS_ZH = re.compile(r"看(?!过|起来|来)"), re.compile(r"听(?!过|起来)")


def coherent(sentence: str, item: Item, others: Sequence[Item], *, language: str, compares: bool) -> bool:
    """Return whether a reason names nothing twice, compares only ``item`` with another, and says what was done with which item.

    Args:
        sentence: The reason.
        item: What is recommended.
        others: The items of its evidence.
        language: ``en`` or ``zh``.
        compares: Whether the evidence tells of nearness; without it nothing is compared.

    """
    if _OWN in sentence or _OTHER in sentence:
        return False
    found = find_names(sentence, [item, *others])
    named = [one.item.item_id for one in found]
    if len(set(named)) < len(named):
        return False
    text = replace_names(sentence, found, lambda one: _OWN if one.item.item_id == item.item_id else _OTHER)
    rules = (_compared_zh, _done_zh, _whole_zh) if language == "zh" else (_compared, _done, _whole)
    types = {one.item.type for one in found if one.item.item_id != item.item_id}
    compared, done, whole = rules
    return compared(text, compares) and done(text, item.type, types) and whole(text)


def _compared(text: str, compares: bool) -> bool:
    """Return whether it is what is recommended that is close to another."""
    found = list(_COMPARES.finditer(text))
    return (compares or not found) and all(_SUBJECT.search(text[: m.start()]) and _OBJECT.match(text[m.end() :]) for m in found)


def _done(text: str, own: ItemType, others: set[ItemType]) -> bool:
    """Return whether each deed has an item of its medium, and what is still to do fits what is recommended."""
    deeds = list(_DID.finditer(text))
    if len(_ALONE.findall(text)) > sum(_ALONE.fullmatch(m["did"]) is not None for m in deeds):
        return False
    for m in deeds:
        if not (re.match(rf" {_LIST}", text[m.end() :]) or _WHICH.search(text[: m.start()])):
            return False
        if not _fits(m["did"].casefold(), others, {"watched", "viewed", "saw", "seen"}, {"listened", "heard", "played"}):
            return False
    return not ((own in _HEARD and _LOOKS_ON.search(text)) or (own not in _HEARD and _LISTENS.search(text)))


def _fits(did: str, types: set[ItemType], seen: set[str], heard: set[str]) -> bool:
    return not ((did in seen and types & _HEARD) or (did in heard and types - _HEARD))


def _whole(text: str) -> bool:
    return _DANGLING.search(text) is None


def _compared_zh(text: str, compares: bool) -> bool:
    found = [clause for clause in re.split(r"[，。！？；]", text) if _COMPARES_ZH.search(clause)]
    return (compares or not found) and all(_COMPARED_ZH.search(clause) for clause in found)


def _done_zh(text: str, own: ItemType, others: set[ItemType]) -> bool:
    for m in _DID_ZH.finditer(text):
        if not (text.startswith(_OTHER, m.end()) or _BEFORE_ZH.search(text[: m.start()])):
            return False
        if not _fits(m["did"], others, {"看过"}, {"听过"}):
            return False
    return not ((own in _HEARD and _LOOKS_ON_ZH.search(text)) or (own not in _HEARD and _LISTENS_ZH.search(text)))


def _whole_zh(text: str) -> bool:
    """Return whether each clause has what its last verb asks for: 你想要 wants something."""
    return _OPEN_ZH.search(text) is None
