"""The suites of the text tasks: what counts as right, and that what is held out stays out."""

import numpy as np
import pytest

from adapters import TitleMatcher
from agent.dialogue.wishes import Answer, WishReaderConfig
from agent.llm.scripted import ScriptedLLM
from agent.prompts.understand import Asked
from api.demo.world import catalog_items
from api.vocabulary import Vocabulary
from evals.reasons import ReasonCases, ReasonCasesConfig, held_out
from evals.suites.explain import ExplainSuite
from evals.suites.understand import UnderstandSuite, load_wishes, slot_f1, slots
from palate.domain import Interaction, Item, Query
from palate.errors import InvalidInput
from retrieval.base import ItemTable
from retrieval.sources import AttributesSource, EaseSource, LexicalSource, PopSource

GENRES = ("Comedy", "Sci-Fi", "Horror", "Drama")
FILMS = [Item(item_id=f"film-{n}", type="movie", title=f"Reel Number {n}", genres=(GENRES[n % 4],)) for n in range(80)]
ITEMS = FILMS + [Item(item_id=f"tune-{n}", type="track", title=f"Quiet Tune {n}", genres=("Jazz",)) for n in range(20)]


class Likes:
    def interactions(self):
        for person in range(60):
            for place in range(40):
                yield Interaction(f"person-{person:02}", f"film-{(person * 7 + place * 3) % 80}", "like", None, float(place))


@pytest.fixture(scope="module")
def vocabulary():
    made = Vocabulary()
    made.renew(ItemTable(catalog_items()))
    return made


@pytest.fixture(scope="module")
def reasons():
    return ReasonCases(ITEMS, Likes(), lambda table: [PopSource(), EaseSource(), AttributesSource(), LexicalSource()])


@pytest.mark.parametrize(("split", "n"), [("val", 332), ("test", 200)])
def test_the_wishes_are_in_the_catalog_half_of_them_chinese_and_all_different(vocabulary, split, n):
    cases = load_wishes(split)
    assert len({case.text for case in cases}) == len({case.case_id for case in cases}) == n
    assert sum(case.language == "zh" for case in cases) == n // 2
    UnderstandSuite(cases, vocabulary)
    other = Vocabulary()
    other.renew(ItemTable(ITEMS))
    with pytest.raises(InvalidInput, match="lacks"):
        UnderstandSuite(cases, other)


def test_the_parts_share_no_wish():
    test = {case.text for case in load_wishes("test")}
    assert [case.case_id for case in load_wishes("val") if case.text in test] == []


def test_slots_are_counted_one_by_one():
    wanted = slots(Query(text="x", genres=("Comedy",), without_genres=("Horror",), year_min=1990, year_max=1999))
    assert len(wanted) == 4
    assert slot_f1(wanted, wanted) == 1.0
    assert slot_f1(wanted, slots(Query(genres=("Comedy", "Drama"), year_min=1990))) == pytest.approx(2 * 2 / (4 + 3))
    assert slot_f1(frozenset(), frozenset()) == 1.0
    assert slot_f1(frozenset(), wanted) == slot_f1(wanted, None) == slot_f1(frozenset(), None) == 0.0


def test_an_llm_that_writes_what_was_wanted_is_right_and_one_that_chats_is_not(vocabulary):
    from agent.prompts.understand import write_asked

    # Titles and years are the rules', who take a title for liked in one of these.
    suite = UnderstandSuite([case for case in load_wishes("val")[:60] if case.case_id != "val-en-026"], vocabulary)
    answers = iter([write_asked(case.wish) for case in suite.cases])
    right = suite.judge(suite.alone(suite.by_llm(ScriptedLLM(text=lambda prompt: next(answers)))))
    chat = suite.judge(suite.alone(suite.by_llm(ScriptedLLM())))
    assert right.exact.all()
    assert chat.read.sum() == chat.f1.sum() == 0
    report = suite.report({"zero-shot": chat, "tuned": right}, "val")
    (gap,) = report["comparisons"]
    assert gap["slot_f1"] == {"value": 1.0, "low": 1.0, "high": 1.0}
    assert set(report["rows"][1]["by_language"]) == {"en", "zh"}


def test_what_is_served_is_the_llms_word_where_it_leads_and_the_rules_elsewhere(vocabulary):
    suite = UnderstandSuite(load_wishes("val")[:3], vocabulary)
    asked = Asked(genres=("Jazz",))
    sure, unsure = Answer(asked, WishReaderConfig().margin + 0.1), Answer(asked, WishReaderConfig().margin - 0.1)
    rules = suite.by_rules()
    assert suite.served([sure, unsure, None]) == [vocabulary.corrected(suite.cases[0].text, asked), *rules[1:]]


def test_evidence_is_of_one_part_alone_and_the_same_each_time(reasons):
    parts = {held: reasons.draw(40, held=held, config=ReasonCasesConfig(deep=True, per_person=9)) for held in (True, False)}
    for held, cases in parts.items():
        assert len(cases) > 20
        assert {case.language for case in cases} == {"en", "zh"}
        for case in cases:
            named = [case.person_id, case.item.item_id, *case.items, *(e.item_id for e in case.evidence if e.item_id)]
            assert all(held_out(name) is held for name in named)
    assert reasons.draw(40, held=True, config=ReasonCasesConfig(deep=True, per_person=9)) == parts[True]


def test_requests_are_of_people_held_out_one_each_and_the_same_each_time(reasons):
    cases = reasons.requests(6)
    people = [case.cluster for case in cases]
    assert len(set(people)) == len(people) == 6
    assert all(held_out(person) for person in people)
    for case in cases:
        assert {entry.item_id for entry in case.profile.entries} <= case.history_items.keys()
        assert len(case.candidates) > 1
    assert reasons.requests(6) == cases
    assert reasons.requests(3) == cases[:3]


def test_a_reason_passes_only_as_a_whole(reasons):
    cases = reasons.draw(30, held=True)
    suite = ExplainSuite(cases, TitleMatcher(ITEMS), 64)
    facts = [case.fact for case in cases]
    assert suite.judge(facts).all()
    assert not suite.judge([f"{fact} I am sure of it." for fact in facts]).any()
    assert not suite.judge(["It is the best film ever." for _ in facts]).any()
    written = suite.write(ScriptedLLM(text=lambda prompt: "Nothing to say."))
    report = suite.report({"zero-shot": written, "tuned": facts})
    assert [row["passed"]["value"] for row in report["rows"]] == [0.0, 1.0]
    assert report["comparisons"][0]["passed"]["low"] == 1.0
    assert sum(kind["cases"] for kind in report["rows"][0]["by_kind"].values()) == len(cases)
    assert np.isclose(report["rows"][0]["different"], 1 / len(cases))
