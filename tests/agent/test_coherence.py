import pytest

from adapters import TitleMatcher
from agent.guard import check_reason
from palate.domain import Evidence, Item


def film(item_id, title, *genres):
    return Item(item_id=item_id, type="movie", title=title, genres=genres)


STAR_WARS = film("star", "Star Wars", "Action", "Sci-Fi")
INDEPENDENCE = film("inde", "Independence Day", "Action", "Sci-Fi")
PULP = film("pulp", "Pulp Fiction", "Crime")
GODFATHER = film("godf", "The Godfather", "Action", "Crime")
ALIEN, SEVEN = film("alie", "Alien", "Horror"), film("seve", "Seven", "Crime")
FIRE = Item(item_id="fire", type="track", title="渔火", genres=("Zheng",))
LANTERNS = Item(item_id="lant", type="track", title="Lanterns Downriver", genres=("Zheng",))
ITEMS = {item.item_id: item for item in (STAR_WARS, INDEPENDENCE, PULP, GODFATHER, ALIEN, SEVEN, FIRE, LANTERNS)}
TITLES = TitleMatcher(ITEMS.values())


def near(item, platform=None, detail="image"):
    return Evidence(kind="content", source="content", weight=0.5, item_id=item.item_id, platform=platform, detail=detail)


def history(item, platform="netflix"):
    return Evidence(kind="history", source="ease", weight=0.5, item_id=item.item_id, platform=platform)


ASKED = Evidence(kind="attribute", source="attributes", weight=0.4, detail="Sci-Fi")


def check(text, item, *evidence, language="en"):
    return check_reason(text, item, evidence, ITEMS, TITLES, language=language)


@pytest.mark.parametrize(
    ("item", "evidence", "text"),
    [
        (STAR_WARS, near(ALIEN), "Since Alien looks close to Alien, which you named, Star Wars should give you the same rush."),
        (PULP, near(SEVEN), "Since Seven looks close to Seven, which you named, Pulp Fiction should grip you."),
        (GODFATHER, near(PULP), "Since Pulp Fiction, which you named, it reads close to Pulp Fiction."),
        (GODFATHER, near(PULP), "Since Pulp Fiction, which you named, it should grip you."),
        (GODFATHER, near(PULP), "The Godfather looks close to The Godfather, as you named Pulp Fiction."),
        (GODFATHER, near(PULP), "Since Pulp Fiction looks close to this, which you named, it should grip you."),
        (GODFATHER, near(PULP), "It looks close, and you named Pulp Fiction."),
        (GODFATHER, history(PULP), "It looks close to Pulp Fiction, which you watched on Netflix."),
        (
            FIRE,
            near(LANTERNS, "spotify", "audio"),
            "You played Lanterns Downriver, the music in which you watched it should stay with you.",
        ),
        (FIRE, near(LANTERNS, "spotify", "audio"), "Since you watched Lanterns Downriver on Spotify, 渔火 should stay with you."),
        (FIRE, history(ALIEN), "As you watched Alien, the music in which you watched on Netflix should stay with you."),
        (FIRE, history(LANTERNS, "spotify"), "You played Lanterns Downriver on Spotify, so 渔火 is one to watch."),
        (STAR_WARS, history(ALIEN), "Since you listened to Alien on Netflix, Star Wars should suit you."),
        (STAR_WARS, history(ALIEN), "You watched Alien on Netflix, so Star Wars is worth a listen."),
    ],
)
def test_a_reason_that_does_not_hang_together_is_refused(item, evidence, text):
    assert check(text, item, evidence) is None


@pytest.mark.parametrize(
    ("item", "evidence", "text"),
    [
        (STAR_WARS, near(ALIEN), "Since it looks close to Alien, which you named, Star Wars should give you the same rush."),
        (
            PULP,
            near(SEVEN, detail="text"),
            "Since it is close in description to Seven, which you named, Pulp Fiction should grip you.",
        ),
        (GODFATHER, near(PULP, detail="text"), "The Godfather reads much like Pulp Fiction, which you named."),
        (GODFATHER, near(PULP), "Its look is close to that of Pulp Fiction, which you named."),
        (FIRE, near(LANTERNS, "spotify", "audio"), "It sounds close to Lanterns Downriver, which you played on Spotify."),
        (FIRE, history(ALIEN), "You watched Alien on Netflix, and 渔火 is worth a listen."),
        (STAR_WARS, history(ALIEN), "With Alien, which you watched on Netflix, in mind, Star Wars should suit you."),
    ],
)
def test_a_reason_that_hangs_together_passes_as_it_is(item, evidence, text):
    assert check(text, item, evidence) == text


@pytest.mark.parametrize(
    ("item", "evidence", "text", "holds"),
    [
        (INDEPENDENCE, ASKED, "你想要科幻，《Independence Day》的动作应该很像你想要。", False),
        (INDEPENDENCE, ASKED, "你想要科幻，《Independence Day》会让你。", False),
        (INDEPENDENCE, ASKED, "你想要科幻，《Independence Day》的科幻应该很接近。", False),
        (INDEPENDENCE, ASKED, "你想要科幻，《Independence Day》会让你看得痛快。", True),
        (INDEPENDENCE, ASKED, "你提到科幻，《Independence Day》正好符合。", True),
        (INDEPENDENCE, near(ALIEN), "《Alien》的画面很像你提到的《Alien》。", False),
        (INDEPENDENCE, near(ALIEN), "《Alien》的画面很像《Independence Day》。", False),
        (INDEPENDENCE, near(ALIEN), "《Independence Day》的画面很像你提到的《Alien》。", True),
        (INDEPENDENCE, near(ALIEN), "它的画面和你提到的《Alien》很接近。", True),
        (INDEPENDENCE, history(ALIEN), "《Independence Day》的画面很像你在 Netflix 上看过的《Alien》。", False),
        (INDEPENDENCE, history(ALIEN), "因为你在 Netflix 上看过《Alien》，它应该像你在 Netflix 上看。", False),
        (INDEPENDENCE, history(ALIEN), "因为你在 Netflix 上听过《Alien》。", False),
        (INDEPENDENCE, history(ALIEN), "《Alien》你在 Netflix 上看过，它应该合你的口味。", True),
        (FIRE, history(LANTERNS, "spotify"), "因为你在 Spotify 上看过《Lanterns Downriver》。", False),
        (FIRE, history(LANTERNS, "spotify"), "因为你在 Spotify 上听过《Lanterns Downriver》，《渔火》会让你看得痛快。", False),
        (FIRE, history(LANTERNS, "spotify"), "因为你在 Spotify 上听过《Lanterns Downriver》，《渔火》值得一听。", True),
    ],
)
def test_chinese_reasons(item, evidence, text, holds):
    assert (check(text, item, evidence, language="zh") == text) is holds
