"""How two readings of a text are compared."""

import numpy as np
import pytest

from agent.llm.gguf import GgufModel, packaged_gguf
from evals.suites.compression import Probe, compared, rank_probe, read_probe, text_probe
from palate.errors import InvalidInput
from palate.prompting import LabelledPrompt

TEXT = Probe("ann", ids=(1, 2, 3, 0), tokens=("b", "c", "d", "a"), start=2)


@pytest.fixture(scope="module")
def tokenizer():
    return GgufModel(packaged_gguf()).tokenizer()


def logits(seed, tokens=4, width=30):
    return np.random.default_rng(seed).standard_normal((tokens, width)).astype(np.float32)


def log_p(values):
    return values - np.log(np.exp(values).sum(axis=-1, keepdims=True))


def test_a_text_is_read_where_it_begins():
    values = logits(0)
    found = read_probe(TEXT, values)
    np.testing.assert_allclose(found.text, [log_p(values)[1, 3], log_p(values)[2, 0]], atol=1e-5)
    assert found.best.tolist() == values[1:3].argmax(axis=1).tolist()
    assert found.scores.shape == found.likeliest.shape == (2, 20)
    assert (found.likeliest[:, 0] == found.best).all()
    other = read_probe(TEXT, logits(1), found)
    np.testing.assert_allclose(other.scores, np.take_along_axis(log_p(logits(1))[1:3], found.likeliest, axis=1), atol=1e-5)


def test_labels_and_marks_are_chosen_among_themselves():
    values = logits(0)
    labelled = read_probe(Probe("a", TEXT.ids, TEXT.tokens, labels=(5, 7, 9)), values)
    np.testing.assert_allclose(labelled.scores[0], log_p(values[3][[5, 7, 9]]), atol=1e-5)
    assert len(labelled.text) == 3
    marked = read_probe(Probe("a", TEXT.ids, TEXT.tokens, places=(1, 3)), values)
    np.testing.assert_allclose(marked.scores[0], log_p(log_p(values)[[0, 2], [2, 0]]), atol=1e-5)


def test_probes_are_cut_as_they_are_served(tokenizer):
    labelled = LabelledPrompt(text="Answer:", labels=(" A", " B"), item_ids=("a", "b"), version="t")
    found = rank_probe(labelled, tokenizer, "ann")
    assert [tokenizer.id_to_token(i) for i in found.labels] == ["ĠA", "ĠB"]
    text = "1. Heat [yes]\n2. Up [yes]"
    marked = LabelledPrompt(text=text, spots=(9, 21), item_ids=("a", "b"), version="t")
    places = rank_probe(marked, tokenizer, "ann").places
    assert [found_.lstrip("Ġ") for found_ in (rank_probe(marked, tokenizer, "ann").tokens[p] for p in places)] == ["yes", "yes"]
    said = text_probe("Why?", " Because.", tokenizer, "ann")
    assert said.start == len(tokenizer.encode("Why?").ids)
    assert "".join(said.tokens[said.start :]).startswith("ĠBecause")


def test_readings_of_the_same_weights_do_not_differ_and_others_do():
    probes = [Probe(name, TEXT.ids, TEXT.tokens, labels=tuple(range(8))) for name in "abc"]
    ours = [read_probe(probe, logits(seed)) for seed, probe in enumerate(probes)]
    same = compared(probes, ours, ours)
    assert (same["spearman"]["value"], same["spearman_least"], same["top1"]["value"]) == (1.0, 1.0, 1.0)
    assert (same["log_prob"]["value"], same["nll_more"]["value"]) == (0.0, 0.0)
    assert same["perplexity"] == pytest.approx(np.exp(same["nll"]["value"]))
    theirs = [read_probe(probe, logits(seed + 9)) for seed, probe in enumerate(probes)]
    other = compared(probes, ours, theirs)
    assert other["spearman_least"] < other["spearman"]["value"] < 1.0
    assert other["nll_more"]["value"] == pytest.approx(other["nll"]["value"] - same["nll"]["value"], abs=1e-5)
    assert other["spearman"]["low"] <= other["spearman"]["value"] <= other["spearman"]["high"]
    assert compared(probes, ours, theirs) == other


def test_scores_that_are_all_the_same_have_no_order():
    probe = Probe("a", TEXT.ids, TEXT.tokens, labels=(0, 1))
    flat, sure = read_probe(probe, np.zeros((4, 30), np.float32)), read_probe(probe, logits(0))
    assert compared([probe], [flat], [flat])["spearman"]["value"] == 1.0
    assert compared([probe], [flat], [sure])["spearman"]["value"] == 0.0


def test_readings_must_fit():
    with pytest.raises(InvalidInput, match="0 readings do not fit 0 texts"):
        compared([], [], [])
