"""What a sentence that a model wrote may not hold, whatever it is about."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

__all__ = ["CLAIMS", "clean", "strip_lead"]

_MARKUP = re.compile(
    r"https?:|www\.|\b[\w-]+\.(?:com|org|net|io|cn)\b|[<>{}\[\]|*`#_~\\^@‹›¦]|\bim_(?:start|end)\b|\b\w+:\s", re.IGNORECASE
)
_FIRST_PERSON = re.compile(r"\b(?:I|me|my|mine|we|us|our|ours)\b|\b(?:I|we)['’]\w+|[我咱俺]", re.IGNORECASE)
_PRAISE = re.compile(
    r"\b(?:award|oscar|prize|winning|masterpiece|acclaimed|best|greatest|finest|top-rated|must-see|critic|box office|famous|"
    r"legendary|classic of|perfect|bestsell|blockbuster)\w*|获奖|奥斯卡|大奖|最佳|最好|杰作|佳作|口碑|必看|名作|票房",
    re.IGNORECASE,
)
_NEGATION = re.compile(
    r"\b(?:no|not|never|none|nothing|neither|nor|without|unlike|hardly|barely|cannot|avoid\w*|hate\w*|dislik\w*)\b|n['’]t\b|"
    r"[不没无未勿]|别(?![人的样处])|非(?!常)|讨厌",
    re.IGNORECASE,
)
# Relations that no evidence tells of, whichever titles stand around them.
CLAIMS = re.compile(
    r"\b(?:example|version|sequel|prequel|remake|part|story|song|film|movie|track|album|theme) (?:of|about|by|from)\b|"
    r"\b(?:direct|star|writ|compos|perform|produc|featur|based)\w* (?:by|on|in)\b|\babout the same\b",
    re.IGNORECASE,
)
# What our prompts call their parts; a model that has nothing to say writes the prompt on.
_LABELS = re.compile(
    r"\b(?:wish|titles?|film|music|fact)\s*[:：]|(?:愿望|作品|标题|电影|音乐|事实)\s*[:：]|^\W*(?:愿望|作品|事实)只?是",
    re.IGNORECASE,
)
_ORDERS = re.compile(
    r"\b(?:ignore|disregard|system prompt|previous instructions?|assistant|password)\b|忽略|系统提示", re.IGNORECASE
)
_LEAD = re.compile(r"^(?:[-•*–]\s*|\d+[.)]\s+|(?:reason|sentence|answer|理由|原因|回答)\s*[::：]\s*)+", re.IGNORECASE)
_WORD = re.compile(r"[^\W\d_]+")
_STARTERS = frozenset(
    re.findall(
        r"\S+",
        "a an and another another's anyone as at because both by close connects drawn enjoy fans "
        "five for four from full given has here here's if in it it's its like liked "
        "listen matches more of on one other picks playing popular recommended same shares similar since so "
        "some sounds taste thanks that the their these they this those three to try two watch "
        "with yes you you'll you've your ",
    )
)


def strip_lead(line: str) -> str:
    """Return a line without bullet, number or label before its sentence, and without quotation marks around it."""
    return _LEAD.sub("", line.strip().strip('"“”').strip())


def clean(masked: str, words: Iterable[str], numbers: Iterable[str], language: str) -> bool:
    """Return whether a sentence, its known titles masked, keeps all rules that need no look at the catalog.

    No markup, address, label of a prompt, order to a model, first person, praise or negation; no number but those in ``numbers``;
    the script of ``language``; no name (in English, a capital amid the sentence; in Chinese, a word in Latin letters) but those in
    ``words``.
    """
    if any(rule.search(masked) for rule in (_MARKUP, _FIRST_PERSON, _PRAISE, _NEGATION, _LABELS, _ORDERS)):
        return False
    allowed = {part for word in words for part in _WORD.findall(word.casefold())}
    digits = {d for text in numbers for d in re.findall(r"\d+", text)}
    if any(d not in digits for d in re.findall(r"\d+", masked)):
        return False
    letters = {c for c in masked if c.isalpha()} - set("".join(allowed))
    if language == "zh":
        return _chinese(masked, letters, allowed)
    return all(unicodedata.name(c, "").startswith("LATIN") for c in letters) and _names_known(masked, allowed)


def _chinese(masked: str, letters: set[str], allowed: set[str]) -> bool:
    if not any("\u3400" <= c <= "\u9fff" for c in masked) or not all(c.isascii() or "\u3400" <= c <= "\u9fff" for c in letters):
        return False
    return all(word.casefold() in allowed for word in re.findall(r"[A-Za-z]+", masked))


def _names_known(masked: str, allowed: set[str]) -> bool:
    tokens = re.findall(r"[^\W\d_][\w'’]*", masked)
    opens = bool(tokens) and masked.lstrip("\"'“‘ ").startswith(tokens[0])
    for position, token in enumerate(tokens):
        folded = token.casefold().replace("’", "'")
        if not token[0].isupper() or set(_WORD.findall(folded)) <= allowed:
            continue
        if not (position == 0 and opens and folded in _STARTERS):
            return False
    return True
