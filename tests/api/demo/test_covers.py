import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from api.demo.covers import FILM_SIZE, MUSIC_SIZE, draw_cover
from api.demo.synth import STYLES
from palate.domain import Item

GENRES = (
    "Action",
    "Adventure",
    "Animation",
    "Children's",
    "Comedy",
    "Crime",
    "Documentary",
    "Drama",
    "Fantasy",
    "Film-Noir",
    "Horror",
    "Musical",
    "Mystery",
    "Romance",
    "Sci-Fi",
    "Thriller",
    "War",
    "Western",
)


def film(item_id="ml-1", title="Alien", genres=("Sci-Fi",), year=1979):
    return Item(item_id=item_id, type="movie", title=title, genres=genres, year=year)


def pixels(item):
    return np.asarray(Image.open(io.BytesIO(draw_cover(item))).convert("RGB"), dtype=np.float64)


@pytest.mark.parametrize("genre", GENRES)
def test_every_genre_has_a_scene_that_repeats_exactly(genre):
    item = film(genres=(genre,))
    first = pixels(item)
    assert first.shape == (FILM_SIZE[1], FILM_SIZE[0], 3)
    assert np.array_equal(first, pixels(item))
    assert first.std() > 15


def test_genres_look_different_and_so_do_two_films_of_one():
    pictures = [pixels(film(genres=(genre,))) for genre in GENRES]
    for index, one in enumerate(pictures):
        assert all(np.abs(one - other).mean() > 8 for other in pictures[index + 1 :])
    assert np.abs(pixels(film("ml-1")) - pixels(film("ml-2"))).mean() > 8


@pytest.mark.parametrize("style", STYLES)
def test_every_style_of_music_has_a_square_sleeve(style):
    item = Item(item_id="pal-1", type="track", title="月下", alt_titles=("Moon",), genres=(style,), creators=("Band",), year=2001)
    assert pixels(item).shape == (*MUSIC_SIZE[::-1], 3)


@pytest.mark.parametrize("genre", GENRES)
def test_title_is_written_light_on_dark(genre):
    foot = pixels(film(genres=(genre,), title="MMMM MMMM MMMM"))[-80:-40].mean(axis=-1)
    ink, ground = np.percentile(foot, 99), np.percentile(foot, 20)
    light = lambda level: (level / 255) ** 2.2  # noqa: E731
    assert (light(ink) + 0.05) / (light(ground) + 0.05) >= 4.5  # WCAG's contrast for text


@settings(max_examples=15, deadline=None)
@given(title=st.text(min_size=1, max_size=500).filter(str.strip), year=st.one_of(st.none(), st.integers(1000, 3000)))
def test_any_title_can_be_set(title, year):
    assert draw_cover(film(title=title, year=year)).startswith(b"\x89PNG")
