"""The learned order of requests in words, from small dialogues in which people are told the neighbour of what they name."""

import shutil

import pytest

from agent.rank_order import NEVER
from evals.datasets.dialogues import load_dialogues
from evals.models import Rows
from evals.rerank import Conversation, ScoredCases
from finetune.order_card import SHIPPED_ORDER, OrderCard, read_word_order
from finetune.rank_trees import RankTreesConfig
from finetune.word_order import WordOrder, WordOrderConfig
from palate.errors import InvalidInput, MissingWeights
from retrieval.learned_trees import TreesConfig

SMALL = WordOrderConfig(order=RankTreesConfig(trees=TreesConfig(trees=30, leaves=4, min_leaf=5, models=2), folds=2))


@pytest.fixture(scope="module")
def rows(words):
    return Rows(embedder=words)


@pytest.fixture(scope="module")
def trained(rows, dialogue_folder, tmp_path_factory):
    folder = tmp_path_factory.mktemp("orders") / "order"
    return folder, WordOrder(rows, None, [str(dialogue_folder)], config=SMALL).train(folder)


def test_what_is_trained_is_read_again_and_orders_better_than_the_retriever(trained, rows, dialogue_folder):
    folder, card = trained
    assert set(card.files) == {"fusion-0.txt", "fusion-1.txt"}
    assert card.metrics["fast.ndcg@10"].value > card.metrics["retrieval.ndcg@10"].value
    order = read_word_order(folder)
    assert order.alone
    assert order.margin == NEVER
    dialogues = load_dialogues(dialogue_folder)
    cases = Conversation(dialogues, rows.live_sources).cases(dialogues.train, dialogues.held)
    values = ScoredCases(cases).judged(0.0, order).values
    assert values["fast"].mean() > values["retrieval"].mean()
    assert (values["fused"] == values["fast"]).all()


def test_a_folder_with_something_in_it_is_left_alone(trained, rows, dialogue_folder):
    with pytest.raises(InvalidInput, match="not empty"):
        WordOrder(rows, None, [str(dialogue_folder)]).train(trained[0])


def test_no_dialogues_are_refused(rows):
    with pytest.raises(InvalidInput, match="No dialogues"):
        WordOrder(rows, None, [])


@pytest.mark.parametrize("harm", ["changed", "gone", "no card", "other columns"])
def test_an_order_that_is_not_whole_is_refused(trained, tmp_path, harm):
    folder = tmp_path / "order"
    shutil.copytree(trained[0], folder)
    if harm == "changed":
        with (folder / "fusion-0.txt").open("a") as file:
            file.write("\n")
    elif harm == "gone":
        (folder / "fusion-1.txt").unlink()
    elif harm == "no card":
        (folder / "card.json").unlink()
    else:
        card = OrderCard.model_validate_json((folder / "card.json").read_text())
        (folder / "card.json").write_text(card.model_copy(update={"columns": "0" * 64}).model_dump_json())
    with pytest.raises(MissingWeights, match="cannot be used"):
        read_word_order(folder)


def test_the_one_that_comes_with_the_product_is_whole_and_says_what_it_reached():
    assert read_word_order().alone
    card = OrderCard.model_validate_json((SHIPPED_ORDER / "card.json").read_text())
    assert card.metrics["fast.ndcg@10"].low > card.metrics["retrieval.ndcg@10"].high
    assert all(ref.terms for ref in card.data)
