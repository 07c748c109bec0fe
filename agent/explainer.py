"""Turns evidence into reasons: prose of the LLM where it holds, else a plain sentence from the same evidence."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import anyio
import anyio.to_thread
from pydantic import Field

from agent.base import MentionFinder
from agent.guard import check_reason, cited
from agent.llm.base import LLM
from agent.prompts.explain import REASON_SCHEMA, build_explain_prompt, read_reason
from agent.sentences import Sentences
from palate.deadline import Deadline
from palate.domain import Candidate, Evidence, Item, Profile, Reason, Request, Value
from palate.errors import PalateError
from palate.prompting import GenerateConfig

__all__ = ["Explained", "Explainer", "ExplainerConfig"]

_log = logging.getLogger(__name__)
_JSON_TOKENS = 12
_Plain = list[tuple[str, tuple[Evidence, ...]]]


class ExplainerConfig(Value):
    """How reasons are written.

    At most ``max_reasons`` an item; at most ``prose`` items get a sentence of the LLM, of at most ``max_tokens`` tokens, and
    only as many as are predicted to fit the time left. ``seconds_per_reason`` is the first prediction; what is measured replaces
    it. With ``answer`` ``json`` an LLM that can be held to a JSON schema is (its frame comes on top of ``max_tokens``); others
    write text all the same.
    """

    max_reasons: int = Field(default=3, ge=1, le=5)
    prose: int = Field(default=3, ge=0, le=20)
    max_tokens: int = Field(default=64, ge=8, le=200)
    answer: Literal["text", "json"] = "text"
    seconds_per_reason: float = Field(default=0.6, gt=0.0)


@dataclass(frozen=True, slots=True)
class Explained:
    """Reasons by item id, strongest first; none where nothing speaks for it. ``degraded`` holds ``explain`` if time ran out."""

    reasons: Mapping[str, tuple[Reason, ...]]
    degraded: tuple[str, ...] = ()


class Explainer:
    """Writes reasons.

    Args:
        llm: Writes prose; ``None`` for plain sentences only.
        titles: Finds catalog titles in prose, so that it cannot name other items.
        config: How much is written.

    """

    def __init__(self, llm: LLM | None, titles: MentionFinder | None = None, config: ExplainerConfig | None = None) -> None:
        self._llm, self._titles = llm, titles
        self.config = config or ExplainerConfig()
        self._seconds = self.config.seconds_per_reason

    async def explain(
        self,
        request: Request,
        profile: Profile,
        chosen: Sequence[Candidate],
        history_items: Mapping[str, Item],
        deadline: Deadline,
    ) -> Explained:
        """Return reasons for ``chosen``; the first get prose first.

        ``history_items`` holds the items that the evidence names. Evidence of a platform that the request leaves out is not used.
        Prose that is late or fails the check is replaced by a plain sentence, which is no degradation.
        """
        sentences = Sentences(profile, request.query, history_items, request.language)
        plain: dict[str, _Plain] = {}
        for position, candidate in enumerate(chosen):
            if position and deadline.expired:
                break
            evidence = [e for e in candidate.evidence if e.platform is None or e.platform not in request.without_platforms]
            plain[candidate.item.item_id] = sentences.reasons(candidate.item, evidence, self.config.max_reasons)
        reasons = {item_id: _templates(parts) for item_id, parts in plain.items()}
        degraded = ("explain",) if len(reasons) < len(chosen) else ()
        for item_id, reason in (await self._prose(chosen, plain, history_items, request.language, deadline)).items():
            reasons[item_id] = (reason, *reasons[item_id][1:])
        return Explained(reasons=reasons, degraded=degraded)

    async def _prose(
        self, chosen: Sequence[Candidate], plain: Mapping[str, _Plain], items: Mapping[str, Item], language: str, deadline: Deadline
    ) -> dict[str, Reason]:
        wanting = [c.item for c in chosen if plain.get(c.item.item_id)][: self._fitting(deadline)]
        if self._llm is None or self._titles is None or not wanting:
            return {}
        llm = self._llm
        texts = await self._generate(
            llm, lambda: [build_explain_prompt(llm, i, plain[i.item_id][0][0], language) for i in wanting], deadline
        )
        reasons: dict[str, Reason] = {}
        for item, text in zip(wanting, texts, strict=False):
            evidence = plain[item.item_id][0][1]
            said = read_reason(text) if isinstance(text, str) else ""
            sentence = check_reason(said, item, evidence, items, self._titles, language=language)
            if sentence is not None:
                used = cited(sentence, evidence, items, language=language)
                reasons[item.item_id] = Reason(text=sentence, author="llm", evidence=used)
        return reasons

    def _fitting(self, deadline: Deadline) -> int:
        remaining = deadline.remaining()
        return self.config.prose if math.isinf(remaining) else min(self.config.prose, int(remaining / self._seconds))

    def _generate_config(self, llm: LLM) -> GenerateConfig:
        if self.config.answer == "json" and "json_schema" in llm.enforces:
            return GenerateConfig(max_tokens=self.config.max_tokens + _JSON_TOKENS, json_schema=REASON_SCHEMA)
        return GenerateConfig(max_tokens=self.config.max_tokens, stop=("\n",))

    async def _generate(self, llm: LLM, build: Callable[[], Sequence[str]], deadline: Deadline) -> Sequence[str]:
        config = self._generate_config(llm)
        before = anyio.current_time()
        try:
            # Cut short a little early: a token that has been begun is written to its end.
            within = Deadline(None) if math.isinf(deadline.remaining()) else Deadline(max(0.0, deadline.remaining() - 0.03))
            with anyio.move_on_after(deadline.remaining()):
                # In a thread that may be left behind: the first prompt waits for the tokenizer.
                prompts = await anyio.to_thread.run_sync(build, abandon_on_cancel=True)
                texts = await llm.generate(prompts, config, within)
                self._seconds = 0.7 * self._seconds + 0.3 * (anyio.current_time() - before) / len(prompts)
                return texts
        except PalateError as error:
            _log.info("no prose: %s", error.message)
        except Exception:  # noqa: BLE001 - whatever a backend throws, plain sentences are at hand
            _log.exception("no prose: the LLM failed")
        self._seconds = min(self._seconds * 1.1, 3 * self.config.seconds_per_reason)
        return ()


def _templates(parts: _Plain) -> tuple[Reason, ...]:
    return tuple(Reason(text=text, author="template", evidence=evidence) for text, evidence in parts)
