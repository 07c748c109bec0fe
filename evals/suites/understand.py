"""How well wishes are understood: what was asked for, field by field, against wishes that were written by hand."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any, Literal, Protocol

import anyio
import numpy as np
from numpy.typing import NDArray

from agent.dialogue.wishes import Answer, WishReader, WishReaderConfig, ask
from agent.llm.base import LLM
from agent.prompts.understand import UNDERSTAND_VERSION, Asked, Draft, Wish, build_understand_prompt
from evals.bootstrap import difference, intervals, randomisation_test
from palate.deadline import Deadline
from palate.domain import Progress, Query, Value
from palate.errors import InvalidInput

__all__ = ["UNDERSTAND_PROTOCOL", "UnderstandSuite", "WishCase", "load_wishes", "slot_f1"]

UNDERSTAND_PROTOCOL = "hand-written wishes, en and zh"
Split = Literal["val", "test"]
_EVERY = 16
_FIELDS = ("like_item_ids", "genres", "without_genres", "types", "year_min", "year_max")


class Reader(Protocol):
    """What reads wishes by rules, and maps what an LLM wrote onto the catalog; ``api.vocabulary.Vocabulary`` is one."""

    def understand(self, text: str) -> Query:
        """Return what a text asks for, by rules."""
        ...

    def draft(self, text: str) -> Draft:
        """Return what rules make of a text, as an LLM reads it."""
        ...

    def corrected(self, text: str, asked: Asked) -> Query:
        """Return a text understood with the fields that an LLM corrected, as it is served."""
        ...

    def resolve(self, wish: Wish) -> Query:
        """Return what a wish in words comes to in the catalog."""
        ...


class WishCase(Value):
    """A wish, and what it asks for in the words of its catalog."""

    case_id: str
    language: Literal["en", "zh"]
    text: str
    wish: Wish


def load_wishes(split: Split) -> tuple[WishCase, ...]:
    """Return the wishes that ship with the product: 60 to tune on (``val``) and 200 to measure on (``test``), half Chinese."""
    lines = (resources.files("evals") / "data" / "understand.jsonl").read_text("utf-8").splitlines()
    cases = []
    for row in map(json.loads, lines):
        case_id, part, language, text = (row.pop(key) for key in ("id", "split", "language", "text"))
        if part == split:
            cases.append(WishCase(case_id=case_id, language=language, text=text, wish=Wish.model_validate(row)))
    return tuple(cases)


def slots(query: Query) -> frozenset[tuple[str, Any]]:
    """Return what a query asks for as pairs of field and value, less its text."""
    found: set[tuple[str, Any]] = set()
    for name in _FIELDS:
        value = getattr(query, name)
        found.update((name, one) for one in (value if isinstance(value, tuple) else () if value is None else (value,)))
    return frozenset(found)


def slot_f1(wanted: frozenset[tuple[str, Any]], found: frozenset[tuple[str, Any]] | None) -> float:
    """Return the F1 of the pairs of one wish: 1 where both are empty, 0 for an answer that cannot be read (``None``)."""
    if found is None:
        return 0.0
    return 1.0 if not wanted | found else 2 * len(wanted & found) / (len(wanted) + len(found))


@dataclass(frozen=True)
class Row:
    """Values a case, float32 [cases]: whether all fields were right, the slot F1, and whether the answer could be read."""

    exact: NDArray[np.float32]
    f1: NDArray[np.float32]
    read: NDArray[np.float32]


class UnderstandSuite:
    """Judges ways to understand wishes on the same cases.

    Args:
        cases: What is judged.
        reader: Knows the catalog.

    Raises:
        InvalidInput: The catalog lacks something that a case names: this is another catalog than the cases were written for.

    """

    def __init__(self, cases: Sequence[WishCase], reader: Reader) -> None:
        self.cases, self._reader = tuple(cases), reader
        self._wanted = [slots(reader.resolve(case.wish)) for case in cases]
        for case, wanted in zip(self.cases, self._wanted, strict=True):
            said = case.wish
            n = sum(map(len, (said.likes, said.genres, said.without_genres, said.types))) + sum(
                year is not None for year in (said.year_min, said.year_max)
            )
            if len(wanted) != n:
                raise InvalidInput(f"{case.case_id!r} names what the catalog lacks: {case.text!a}.", remedy="Use the demo catalog.")

    def by_rules(self) -> list[Query]:
        """Return what the rules understand."""
        return [self._reader.understand(case.text) for case in self.cases]

    def by_llm(self, llm: LLM, progress: Progress | None = None) -> list[Answer | None]:
        """Return what an LLM makes of the wishes; ``None`` for an answer that cannot be read."""

        async def answers() -> list[Answer | None]:
            found = list[Answer | None]()
            for place, case in enumerate(self.cases):
                if progress is not None and place % _EVERY == 0:
                    progress(f"read {llm.name}", place, len(self.cases))
                draft = self._reader.draft(case.text)
                found.append(
                    await ask(llm, draft, build_understand_prompt(llm, draft), WishReaderConfig().max_tokens, Deadline(None))
                )
            return found

        return anyio.run(answers)

    def alone(self, answers: Sequence[Answer | None]) -> list[Query | None]:
        """Return what is understood where an LLM's answers always count."""
        return [
            None if one is None else self._reader.corrected(case.text, one.asked)
            for one, case in zip(answers, self.cases, strict=True)
        ]

    def served(self, answers: Sequence[Answer | None]) -> list[Query]:
        """Return what is served where an LLM answered so."""
        chosen = WishReader(self._reader).chosen
        return [
            rules if one is None else chosen(case.text, rules, one)
            for case, rules, one in zip(self.cases, self.by_rules(), answers, strict=True)
        ]

    def judge(self, found: Iterable[Query | None]) -> Row:
        """Return the values of one way."""
        answers = [None if query is None else slots(query) for query in found]
        pairs = list(zip(self._wanted, answers, strict=True))
        return Row(
            exact=np.array([wanted == got for wanted, got in pairs], np.float32),
            f1=np.array([slot_f1(wanted, got) for wanted, got in pairs], np.float32),
            read=np.array([got is not None for _, got in pairs], np.float32),
        )

    def report(self, rows: Mapping[str, Row], split: Split, against: Sequence[str] = ("zero-shot", "rules")) -> dict[str, Any]:
        """Return the rows with 95 % intervals over wishes, whole and by language, and each row's paired differences to some."""
        languages = np.array([case.language for case in self.cases])
        return {
            "task": "understand",
            "prompt": UNDERSTAND_VERSION,
            "protocol": UNDERSTAND_PROTOCOL,
            "split": split,
            "cases": len(self.cases),
            "rows": [
                {
                    "model": name,
                    "metrics": _metrics(row, np.ones(len(self.cases), np.bool_)),
                    "by_language": {str(one): _metrics(row, languages == one) for one in np.unique(languages)},
                }
                for name, row in rows.items()
            ],
            "comparisons": [
                {
                    "model": name,
                    "against": other,
                    "slot_f1": difference(row.f1, rows[other].f1, samples=2000).model_dump(),
                    "exact": difference(row.exact, rows[other].exact, samples=2000).model_dump(),
                    "p": randomisation_test(row.f1, rows[other].f1),
                }
                for place, other in enumerate(against)
                for name, row in rows.items()
                if other in rows and name not in against[: place + 1]
            ],
        }


def _metrics(row: Row, chosen: NDArray[np.bool_]) -> dict[str, Any]:
    columns = {"exact": row.exact[chosen], "slot_f1": row.f1[chosen], "read": row.read[chosen]}
    found = intervals({name: column.astype(np.float64) for name, column in columns.items()}, samples=2000)
    return {name: value.model_dump() for name, value in found.items()}
