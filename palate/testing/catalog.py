"""What every catalog must do."""

from __future__ import annotations

from typing import Any

import pytest

from palate.domain import Item
from palate.errors import NotFound

__all__ = ["CatalogContract"]


def _film(number: int, title: str = "") -> Item:
    return Item(item_id=f"film-{number}", type="movie", title=title or f"Film {number}", year=1990 + number, genres=("Drama",))


class CatalogContract:
    """Derive from this and give a fixture ``catalog``: an empty one."""

    @pytest.fixture
    def catalog(self) -> Any:
        raise NotImplementedError("give a fixture 'catalog'")

    def test_an_item_comes_back_as_it_was_put(self, catalog: Any) -> None:
        item = Item(
            item_id="t:1.a@b",
            type="track",
            title='O\'Brien "—" 星球 🎵 %s; DROP TABLE items',
            alt_titles=("x", "y"),
            creators=("A", "B"),
            description="line\nline",
            image="covers/1.png",
            audio="a.ogg",
            attributes={"mood": "calm"},
            origin="me",
            language="zh",
        )
        catalog.put([item])
        assert catalog.get("t:1.a@b") == item

    def test_an_unknown_item_is_not_found(self, catalog: Any) -> None:
        with pytest.raises(NotFound, match="film-404"):
            catalog.get("film-404")

    def test_put_replaces(self, catalog: Any) -> None:
        catalog.put([_film(1)])
        catalog.put([_film(1, "Another")])
        assert len(catalog) == 1
        assert catalog.get("film-1").title == "Another"

    def test_get_many_returns_what_exists(self, catalog: Any) -> None:
        catalog.put([_film(1), _film(2)])
        assert list(catalog.get_many(["film-2", "nothing", "film-1"])) == ["film-2", "film-1"]
        assert catalog.get_many([]) == {}

    def test_all_is_ordered_by_code_point(self, catalog: Any) -> None:
        ids = ["b", "B", "a-2", "a.1", "A", "a10", "a9"]
        catalog.put([Item(item_id=item_id, type="movie", title="x") for item_id in ids])
        assert [item.item_id for item in catalog.all()] == sorted(ids)

    def test_many_items_in_one_call(self, catalog: Any) -> None:
        catalog.put([Item(item_id=f"i{k:05d}", type="movie", title="x") for k in range(1201)])
        assert len(catalog) == 1201
        assert len(list(catalog.all())) == 1201
        assert len(catalog.get_many([f"i{k:05d}" for k in range(1201)])) == 1201

    def test_contains_and_length(self, catalog: Any) -> None:
        assert len(catalog) == 0
        catalog.put([_film(1)])
        assert "film-1" in catalog
        assert "film-2" not in catalog
        assert 7 not in catalog

    def test_the_revision_grows_with_changes(self, catalog: Any) -> None:
        before = catalog.revision
        catalog.put([_film(1)])
        first = catalog.revision
        catalog.put([_film(1, "Another")])
        assert before < first < catalog.revision

    def test_putting_nothing_changes_nothing(self, catalog: Any) -> None:
        before = catalog.revision
        catalog.put([])
        assert catalog.revision == before
