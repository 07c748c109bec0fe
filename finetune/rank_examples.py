"""From cases to what a LoRA adapter for ranking is trained on, by the prompt builder that serves."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator

import numpy as np
from pydantic import Field

from agent.llm.base import LLM
from agent.prompts import RankPromptConfig, build_rank_prompt
from evals.rerank import RankCase
from finetune.examples import RankExample
from palate.domain import Value

__all__ = ["RankExamplesConfig", "rank_examples"]


class RankExamplesConfig(Value):
    """``shown`` candidates an example, the targets among them and others drawn; fewer make more examples an hour. They come in a
    drawn order, so that what is learned is not a place; their ranks in the retriever's order are said in the prompt.
    """

    shown: int = Field(default=8, ge=2, le=26)
    most_targets: int = Field(default=3, ge=1)
    prompt: RankPromptConfig = RankPromptConfig(version="rank-v2", max_tokens=600, max_history=8)
    seed: int = 0


def rank_examples(cases: Iterable[RankCase], llm: LLM, config: RankExamplesConfig | None = None) -> Iterator[RankExample]:
    """Yield an example for each case whose candidates hold a target and something else; the others teach nothing."""
    config = config or RankExamplesConfig()
    for case in cases:
        rng = np.random.default_rng((config.seed, zlib.crc32(case.case_id.encode())))
        hits = [at for at, c in enumerate(case.candidates) if c.item.item_id in case.targets][: config.most_targets]
        others = [at for at, c in enumerate(case.candidates) if c.item.item_id not in case.targets]
        if not hits or not others:
            continue
        drawn = rng.choice(others, size=min(config.shown - len(hits), len(others)), replace=False).tolist()
        chosen = rng.permutation([*hits, *drawn]).tolist()
        prompt = build_rank_prompt(
            llm,
            case.request,
            case.profile,
            case.history_items,
            [case.candidates[at] for at in chosen],
            config.prompt,
            [at + 1 for at in chosen],
        )
        yield RankExample(text=prompt.text, spots=prompt.spots, gains=tuple(float(at in hits) for at in chosen))
