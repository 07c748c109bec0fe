import pytest

from evals.datasets.dialogues import load_dialogues
from evals.models import Rows


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
def dialogues(dialogue_folder):
    return load_dialogues(dialogue_folder)
