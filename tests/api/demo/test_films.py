import csv
from collections import Counter
from importlib import resources

import pytest

from api.demo.films import film_items
from api.demo.world import catalog_items
from api.vocabulary import Vocabulary
from retrieval.base import ItemTable


@pytest.fixture(scope="module")
def vocabulary():
    made = Vocabulary()
    made.renew(ItemTable(catalog_items()))
    return made


def test_each_chinese_title_is_that_of_one_film_in_the_catalog():
    text = (resources.files("api.demo") / "titles_zh.csv").read_text(encoding="utf-8")
    rows = list(csv.DictReader(text.splitlines()))
    films = {(film.title, film.year): film for film in film_items()}
    assert len(rows) > 250
    for row in rows:
        assert set(row["titles_zh"].split(";")) <= set(films[row["title"], int(row["year"])].alt_titles)
    titles = Counter(title for row in rows for title in row["titles_zh"].split(";"))
    assert max(titles.values()) == 1


@pytest.mark.parametrize(
    ("text", "liked", "refused"),
    [
        ("像《异形》但要搞笑的", "Alien", ""),
        ("我喜欢肖申克的救赎，推荐类似的", "The Shawshank Redemption", ""),
        ("变脸那样的动作片", "Face/Off", ""),
        ("有教父吗？", "The Godfather", ""),
        ("终结者2好看吗", "Terminator 2: Judgment Day", ""),
        ("不要再推荐泰坦尼克号了", "", "Titanic"),
        ("不想再看教父", "", "The Godfather"),
        ("不要再给我推荐泰坦尼克号", "", "Titanic"),
        ("我不喜欢星球大战", "", "Star Wars"),
        ("泰坦尼克号好看吗", "Titanic", ""),
        ("有终结者3吗", "", ""),
        ("适合看书的安静音乐", "", ""),
        ("好家伙，这么多恐怖片，来点喜剧", "", ""),
        ("我是毕业生，推荐点励志的", "", ""),
        ("适合出租车司机听的歌", "", ""),
        ("适合钢琴课的音乐", "", ""),
        ("独立日看什么电影", "", ""),
        ("生活多美好啊，来点音乐", "", ""),
        ("来点千钧一发的动作片", "", ""),
        ("夜长梦多，快推荐一部", "", ""),
        ("我想活着", "", ""),
    ],
)
def test_films_are_known_by_their_chinese_titles(vocabulary, text, liked, refused):
    titles = {film.item_id: film.title for film in film_items()}
    assert [titles[one] for one in vocabulary.understand(text).like_item_ids] == ([liked] if liked else [])
    assert [titles[one] for one in vocabulary.refused(text)] == ([refused] if refused else [])
