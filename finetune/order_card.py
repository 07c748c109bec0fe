"""The learned order of requests in words: its card, and how it is read. It comes with the product, and needs no LLM."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from pydantic import Field, JsonValue, ValidationError

from agent.rank_features import FEATURES
from agent.rank_order import NEVER, RankOrder
from finetune.card import CARD_FILE, DataRef, MetricValue
from palate.domain import UtcDatetime, Value, utc_now
from palate.errors import MissingWeights
from retrieval.learned_trees import Trees

__all__ = ["SHIPPED_ORDER", "OrderCard", "columns", "hashes", "read_word_order"]

SHIPPED_ORDER = Path(__file__).parent / "shipped" / "order"


class OrderCard(Value):
    """What a learned order says of itself.

    Attributes:
        data: What it was trained on, with the terms that come with it.
        licence: Of the order itself.
        training: The whole configuration, as plain JSON values.
        columns: SHA-256 of the names of the columns that it reads.
        metrics: NDCG@10 of the retriever's order and of this one on turns that it did not see.
        files: SHA-256 of the trees by file name.
        created: When it was trained.

    """

    data: tuple[DataRef, ...]
    licence: str
    training: Mapping[str, JsonValue]
    columns: str
    metrics: Mapping[str, MetricValue]
    files: Mapping[str, str]
    created: UtcDatetime = Field(default_factory=utc_now)


def read_word_order(folder: Path = SHIPPED_ORDER) -> RankOrder:
    """Return the order in a folder, after its files were held to the hashes of its card.

    Raises:
        MissingWeights: It is not whole, or reads other columns than this version of Palate makes.
        MissingExtra: LightGBM is not installed.

    """
    remedy = "Train it anew with 'palate finetune order', or set PALATE_WORD_ORDER=shipped or none."
    try:
        card = OrderCard.model_validate_json((folder / CARD_FILE).read_bytes())
        if card.files != hashes(folder):
            raise ValueError("its files are not those that its card recorded")
        if card.columns != columns():
            raise ValueError("it was trained on other columns than are made here")
        return RankOrder(Trees.load(folder, len(card.files), 1), NEVER)
    except (OSError, ValueError, ValidationError) as error:
        raise MissingWeights(f"The learned order in {str(folder)!a} cannot be used: {error}.", remedy=remedy) from error


def hashes(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of the trees in a folder by file name."""
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.glob("fusion-*.txt"))}


def columns() -> str:
    """Return the SHA-256 of the names of the columns that are made here."""
    return hashlib.sha256("\n".join(FEATURES).encode()).hexdigest()
