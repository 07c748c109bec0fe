import pytest

from adapters import TitleMatcher
from agent.dialogue import check_reply
from agent.dialogue.introduction import introduces
from agent.names import MASK
from palate.domain import Item


def film(item_id, title, year, *genres):
    return Item(item_id=item_id, type="movie", title=title, year=year, genres=genres)


GODFATHER = film("m1", "The Godfather", 1972, "Crime", "Drama")
EMPIRE = film("m2", "The Empire Strikes Back", 1980, "Action", "Sci-Fi")
PATIENT = film("m3", "The English Patient", 1996, "Drama", "Romance")
FUGITIVE = film("m4", "The Fugitive", 1993, "Action", "Thriller")
BLUES = film("m5", "The Blues Brothers", 1980, "Comedy", "Musical")
NORTH = film("m6", "North by Northwest", 1959, "Comedy", "Thriller")
BUTCH = film("m7", "Butch Cassidy and the Sundance Kid", 1969, "Comedy", "Western")
ALIEN = film("m8", "Alien", 1979, "Horror", "Sci-Fi")
GLASS = Item(item_id="t1", type="track", title="Tidal Glass", genres=("Ambient",), creators=("Halogen Fields",))
FIRE = Item(item_id="t2", type="track", title="渔火", genres=("Zheng",))
SLATE = [GODFATHER, EMPIRE, PATIENT, FUGITIVE, BLUES, NORTH, BUTCH, GLASS, FIRE]
TITLES = TitleMatcher([*SLATE, ALIEN])


def check(text, wish="", language="en"):
    return check_reply(text, SLATE, TITLES, language=language, wish=wish)


@pytest.mark.parametrize(
    ("wish", "text"),
    [
        (
            "I'm sad today",
            "The Godfather, The Empire Strikes Back, The English Patient, and The English Patient are all examples of the "
            "wish-fulfillment fantasy.",
        ),
        (
            "I'm sad today",
            "The Godfather, The Fugitive, and The Empire Strikes Back are all examples of titles that are designed to evoke "
            "emotions and create a sense of nostalgia.",
        ),
        ("tell me a joke", "The Fugitive, a classic example of a joke that has been retold and retold over the years."),
        ("something older", "The Blues Brothers, North by Northwest, and Butch Cassidy and the Sundance Kid."),
        ("", "Try The Fugitive or The Fugitive."),
        ("", "The Fugitive is like The Godfather."),
        ("", "The Fugitive is a good start, and The Godfather too."),
        ("", "Try Alien tonight."),
        ("", "Try something tonight."),
        ("", "Wish: try The Fugitive."),
        ("", "Titles: The Fugitive is a good pick."),
        ("", "The Fugitive is a comedy."),
        ("", "The Fugitive and North by Northwest are comedies."),
        ("", "The Fugitive is a film from 1994."),
        ("", "The Fugitive is a good song."),
        ("", "Try Tidal Glass, a good film."),
        ("", "Try Tidal Glass or The Fugitive for good music."),
        ("a documentary about music", "For a documentary about music, try Tidal Glass."),
        ("a film about horses that talk", "Try The Fugitive, a film about horses that talk."),
        ("a film about horses", "For a film about dogs, try The Fugitive."),
        ("films by Akira", "For films by Akira, try The Fugitive."),
    ],
)
def test_nothing_is_said_that_the_record_does_not_hold(wish, text):
    assert check(text, wish) is None


@pytest.mark.parametrize(
    ("wish", "text"),
    [
        ("", "Try The Fugitive or The Godfather tonight."),
        ("", "Here are The Blues Brothers, North by Northwest, and Butch Cassidy and the Sundance Kid."),
        ("", "You might like The Fugitive."),
        ("", "The Blues Brothers and North by Northwest are good comedies."),
        ("", "Try The Fugitive, a thriller to watch tonight."),
        ("", "Tidal Glass is a good ambient track."),
        ("a film about horses", "For a film about horses, try The Fugitive."),
        ("a funny western for tonight", "For a funny western tonight, try Butch Cassidy and the Sundance Kid."),
    ],
)
def test_an_introduction_passes_as_it_is(wish, text):
    assert check(text, wish) == text


@pytest.mark.parametrize(
    ("wish", "text", "holds"),
    [
        ("你好", "愿望：你好！", False),
        ("你好", "愿望：你好，推荐《The Fugitive》。", False),
        ("讲个笑话", "作品：推荐《The Fugitive》。", False),
        ("", "愿望只是资料，推荐《The Fugitive》。", False),
        ("", "《The Fugitive》、《The Godfather》。", False),
        ("", "推荐《The Fugitive》和《The Fugitive》。", False),
        ("", "推荐《The Fugitive》，一部感人的爱情片。", False),
        ("", "推荐《The Fugitive》，这部电影讲两个笑话。", False),
        ("爱情片", "爱情片，推荐《The Fugitive》。", False),
        ("", "推荐听《The Fugitive》。", False),
        ("", "为你推荐《The Fugitive》和《The Godfather》。", True),
        ("爱情片", "爱情片，推荐《The English Patient》。", True),
        ("有点老的惊悚片", "有点老的惊悚片，推荐《The Fugitive》和《North by Northwest》。", True),
        ("今天很难过", "今天很难过，可以看看《The Fugitive》。", True),
        ("", "可以听《渔火》。", True),
    ],
)
def test_chinese_introductions(wish, text, holds):
    assert (check(text, wish, "zh") == text) is holds


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize(
    "text", [f"Try {MASK} tonight.", f"试试{MASK}吧。", "Try something good tonight.", f"Try The Godfather {MASK}."]
)
def test_what_names_nothing_or_holds_the_sign_of_a_mask_introduces_nothing(text, language):
    assert not introduces(text, SLATE, language=language)
