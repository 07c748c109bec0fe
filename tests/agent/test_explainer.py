import asyncio
from datetime import UTC, datetime

import pytest

from adapters import TitleMatcher
from agent import Explainer, ExplainerConfig, ScriptedLLM
from agent.guard import check_reason
from agent.prompts.explain import REASON_SCHEMA, read_reason
from palate.deadline import Deadline
from palate.domain import Candidate, Evidence, Item, Profile, ProfileEntry, Query, Request, SourceHit
from palate.errors import ServiceDown

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ITEMS = {
    item.item_id: item
    for item in (
        Item(item_id="fargo", type="movie", title="Fargo", genres=("Crime",)),
        Item(item_id="heat", type="movie", title="Heat", genres=("Crime", "Thriller")),
        Item(item_id="alien", type="movie", title="Alien", genres=("Horror", "Sci-Fi")),
        Item(item_id="mars", type="movie", title="Mars Attacks!", genres=("Comedy", "Sci-Fi")),
        Item(item_id="glass", type="track", title="Tidal Glass", genres=("Ambient",)),
        Item(item_id="light", type="track", title="Slow Light", genres=("Ambient",)),
    )
}
TITLES = TitleMatcher(ITEMS.values())
PROFILE = Profile(
    person_id="ann",
    entries=(
        ProfileEntry(item_id="fargo", platform="netflix", verb="play", at=NOW, weight=1.0),
        ProfileEntry(item_id="heat", platform="movielens", verb="rate", at=NOW, weight=1.0),
        ProfileEntry(item_id="alien", platform="netflix", verb="like", at=NOW, weight=1.0),
        ProfileEntry(item_id="glass", platform="spotify", verb="complete", at=NOW, weight=1.0),
    ),
)


def evidence(kind, weight=1.0, **more):
    return Evidence(kind=kind, source="x", weight=weight, **more)


def candidate(item_id, *found):
    return Candidate(item=ITEMS[item_id], score=1.0, hits=(SourceHit(source="x", rank=1, score=1.0),), evidence=found)


def explain(*chosen, llm=None, language="en", query=None, deadline=None, config=None, **more):
    request = Request(person_id="ann", language=language, query=query or Query(), **more)
    explainer = Explainer(llm, TITLES, config)
    return asyncio.run(explainer.explain(request, PROFILE, chosen, ITEMS, Deadline(deadline)))


WATCHED = evidence("history", item_id="fargo", platform="netflix")
PLAYED = evidence("content", item_id="glass", platform="spotify", detail="audio")


@pytest.mark.parametrize(
    ("item_id", "found", "en", "zh"),
    [
        ("mars", WATCHED, "Because you watched Fargo on Netflix.", "因为你在 Netflix 上看过《Fargo》。"),
        (
            "mars",
            evidence("history", item_id="heat", platform="movielens"),
            "Because you rated Heat on MovieLens.",
            "因为你在 MovieLens 上评过《Heat》。",
        ),
        (
            "light",
            PLAYED,
            "Sounds close to Tidal Glass, which you played on Spotify.",
            "听起来接近你在 Spotify 上听过的《Tidal Glass》。",
        ),
        (
            "mars",
            evidence("attribute", item_id="alien", platform="netflix", detail="Sci-Fi"),
            "Shares science fiction with Alien, which you liked on Netflix.",
            "与你在 Netflix 上喜欢的《Alien》一样：科幻。",
        ),
        ("mars", evidence("attribute", detail="Comedy"), "Shares comedy with what you asked for.", "与你想要的一样：喜剧。"),
        ("mars", evidence("query", detail="attacks"), "Matches attacks in what you asked for.", "符合你说的attacks。"),
        ("mars", evidence("popularity", detail="123"), "Liked by 123 people.", "有123人喜欢。"),
        ("mars", evidence("popularity", detail="1"), "Liked by others too.", "也有别人喜欢。"),
    ],
)
def test_plain_sentences_state_their_evidence(item_id, found, en, zh):
    query = Query(text="funny", genres=("Comedy",))
    for language, text in (("en", en), ("zh", zh)):
        (reason,) = explain(candidate(item_id, found), language=language, query=query).reasons[item_id]
        assert (reason.text, reason.author, reason.evidence) == (text, "template", (found,))
        if found.detail != "1" or language == "en":
            assert check_reason(text, ITEMS[item_id], (found,), ITEMS, TITLES, language=language) == text


def test_reasons_are_grouped_and_bounded():
    found = (
        evidence("history", 0.9, item_id="fargo", platform="netflix"),
        evidence("history", 0.5, item_id="heat", platform="movielens"),
        evidence("history", 0.8, item_id="alien", platform="netflix"),
        evidence("attribute", 0.1, detail="Comedy"),
        evidence("popularity", 0.1, detail="9"),
    )
    reasons = explain(candidate("mars", *found), query=Query(genres=("Comedy",))).reasons["mars"]
    assert [r.text for r in reasons] == [
        "Shares comedy with what you asked for.",
        "Because you watched Fargo on Netflix.",
        "Because you rated Heat on MovieLens.",
    ]


