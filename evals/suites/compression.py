"""What making a model smaller costs: the same texts read by the float32 weights and by what came of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr

from agent.llm.spots import log_softmax, spot_places
from evals.bootstrap import intervals
from palate.errors import InvalidInput
from palate.prompting import LabelledPrompt

if TYPE_CHECKING:
    from tokenizers import Tokenizer

__all__ = ["Logits", "Probe", "Reading", "compared", "rank_probe", "read_probe", "text_probe"]

Float32 = NDArray[np.float32]
_LIKELIEST = 20
_SAMPLES = 2000
_ROWS = 16


@dataclass(frozen=True)
class Probe:
    """A text that models read.

    Attributes:
        cluster: Whose it is: intervals draw these.
        ids, tokens: The text, as numbers and as words.
        labels: Ids among which the next token is chosen; empty for marks and texts.
        places: Where the tokens are whose log probabilities are compared with each other; empty for labels and texts.
        start: The first token whose log probability counts as the text's, at least 1.

    """

    cluster: str
    ids: tuple[int, ...]
    tokens: tuple[str, ...]
    labels: tuple[int, ...] = ()
    places: tuple[int, ...] = ()
    start: int = 1


Logits = Callable[[Probe], Float32]
"""From a text to the logits of what follows each of its tokens, float32 [tokens, vocabulary]."""


@dataclass(frozen=True)
class Reading:
    """What a model makes of a probe.

    Attributes:
        scores: Log probabilities of what is chosen among, float32 [choices, alternatives]: one choice for labels and marks; for a
            text one at each of its tokens, among the tokens that the reference finds likeliest.
        best: The alternative that comes first in each choice, of all there are, int [choices].
        text: Log probability of each token of the text, float32 [tokens].
        likeliest: For a text, which tokens the alternatives are, int [choices, alternatives].

    """

    scores: Float32
    best: NDArray[np.int64]
    text: Float32
    likeliest: NDArray[np.int64] | None = None


def rank_probe(prompt: LabelledPrompt, tokenizer: Tokenizer, cluster: str) -> Probe:
    """Return the probe of a ranking prompt, with labels or with marks."""
    cut = tokenizer.encode(prompt.text, add_special_tokens=False)
    labels = tuple(tokenizer.encode(label, add_special_tokens=False).ids[0] for label in prompt.labels)
    places = tuple(int(place) for place in spot_places(prompt.text, cut.offsets, prompt.spots)) if prompt.spots else ()
    return Probe(cluster, tuple(cut.ids), tuple(cut.tokens), labels, places)


def text_probe(prompt: str, completion: str, tokenizer: Tokenizer, cluster: str) -> Probe:
    """Return the probe of a text that follows a prompt; only its own tokens count. The prompt is cut alone, as when serving."""
    before, after = (tokenizer.encode(text, add_special_tokens=False) for text in (prompt, completion))
    return Probe(cluster, (*before.ids, *after.ids), (*before.tokens, *after.tokens), start=len(before.ids))


def read_probe(probe: Probe, logits: Float32, reference: Reading | None = None) -> Reading:
    """Return what logits, float32 [tokens, vocabulary], say of a probe; ``reference`` names the alternatives of a text."""
    rows = np.arange(probe.start - 1, len(probe.ids) - 1)
    totals = _totals(logits, rows)
    text = logits[rows, np.array(probe.ids)[rows + 1]] - totals
    if probe.labels or probe.places:
        raw = logits[-1][list(probe.labels)] if probe.labels else text[np.array(probe.places) - probe.start]
        scores = log_softmax(np.asarray(raw, dtype=np.float32))[None]
        return Reading(scores, scores.argmax(axis=1), text)
    counted = logits[rows]
    likeliest = None if reference is None else reference.likeliest
    if likeliest is None:
        likeliest = np.argsort(-counted, axis=1, kind="stable")[:, :_LIKELIEST]
    scores = np.take_along_axis(counted, likeliest, axis=1) - totals[:, None]
    return Reading(scores, counted.argmax(axis=1), text, likeliest)


def compared(probes: Sequence[Probe], reference: Sequence[Reading], ours: Sequence[Reading], seed: int = 0) -> dict[str, Any]:
    """Return how far readings are from those of the reference, each mean with its 95 % interval over whose the texts are.

    ``spearman`` is the rank correlation of the alternatives' scores, ``spearman_least`` that of the worst text; ``log_prob`` the
    mean absolute difference of these scores, nats; ``top1`` the share of choices whose first is the same; ``nll`` the mean negative
    log likelihood of a token of the texts, nats, ``nll_more`` how much above the reference's; ``perplexity`` is exp(``nll``).

    Raises:
        InvalidInput: There are no probes, or not as many readings.

    """
    if not probes or not len(probes) == len(reference) == len(ours):
        raise InvalidInput(f"{len(ours)} readings do not fit {len(probes)} texts.", remedy="Give one each.", param="prompts")
    pairs = list(zip(reference, ours, strict=True))
    nll = np.array([-float(found.text.mean()) for found in ours])
    columns = {
        "spearman": np.array([_spearman(a.scores, b.scores) for a, b in pairs]),
        "log_prob": np.array([float(np.abs(a.scores - b.scores).mean()) for a, b in pairs]),
        "top1": np.array([float((a.best == b.best).mean()) for a, b in pairs]),
        "nll": nll,
        "nll_more": nll - np.array([-float(found.text.mean()) for found in reference]),
    }
    users = np.unique([probe.cluster for probe in probes], return_inverse=True)[1]
    found = intervals(columns, users, samples=_SAMPLES, rng=seed)
    said: dict[str, Any] = {name: one.model_dump() for name, one in found.items()}
    return {**said, "spearman_least": float(np.min(columns["spearman"])), "perplexity": float(np.exp(found["nll"].value))}


def _spearman(ours: Float32, theirs: Float32) -> float:
    """Return the mean rank correlation of rows; 1 where neither has an order, 0 where one has none."""
    rows = []
    for a, b in zip(ours, theirs, strict=True):
        flat = (np.ptp(a) == 0.0, np.ptp(b) == 0.0)
        rows.append(float(all(flat)) if any(flat) else float(spearmanr(a, b).statistic))
    return float(np.mean(rows))


def _totals(logits: Float32, rows: NDArray[np.int64]) -> Float32:
    """Return the logarithm of the sum of exp(logits) of some rows, float32 [rows]; a few at a time, which is quicker."""
    found = np.empty(len(rows), dtype=np.float32)
    for start in range(0, len(rows), _ROWS):
        part = logits[rows[start : start + _ROWS]]
        top = part.max(axis=1, keepdims=True)
        part -= top
        np.exp(part, out=part)
        found[start : start + _ROWS] = np.log(part.sum(axis=1, dtype=np.float64)) + top[:, 0]
    return found
