"""What the text tasks are trained on."""

import asyncio
from collections import Counter

import numpy as np
import pytest

from adapters import TitleMatcher
from agent.guard import check_reason
from agent.llm.scripted import ScriptedLLM
from agent.prompts.understand import Asked, Draft, Wish, read_asked
from api.demo.world import catalog_items
from api.vocabulary import Vocabulary
from evals.reasons import ReasonCase
from evals.suites.understand import load_wishes
from finetune.explain_task import ExplainTaskConfig, explain_examples
from finetune.reasons import reason_for
from finetune.scores import Scores
from finetune.understand_task import bare, understand_examples
from finetune.wish_words import MUSIC, SPOKEN
from finetune.wishes import Wishes
from finetune.written import FILM, TUNE, WrittenWish, written_wishes
from palate.domain import Evidence, Item
from palate.errors import InvalidInput
from retrieval.base import ItemTable

HEAT = Item(item_id="heat", type="movie", title="Heat", genres=("Crime", "Thriller"), year=1995)
FARGO = Item(item_id="fargo", type="movie", title="Fargo", genres=("Crime",), year=1996)
FACTS = [
    ("history", "", "Because you watched Fargo on Netflix.", "因为你在 Netflix 上看过《Fargo》。"),
    (
        *("content", "text-en", "Is described much like Fargo, which you watched on Netflix."),
        "介绍接近你在 Netflix 上看过的《Fargo》。",
    ),
    (
        *("attribute", "Crime", "Shares crime with Fargo, which you watched on Netflix."),
        "与你在 Netflix 上看过的《Fargo》一样：犯罪。",
    ),
    ("query", "crime", "Matches crime in what you asked for.", "符合你说的crime。"),
    ("popularity", "12", "Liked by 12 people.", "有12人喜欢。"),
]


def case(kind, detail, fact, language):
    named = kind in {"history", "content", "attribute"}
    evidence = Evidence(
        kind=kind,
        source="ease",
        weight=1.0,
        item_id="fargo" if named else None,
        platform="netflix" if named else None,
        detail=detail,
    )
    return ReasonCase(
        case_id=f"{kind}-{language}",
        person_id="ann",
        language=language,
        item=HEAT,
        fact=fact,
        evidence=(evidence,),
        items={"fargo": FARGO} if named else {},
    )


CASES = [case(kind, detail, fact, lang) for kind, detail, en, zh in FACTS for fact, lang in ((en, "en"), (zh, "zh"))]
TITLES = TitleMatcher([HEAT, FARGO])


def test_the_same_seed_draws_the_same_wishes_and_both_languages():
    drawn = [list(Wishes(["Heat"], ["Slow Light"], seed).draw(200)) for seed in (1, 1, 2)]
    assert drawn[0] == drawn[1] != drawn[2]
    assert Counter(language for _, _, language in drawn[0]) == {"en": 100, "zh": 100}
    asked = [wish for _, wish, _ in drawn[0]]
    for name in Wish.model_fields:
        assert sum(bool(getattr(wish, name)) for wish in asked) >= 10, name
    assert sum(wish == Wish() for wish in asked) >= 5


def test_both_languages_have_words_for_the_same_genres():
    for words in (SPOKEN, MUSIC):
        assert set(words["en"]) == set(words["zh"])


def test_every_written_wish_asks_for_what_the_catalog_has_and_none_is_there_twice():
    written = written_wishes()
    vocabulary = Vocabulary()
    vocabulary.renew(ItemTable(catalog_items()))
    assert len({(one.text.casefold()) for one in written}) == len(written) >= 1200
    for one in written:
        assert not one.wish.likes, one.text
        found = vocabulary.resolve(one.wish)
        asked = (one.wish.genres, one.wish.without_genres, one.wish.types)
        assert (found.genres, found.without_genres, found.types) == asked, one.text
    by_language = Counter(one.language for one in written)
    assert min(by_language.values()) >= 0.4 * len(written)
    for language in by_language:
        genres = Counter(genre for one in written if one.language == language for genre in one.wish.genres)
        assert set(genres) == {*SPOKEN[language], *MUSIC[language]}
        assert min(genres.values()) >= 5, genres