def test_nothing_is_invented():
    explained = explain(candidate("mars"), candidate("light", evidence("history", -1.0, item_id="fargo", platform="netflix")))
    assert explained.reasons == {"mars": (), "light": ()}
    assert explained.degraded == ()


def test_a_platform_that_is_left_out_is_not_named():
    explained = explain(candidate("mars", WATCHED, PLAYED), without_platforms=("netflix",))
    assert [r.evidence for r in explained.reasons["mars"]] == [(PLAYED,)]


def test_prose_that_holds_is_used_with_what_it_cites():
    llm = ScriptedLLM(text=lambda prompt: "Since Fargo caught you on Netflix, its dark humour goes on here.")
    reasons = explain(candidate("mars", WATCHED, PLAYED), llm=llm).reasons["mars"]
    assert [(r.author, r.evidence) for r in reasons] == [("llm", (WATCHED,)), ("template", (PLAYED,))]


@pytest.mark.parametrize(
    "llm",
    [
        ScriptedLLM(text=lambda prompt: "Because you watched Zorblax Rising on Netflix."),
        ScriptedLLM(text=lambda prompt: ""),
        ScriptedLLM(fail=ServiceDown("down")),
        ScriptedLLM(fail=ValueError("a bug")),
    ],
)
def test_other_prose_is_replaced_and_that_is_no_degradation(llm):
    explained = explain(candidate("mars", WATCHED), llm=llm)
    assert [(r.text, r.author) for r in explained.reasons["mars"]] == [("Because you watched Fargo on Netflix.", "template")]
    assert explained.degraded == ()


def test_without_weights_there_are_plain_sentences():
    class Missing(ScriptedLLM):
        def render(self, messages):
            raise ServiceDown("The weights are not there.")

    explained = explain(candidate("mars", WATCHED), llm=Missing())
    assert [r.author for r in explained.reasons["mars"]] == ["template"]
    assert explained.degraded == ()


def test_prose_is_asked_for_only_as_much_as_fits():
    llm = ScriptedLLM()
    chosen = [candidate(item_id, WATCHED) for item_id in ("mars", "heat", "alien")]
    explain(*chosen, llm=llm, deadline=14.0, config=ExplainerConfig(seconds_per_reason=5.0, prose=3))
    assert len(llm.calls) == 2
    assert "Mars Attacks!" in llm.calls[0]


def test_late_prose_is_not_waited_for():
    class Late(ScriptedLLM):
        async def generate(self, prompts, config, deadline):
            await asyncio.sleep(30)

    explained = explain(candidate("mars", WATCHED), llm=Late(), deadline=0.3, config=ExplainerConfig(seconds_per_reason=0.1))
    assert explained.reasons["mars"][0].author == "template"


def test_reasons_that_time_does_not_allow_are_left_out_and_named():
    explained = explain(candidate("mars", WATCHED), candidate("heat", WATCHED), deadline=0.0)
    assert list(explained.reasons) == ["mars"]
    assert explained.degraded == ("explain",)


class Enforcing(ScriptedLLM):
    """Takes a schema, as vLLM does; what it answers is told to it all the same."""

    enforces = frozenset({"json_schema"})

    async def generate(self, prompts, config, deadline):
        self.config = config
        return await super().generate(prompts, config.model_copy(update={"max_tokens": 200}), deadline)


@pytest.mark.parametrize("answer", ["json", "text"])
def test_a_reason_as_json_is_asked_for_where_it_can_be_enforced(answer):
    sentence = "Since Fargo caught you on Netflix, its dark humour goes on here."
    said = {"json": f'{{"reason": "{sentence}"}}', "text": sentence}
    config = ExplainerConfig(answer=answer, max_tokens=40)
    for llm in (Enforcing(text=lambda prompt: said[answer]), ScriptedLLM(text=lambda prompt: sentence)):
        (reason, *_) = explain(candidate("mars", WATCHED), llm=llm, config=config).reasons["mars"]
        assert (reason.text, reason.author) == (sentence, "llm")
        if isinstance(llm, Enforcing):
            assert llm.config.json_schema == (REASON_SCHEMA if answer == "json" else None)
            assert llm.config.max_tokens == (52 if answer == "json" else 40)


@pytest.mark.parametrize("text", ['{"reason": "Because you watched Fargo on', "{}", '{"reason": 7}', '{"other": "x"}', "{[", ""])
def test_json_that_is_cut_short_or_another_gives_the_plain_sentence(text):
    assert read_reason(text) == ""
    llm = Enforcing(text=lambda prompt: text)
    (reason,) = explain(candidate("mars", WATCHED), llm=llm, config=ExplainerConfig(answer="json")).reasons["mars"]
    assert (reason.text, reason.author) == ("Because you watched Fargo on Netflix.", "template")
