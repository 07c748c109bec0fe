"""The learned order of requests in words, trained on dialogues: it comes with the product, and needs no LLM."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from pydantic import Field, ValidationError

from agent.rank_features import FEATURES
from agent.rank_order import NEVER, RankOrder
from evals.datasets.dialogues import load_dialogues
from evals.models import Rows
from evals.rerank import Conversation, ConversationConfig, RankCase, ScoredCases, merged
from finetune.card import DataRef, MetricValue
from finetune.job import metric_value, values_hash
from finetune.rank_trees import RankTreesConfig, crossfitted_order, fit_order
from palate.domain import Progress, UtcDatetime, Value, utc_now
from palate.errors import InvalidInput, MissingWeights
from retrieval.base import CandidateSource, ItemTable
from retrieval.learned_trees import Trees

__all__ = ["ORDER_CARD", "SHIPPED_ORDER", "OrderCard", "WordOrder", "WordOrderConfig", "read_word_order"]

SHIPPED_ORDER = Path(__file__).parent / "shipped" / "order"
ORDER_CARD = "card.json"
_PROTOCOL = "dialogues, cross-fitted by dialogue"
_TERMS = "see the data set's own licence"


class WordOrderConfig(Value):
    """``candidates`` of the retriever are read for each turn; ``order`` says how the trees are grown."""

    candidates: int = Field(default=60, ge=2, le=100)
    order: RankTreesConfig = RankTreesConfig()
    seed: int = 0


class OrderCard(Value):
    """What a learned order says of itself.

    Attributes:
        data: What it was trained on, with the terms that come with it.
        licence: Of the order itself.
        training: The whole configuration.
        columns: SHA-256 of the names of the columns that it reads.
        metrics: NDCG@10 of the retriever's order and of this one on turns that it did not see.
        files: SHA-256 of the trees by file name.
        created: When it was trained.

    """

    data: tuple[DataRef, ...]
    licence: str
    training: WordOrderConfig
    columns: str
    metrics: Mapping[str, MetricValue]
    files: Mapping[str, str]
    created: UtcDatetime = Field(default_factory=utc_now)


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
            licence="as the terms of the training data allow",
            training=self.config,
            columns=_columns(),
            metrics={
                f"{name}.ndcg@10": metric_value(judged.values[name], clusters, "val", _PROTOCOL) for name in ("retrieval", "fast")
            },
            files=_hashes(folder),
        )
        (folder / ORDER_CARD).write_text(card.model_dump_json(indent=2) + "\n", encoding="utf-8")
        return card

    def _cases(self, name: str) -> tuple[list[RankCase], str]:
        def sources(table: ItemTable) -> Sequence[CandidateSource]:
            return self._rows.live_sources(table, self._progress)

        dialogues = load_dialogues(name, self._root)
        shape = ConversationConfig(candidates=self.config.candidates, seed=self.config.seed)
        cases = Conversation(dialogues, sources, shape, self._progress).crossfitted(dialogues.train)
        return cases, str(dialogues.facts.get("terms", _TERMS))


def read_word_order(folder: Path = SHIPPED_ORDER) -> RankOrder:
    """Return the order in a folder, after its files were held to the hashes of its card.

    Raises:
        MissingWeights: It is not whole, or reads other columns than this version of Palate makes.
        MissingExtra: LightGBM is not installed.

    """
    remedy = "Train it anew with 'palate finetune order', or set PALATE_WORD_ORDER=shipped or none."
    try:
        card = OrderCard.model_validate_json((folder / ORDER_CARD).read_bytes())
        if card.files != _hashes(folder):
            raise ValueError("its files are not those that its card recorded")
        if card.columns != _columns():
            raise ValueError("it was trained on other columns than are made here")
        return RankOrder(Trees.load(folder, len(card.files), 1), NEVER)
    except (OSError, ValueError, ValidationError) as error:
        raise MissingWeights(f"The learned order in {str(folder)!a} cannot be used: {error}.", remedy=remedy) from error


def _hashes(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.glob("fusion-*.txt"))}


def _columns() -> str:
    return hashlib.sha256("\n".join(FEATURES).encode()).hexdigest()
