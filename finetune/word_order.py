"""Trains the learned order of requests in words on dialogues."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
from pydantic import Field

from evals.datasets.dialogues import load_dialogues
from evals.models import Rows
from evals.rerank import Conversation, ConversationConfig, RankCase, ScoredCases, merged
from finetune.card import CARD_FILE, DataRef
from finetune.job import LICENCE, TERMS, metric_value, values_hash
from finetune.order_card import OrderCard, columns, hashes
from finetune.rank_trees import RankTreesConfig, crossfitted_order, fit_order
from palate.domain import Progress, Value
from palate.errors import InvalidInput

__all__ = ["WordOrder", "WordOrderConfig"]

_PROTOCOL = "dialogues, cross-fitted by dialogue"


class WordOrderConfig(Value):
    """``candidates`` of the retriever are read for each turn; ``order`` says how the trees are grown."""

    candidates: int = Field(default=60, ge=2, le=100)
    order: RankTreesConfig = RankTreesConfig()
    seed: int = 0


class WordOrder:
    """Learns the order of requests in words from the training turns of dialogues.

    Args:
        rows: Makes the candidate sources.
        root: Where dialogues lie by name.
        names: The dialogues.
        config: How much is read, and how the trees are grown.
        progress: Told how far it is.

    """

    def __init__(
        self,
        rows: Rows,
        root: Path | None,
        names: Sequence[str],
        *,
        config: WordOrderConfig | None = None,
        progress: Progress | None = None,
    ) -> None:
        if not names:
            raise InvalidInput("No dialogues were named.", remedy="Give --dataset NAME[,NAME].", param="dataset")
        self.config = config or WordOrderConfig()
        self._rows, self._root, self._names, self._progress = rows, root, tuple(dict.fromkeys(names)), progress

    def train(self, folder: Path) -> OrderCard:
        """Train on all training turns and write trees and card; the metrics are of turns that were held out of the trees.

        Raises:
            InvalidInput: A name is not of dialogues, or ``folder`` is not empty.
            MissingExtra: LightGBM is not installed.

        """
        if folder.exists() and any(folder.iterdir()):
            raise InvalidInput(f"{str(folder)!a} is not empty.", remedy="Name another folder.", param="out")
        parts, refs = [], []
        for name in self._names:
            cases, terms = self._cases(name)
            refs.append(DataRef(name=Path(name).name, sha256=values_hash(case.request for case in cases), terms=terms))
            parts.append(ScoredCases(cases))
        every = merged(parts)
        judged = crossfitted_order({"conversation": every}, [], self.config.order)[0]["conversation"]
        folder.mkdir(parents=True, exist_ok=True)
        fit_order([every], self.config.order).trees.save(folder)
        clusters = np.array(judged.clusters)
        card = OrderCard(
            data=tuple(refs),
            licence=LICENCE,
            training=self.config.model_dump(mode="json"),
            columns=columns(),
            metrics={
                f"{name}.ndcg@10": metric_value(judged.values[name], clusters, "val", _PROTOCOL) for name in ("retrieval", "fast")
            },
            files=hashes(folder),
        )
        (folder / CARD_FILE).write_text(card.model_dump_json(indent=2) + "\n", encoding="utf-8")
        return card

    def _cases(self, name: str) -> tuple[list[RankCase], str]:
        sources = partial(self._rows.live_sources, progress=self._progress)
        dialogues = load_dialogues(name, self._root)
        shape = ConversationConfig(candidates=self.config.candidates, seed=self.config.seed)
        cases = Conversation(dialogues, sources, shape, self._progress).crossfitted(dialogues.train)
        return cases, str(dialogues.facts.get("terms", TERMS))
