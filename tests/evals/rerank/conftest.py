import json

import pytest

from evals.datasets.dialogues import load_dialogues
from evals.models import Rows

WORDS = ("rain", "sun", "snow")


@pytest.fixture(scope="session")
def rows(words):
    return Rows(embedder=words)


@pytest.fixture(scope="session")
def dataset(make_dataset):
    return make_dataset(40, 40, 18)


@pytest.fixture(scope="session")
def history_folder(dataset, tmp_path_factory):
    """The same as files."""
    folder = tmp_path_factory.mktemp("small")
    events, items = dataset.interactions, dataset.items
    lines = [
        f"{dataset.user_ids[u]},{items[i].item_id},{int(at)}"
        for u, i, at in zip(events.users, events.items, events.at, strict=True)
    ]
    (folder / "interactions.csv").write_text("\n".join(["user_id,item_id,timestamp", *lines]) + "\n")
    described = [f"{item.item_id},movie,{item.title}" for item in items]
    (folder / "items.csv").write_text("\n".join(["item_id,type,title", *described]) + "\n")
    return folder


@pytest.fixture(scope="session")
def dialogue_folder(tmp_path_factory):
    """Dialogues in which people who name a film of rain are recommended its neighbour."""
    folder = tmp_path_factory.mktemp("talk")
    names = {f"Film {n} of {WORDS[n % 3]}": n for n in range(30)}
    (folder / "entity2id.json").write_text(json.dumps({**names, "Drama": 99}))
    (folder / "item_ids.json").write_text(json.dumps(list(names.values())))
    about = {
        str(n): {"name": name, "year": str(1980 + n), "genre": ["Drama" if n % 2 else "War"], "director": [f"Ann Maker{n // 3}"]}
        for name, n in names.items()
    }
    (folder / "id2info.json").write_text(json.dumps(about))
    titles = list(names)

    def turn(dialogue, number):
        liked, said = titles[dialogue % 30], titles[(dialogue + 3) % 30]
        context = ["Hello", f"I liked {liked}. Another one, a drama?"]
        row = {"dialog_id": dialogue, "turn_id": number, "context": context, "entity": [liked, "Drama"], "rec": [said]}
        return json.dumps(row)

    (folder / "train.jsonl").write_text("\n".join(turn(d, n) for d in range(30) for n in (1, 3)) + "\n")
    (folder / "valid.jsonl").write_text("\n".join(turn(d, 1) for d in range(30, 40)) + "\n")
    return folder


@pytest.fixture(scope="session")
def dialogues(dialogue_folder):
    return load_dialogues(dialogue_folder)
