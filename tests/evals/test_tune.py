"""The search: over what, on what, and going on where it stopped."""

from typing import Literal

import pytest
from pydantic import Field

from evals.models import Rows
from evals.tune import TuneConfig, nested, search_space, tune_row
from palate.domain import Value
from palate.errors import InvalidInput
from tests.evals.test_protocols import many


class Example(Value):
    rate: float = Field(default=0.5, gt=0, le=1)
    size: int = Field(default=16, ge=4)
    zero: float = 0.0
    on: bool = True
    kind: Literal["a", "b"] = "a"
    seed: int = 3
    name: str = "x"


def test_the_space_follows_types_defaults_and_bounds():
    space = search_space(Example)
    assert set(space) == {"rate", "size", "zero", "on", "kind"}
    assert (space["rate"].low, space["rate"].high, space["rate"].log) == (0.0625, 1.0, True)
    assert (space["size"].low, space["size"].high) == (4, 128)
    assert (space["zero"].low, space["zero"].high, space["zero"].log) == (0.0, 1.0, False)
    assert space["on"].options == (False, True)
    assert space["kind"].options == ("a", "b")
    assert space["size"].grid() == [4, 23, 128]


@pytest.mark.parametrize("sampler", ["tpe", "random", "grid"])
def test_a_search_is_never_worse_than_the_default_and_is_resumed(tmp_path, sampler):
    data, rows = many(), Rows()
    config = TuneConfig(model="ease", trials=3, sampler=sampler, min_core=2)
    first = tune_row(data, config, rows, tmp_path)
    again = tune_row(data, config, rows, tmp_path)
    assert (first["trials"], again["trials"]) == (3, 6)
    assert again["history"][:3] == first["history"]
    assert again["best"]["value"] >= first["best"]["value"]
    tried = [str(trial["params"]) for trial in again["history"]]
    assert len(set(tried)) == len(tried)
    if sampler != "grid":
        assert first["history"][0]["value"] == pytest.approx(first["default"]["value"])
        assert first["best"]["value"] >= first["default"]["value"]
    assert first["split"] == "val"


def test_what_cannot_be_searched_is_refused(tmp_path):
    for wrong, said in (
        ({"model": "lexical"}, "nothing to search"),
        ({"model": "ease", "metric": "auc"}, "no metric"),
        ({"model": "no"}, "no row"),
    ):
        with pytest.raises(InvalidInput, match=said):
            tune_row(many(), TuneConfig(**wrong), Rows(), tmp_path)


def test_a_data_set_without_cases_is_refused(tmp_path):
    with pytest.raises(InvalidInput, match="no validation case"):
        tune_row(many(), TuneConfig(model="ease", min_core=1000), Rows(), tmp_path)


def test_every_row_has_a_grid_that_its_configuration_allows():
    rows = Rows()
    for name in rows.known():
        kind = rows.config_of(name)
        space = {} if kind is None else search_space(kind)
        assert space or kind is None, name
        for key, choice in space.items():
            for value in choice.grid():
                kind.model_validate(nested({key: value}))


def test_fields_of_inner_configurations_are_searched_and_put_back():
    space = search_space(Rows().config_of("fusion"))
    assert {"trees.leaves", "features.regularization", "positions"} <= set(space)
    assert "seed" not in space
    assert nested({"a": 1, "b.c": 2, "b.d": 3}) == {"a": 1, "b": {"c": 2, "d": 3}}
    assert search_space(Rows().config_of("pop"))["half_life_days"].options[0] is None
