import hashlib

import numpy as np
import pytest

from finetune import Scores, ScoresRef, read_card, stored_scores
from finetune.examples import TextExample
from finetune.files import read_sealed
from finetune.job import base_model, finish, metric_value, values_hash
from palate.errors import MissingWeights


def test_a_folder_is_its_own_base_and_is_known_by_its_weights(base, tmp_path):
    found = base_model(base, tmp_path / "cache")
    assert found.folder == base
    assert found.ref.name == "tiny"
    assert found.ref.sha256 == hashlib.sha256((base / "model.safetensors").read_bytes()).hexdigest()
    assert not (tmp_path / "cache").exists()


def test_a_folder_without_weights_is_no_base(tmp_path):
    with pytest.raises(MissingWeights, match="holds no weights"):
        base_model(tmp_path, tmp_path / "cache")


def test_the_hash_of_values_is_of_their_order_too():
    one, two = TextExample(prompt="a", completion="b"), TextExample(prompt="c", completion="d")
    assert values_hash([one, two]) == values_hash([one, two]) != values_hash([two, one])


def test_a_finished_folder_says_what_it_measured_and_is_sealed(make_adapter):
    made = make_adapter(task="explain", name="finished", cases=40)
    ref = ScoresRef(metric="passed", data="a" * 64, split="test", protocol="held out", cases=40)
    users = np.array([f"u{n // 2}" for n in range(40)])
    values = (np.arange(40) % 4 > 0).astype(np.float32)
    scores = Scores(ref, np.array([f"c{n:02}" for n in range(40)]), users, values, np.zeros(40, np.float32))
    (made.folder / "card.json").unlink(missing_ok=True)
    more = {"fluent": metric_value(np.ones(40), users, "test", "held out")}
    bare = made.card.model_copy(update={"metrics": {}, "scores": None, "files": {}, "version": ""})
    card = finish(made.folder, bare, scores, more)
    assert card == read_card(made.folder) == read_sealed(made.folder, "explain")
    assert card.metrics["passed"].value == pytest.approx(0.75)
    assert card.metrics["passed"].low < 0.75 < card.metrics["passed"].high
    assert card.metrics["fluent"].value == 1.0
    assert stored_scores(made.folder, "explain").value.mean() == pytest.approx(0.75)
