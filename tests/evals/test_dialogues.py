"""Dialogues in the two shapes that people have them in; and what is said of folders that hold none."""

import json
import os
from pathlib import Path

import pytest

from evals.datasets.dialogues import load_dialogues
from palate.errors import BadExport, InvalidInput, Unavailable


def turn(dialogue, number, context, entity, rec, **more):
    return json.dumps({"dialog_id": dialogue, "turn_id": number, "context": context, "entity": entity, "rec": rec, **more})


@pytest.fixture
def opendialkg(tmp_path):
    (tmp_path / "entity2id.json").write_text(json.dumps({"Alien": 0, "Heat": 5, "Drama": 7, "Ridley Scott": 9}))
    (tmp_path / "item_ids.json").write_text("[0, 5]")
    about = {"name": "Alien", "year": "1979", "director": ["Ridley Scott"], "actor": ["Ann", "Ann"], "genre": ["Horror"]}
    (tmp_path / "id2info.json").write_text(json.dumps({"0": about}))
    train = [
        turn(1, 1, ["I like Ridley Scott"], ["Ridley Scott"], ["Alien"]),
        turn(2, 3, ["Alien again?", ""], ["Alien", "Alien"], ["Alien"]),
        turn(3, 1, ["quotes what is held"], [], ["Heat"]),
        turn(4, 1, ["a drama"], ["Drama"], ["Drama"]),
    ]
    (tmp_path / "train.jsonl").write_text("\n".join([*train, ""]))
    (tmp_path / "valid.jsonl").write_text(turn(3, 3, ["and then?"], ["heat"], ["Alien", "Heat"]) + "\n")
    return tmp_path


def test_turns_items_and_facts_are_read(opendialkg):
    found = load_dialogues(opendialkg)
    assert {item.item_id: (item.title, item.year, item.genres, item.creators) for item in found.items} == {
        "film-0": ("Alien", 1979, ("Horror",), ("Ridley Scott", "Ann")),
        "film-5": ("Heat", None, (), ()),
    }
    (only,) = found.train
    assert (only.dialogue, only.context, only.mentions, only.targets) == (
        "1",
        ("I like Ridley Scott",),
        ("Ridley Scott",),
        ("film-0",),
    )


def test_what_was_mentioned_is_no_target_and_held_dialogues_are_not_trained_on(opendialkg):
    found = load_dialogues(opendialkg)
    (held,) = found.held
    assert (held.mentioned, held.targets) == (("film-5",), ("film-0",))
    assert "3" not in {turn.dialogue for turn in found.train}
    assert found.facts["left_out_turns"] == 1


def test_redial_names_its_items_by_number_and_what_the_answer_names_is_not_read(tmp_path):
    resource = "<http://dbpedia.org/resource/{}>"
    names = {resource.format("Heat_(1995_film)"): 3, resource.format("Alien_(film)"): 4, resource.format("Israel"): 8}
    (tmp_path / "entity2id.json").write_text(json.dumps(names))
    (tmp_path / "item_ids.json").write_text("[3, 4]")
    (tmp_path / "dbpedia_id2info.json").write_text(json.dumps({"1": {"name": "Heat (1995)", "plot": "Cops.", "star": ["Al"]}}))
    (tmp_path / "valid_data_processed.jsonl").write_text(turn("9", 1, ["", "like Heat (1995)"], ["Heat (1995)"], ["Alien"]) + "\n")
    (tmp_path / "test.jsonl").write_text(turn("t1", 1, ["Hi"], [4, 3], [4], prev_entity=[3, 8]) + "\n")
    found = load_dialogues(tmp_path)
    assert [(item.title, item.year, item.creators, item.description) for item in found.items] == [
        ("Heat", 1995, ("Al",), "Cops."),
        ("Alien", None, (), ""),
    ]
    assert (found.train[0].mentioned, found.train[0].targets) == (("film-3",), ("film-4",))
    assert (found.held[0].mentions, found.held[0].mentioned, found.held[0].targets) == (
        ("Heat", "Israel"),
        ("film-3",),
        ("film-4",),
    )


def test_a_damaged_line_is_named(opendialkg):
    with (opendialkg / "valid.jsonl").open("a") as file:
        file.write('{"dialog_id": 3}\n')
    with pytest.raises(BadExport, match=r"valid\.jsonl.*2"):
        load_dialogues(opendialkg)
    (opendialkg / "valid.jsonl").write_text("{\n")
    with pytest.raises(BadExport, match="JSON"):
        load_dialogues(opendialkg)


def test_folders_without_dialogues_are_refused(tmp_path):
    with pytest.raises(InvalidInput, match="holds no dialogues"):
        load_dialogues(tmp_path)
    with pytest.raises(Unavailable, match="PALATE_DATASETS"):
        load_dialogues("opendialkg")
    with pytest.raises(InvalidInput, match="no folder"):
        load_dialogues("nothing", tmp_path)


@pytest.mark.parametrize(("name", "items", "held"), [("opendialkg", 2965, 781), ("redial", 6281, 3307)])
def test_the_published_folders_are_read_whole(name, items, held):
    root = os.environ.get("PALATE_DATASETS")
    if not root or not (Path(root) / name).is_dir():
        pytest.skip(f"PALATE_DATASETS has no {name}")
    found = load_dialogues(name, Path(root))
    assert (len(found.items), len(found.held)) == (items, held)
    assert not {turn.dialogue for turn in found.train} & {turn.dialogue for turn in found.held}