def test_no_written_wish_is_held_out():
    items, vocabulary = catalog_items(), Vocabulary()
    vocabulary.renew(ItemTable(items))
    tune = next(item.title for item in items if item.type == "track")
    held = {bare(vocabulary.draft(case.text)) for split in ("val", "test") for case in load_wishes(split)}
    written = [one.text.replace(FILM, "Heat").replace(TUNE, tune) for one in written_wishes()]
    assert not [text for text in written if bare(vocabulary.draft(text)) in held]


def test_a_written_wish_is_drawn_with_titles_and_sometimes_asks_for_more():
    written = [
        WrittenWish(language="en", text="as tense as {t}", wish=Wish(genres=("Thriller",))),
        WrittenWish(language="zh", text="和{m}类似的曲子", wish=Wish(types=("track",))),
    ]
    drawn = list(Wishes(["Heat"], ["Slow Light"], 0, written).draw(600))
    thrillers = [wish for text, wish, _ in drawn if text.casefold() == "as tense as heat"]
    assert thrillers
    assert all(wish == Wish(genres=("Thriller",), likes=("Heat",)) for wish in thrillers)
    tunes = [wish for text, wish, _ in drawn if "类似的曲子" in text]
    assert all("track" in wish.types and wish.likes[0] == "Slow Light" for wish in tunes)
    assert any(wish.without_genres for wish in tunes)
    assert any(wish.year_min or wish.year_max for wish in tunes)
    assert all("{" not in text for text, _, _ in drawn)
    without = list(Wishes(["Heat"], [], 0, written).draw(100))
    assert not [text for text, _, _ in without if "类似的曲子" in text]


def test_training_names_no_title_of_a_held_out_wish():
    cases = load_wishes("test")
    held = sorted({title for case in cases for title in case.wish.likes if title.isascii()})
    items = [Item(item_id=f"m-{n}", type="movie", title=title) for n, title in enumerate([*held, "Zorblax Rising"])]
    vocabulary, seen = Vocabulary(), list[str]()
    vocabulary.renew(ItemTable(items))

    def draft(text):
        seen.append(text)
        return vocabulary.draft(text)

    examples = understand_examples(ScriptedLLM(), "<end>", items, draft, 300)
    assert len(examples) == 300
    assert all(read_asked(example.completion.removesuffix("<end>")) is not None for example in examples)
    own = {case.text for split in ("val", "test") for case in load_wishes(split)}
    drawn = [text for text in seen if text not in own]
    assert any("Zorblax Rising" in text for text in drawn)
    assert not [title for title in held if len(title) > 8 and any(title in text for text in drawn)]


@pytest.mark.parametrize("known", [True, False], ids=["the catalog has the title", "the catalog lacks the title"])
def test_what_the_llm_reads_of_a_held_out_wish_is_not_trained_on(monkeypatch, known):
    """Nor with another title in it."""
    cases = {case.case_id: case for case in load_wishes("test")}
    plain = cases["test-en-001"]
    titled = next(case for case in cases.values() if len(case.wish.likes) == 1 and case.language == "en")
    (title,) = titled.wish.likes
    texts = (f"{plain.text.upper()}!", titled.text.replace(title, FILM))
    assert FILM in texts[1]
    leaks = tuple(WrittenWish(language="en", text=text, wish=Wish()) for text in texts)
    clean = WrittenWish(language="en", text="such a strange one as {t} once more", wish=Wish())
    monkeypatch.setattr("finetune.understand_task.written_wishes", lambda: (*leaks, clean))
    names = [*([title] if known else []), "Zorblax Rising"]
    vocabulary = Vocabulary()
    items = [Item(item_id=f"m-{n}", type="movie", title=name) for n, name in enumerate(names)]
    vocabulary.renew(ItemTable(items))
    examples = understand_examples(ScriptedLLM(), "<end>", items, vocabulary.draft, 200)
    read = {bare(Draft(text=example.prompt.split("Wish: ")[1].split("\nDraft:")[0], asked=Asked())) for example in examples}
    assert any("suchastrangeoneasxoncemore" in text for text in read)
    assert bare(vocabulary.draft(plain.text)) not in read
    assert bare(vocabulary.draft(titled.text.replace(title, "Zorblax Rising"))) not in read


@pytest.mark.parametrize("one", CASES, ids=lambda one: one.case_id)
def test_a_training_reason_passes_the_check_and_is_put_in_several_ways(one):
    rng = np.random.default_rng(0)
    found = {reason_for(one, TITLES, rng) for _ in range(40)}
    assert None not in found
    assert len(found) >= 3
    assert all(check_reason(text, HEAT, one.evidence, one.items, TITLES, language=one.language) == text for text in found)


def test_by_default_each_example_is_read_once_and_no_step_is_left_out() -> None:
    config = ExplainTaskConfig()
    assert config.trainer.last == config.trainer.steps == config.examples // config.trainer.batch


def test_reasons_that_serving_would_cut_are_left_out():
    config = ExplainTaskConfig(examples=100, reason_tokens=12)
    llm = ScriptedLLM()
    examples = explain_examples(llm, "<end>", CASES * 10, TITLES, config)
    assert examples
    assert all(llm.count_tokens(example.completion.removesuffix("<end>")) <= 12 for example in examples)
    assert len(explain_examples(llm, "<end>", CASES * 10, TITLES, config.model_copy(update={"examples": 8}))) == 8


@pytest.mark.slow
def test_a_text_task_is_trained_measured_and_written(tmp_path):
    from agent.llm.embedded import EmbeddedLLM
    from finetune import DataRef, LoraRegistry, ScoresRef
    from finetune.job import base_model, finish
    from finetune.lora import LoraTrainerConfig
    from finetune.text_job import Judged, TextEvaluator, TextJob, TextMeasure, train_text

    base, llm = base_model(None, tmp_path), EmbeddedLLM(None, tmp_path, 1)
    trainer = LoraTrainerConfig(rank=2, top_layers=1, steps=2, batch=2, group=2, threads=1)
    examples = explain_examples(llm, base.end, CASES, TITLES, ExplainTaskConfig(examples=8))
    names = []

    def judge(model, progress):
        names.append(model.name)
        prompt = examples[0].prompt
        from palate.deadline import Deadline
        from palate.prompting import GenerateConfig

        (text,) = asyncio.run(model.generate([prompt], GenerateConfig(max_tokens=4), Deadline(None)))
        return Judged(np.full(3, len(text) > 0, np.float32), {"length": np.full(3, len(text), np.float32)})

    ref = ScoresRef(metric="passed", data="a" * 64, split="test", protocol="three", cases=3)
    ids = np.array(["a", "b", "c"])
    data = (DataRef(name="reasons", sha256="b" * 64, terms="ours"),)
    said = {"trainer": trainer.model_dump(mode="json")}
    measure = TextMeasure("explain", "explain-v2", ref, ids, ids, judge)
    job = TextJob(examples, data, trainer, said, measure)
    card = train_text(job, base, llm, None, tmp_path / "out")
    asyncio.run(llm.close())
    assert names == ["smollm2-135m-instruct", "smollm2-135m-instruct+explain"]
    assert set(card.metrics) == {"passed", "length", "passed.zero-shot", "length.zero-shot"}
    assert LoraRegistry(tmp_path / "lora", tmp_path / "none").add(tmp_path / "out", card) == card.version
    evaluate = TextEvaluator(measure, None, tmp_path, 1)
    names.clear()
    again = [evaluate(tmp_path / "out", "explain") for _ in range(2)]
    kept = Scores.read(tmp_path / "out", card.scores)
    assert all((one.value.tolist(), one.baseline.tolist()) == (kept.value.tolist(), kept.baseline.tolist()) for one in again)
    assert names == ["zero-shot", *["smollm2-135m-instruct+explain"] * 2]
    with pytest.raises(InvalidInput, match="for 'explain', not for 'understand'"):
        evaluate(tmp_path / "out", "understand")
    for other in ({"base": card.base.model_copy(update={"sha256": "c" * 64})}, {"prompt_version": "explain-v1"}):
        finish(tmp_path / "out", card.model_copy(update={**other, "files": {}, "version": ""}), kept)
        with pytest.raises(InvalidInput, match=r"other weights|'explain-v1'"):
            evaluate(tmp_path / "out", "explain")
