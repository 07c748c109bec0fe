"""Names of genres and platforms, and how a person's deeds are told, in English and Chinese."""

from __future__ import annotations

import re
from collections.abc import Sequence

from palate.domain import ItemType, Verb

__all__ = ["GENRE_ZH", "PLATFORM_NAMES", "deed", "detail_terms", "genre_name", "listed", "platform_name", "type_name"]

PLATFORM_NAMES = {
    "movielens": "MovieLens",
    "netflix": "Netflix",
    "palate": "Palate",
    "spotify": "Spotify",
    "youtube": "YouTube",
}

_GENRE_EN = {"Sci-Fi": "science fiction", "Children's": "children's films", "Film-Noir": "film noir"}

GENRE_ZH = {
    "Action": "动作",
    "Adventure": "冒险",
    "Ambient": "氛围音乐",
    "Animation": "动画",
    "Baroque": "巴洛克",
    "Blues": "蓝调",
    "Bossa Nova": "波萨诺瓦",
    "Children's": "儿童",
    "Chiptune": "芯片音乐",
    "Classical": "古典",
    "Comedy": "喜剧",
    "Crime": "犯罪",
    "Documentary": "纪录",
    "Drama": "剧情",
    "Drum and Bass": "鼓打贝斯",
    "Electronic": "电子",
    "Fantasy": "奇幻",
    "Film-Noir": "黑色电影",
    "Horror": "恐怖",
    "Jazz": "爵士",
    "Lullaby": "摇篮曲",
    "March": "进行曲",
    "Musical": "歌舞",
    "Mystery": "悬疑",
    "Piano": "钢琴",
    "Romance": "爱情",
    "Sci-Fi": "科幻",
    "Synthwave": "合成器浪潮",
    "Techno": "铁克诺",
    "Thriller": "惊悚",
    "War": "战争",
    "Western": "西部",
    "Film Score": "电影配乐",
    "Guzheng": "古筝",
}

_DEED_EN = {"movie": "watched", "track": "played", "podcast": "heard", "article": "read", "product": "looked at", "course": "took"}
_DEED_ZH = {"movie": "看过", "track": "听过", "podcast": "听过", "article": "读过", "product": "看过", "course": "学过"}
_TYPE_EN = {"movie": "films", "track": "music"}
_TYPE_ZH = {
    "movie": "电影",
    "track": "音乐",
    "podcast": "播客",
    "article": "文章",
    "product": "商品",
    "course": "课程",
    "post": "帖子",
}
_VERB_EN = {"like": "liked", "rate": "rated", "save": "saved", "purchase": "bought"}
_VERB_ZH = {"like": "喜欢", "rate": "评过", "save": "收藏过", "purchase": "买过"}


def genre_name(genre: str, language: str) -> str:
    """Return a genre as it stands in a sentence; a genre without a translation keeps its own name."""
    if language == "zh":
        return GENRE_ZH.get(genre, genre)
    return _GENRE_EN.get(genre, genre if " " in genre else genre.lower())


def type_name(item_type: ItemType, language: str) -> str:
    """Return what many items of a type are called: "podcasts", 播客."""
    return _TYPE_ZH.get(item_type, item_type) if language == "zh" else _TYPE_EN.get(item_type, f"{item_type}s")


def platform_name(platform: str) -> str:
    """Return a platform as people write it."""
    return PLATFORM_NAMES.get(platform, platform.replace("_", " ").replace("-", " ").title())


def deed(item_type: ItemType, verb: Verb | None, language: str) -> str:
    """Return what a person did with an item, as in "watched" or "看过"."""
    if language == "zh":
        return _VERB_ZH.get(verb or "", _DEED_ZH.get(item_type, "看过"))
    return _VERB_EN.get(verb or "", _DEED_EN.get(item_type, "saw"))


def listed(parts: Sequence[str], language: str) -> str:
    """Return the parts as a list in a sentence: "a, b and c", "a、b和c"."""
    comma, last = ("、", "和") if language == "zh" else (", ", " and ")
    return parts[0] if len(parts) == 1 else comma.join(parts[:-1]) + last + parts[-1]


def detail_terms(detail: str) -> tuple[str, ...]:
    """Return the genres, names or words that the ``detail`` of an evidence lists."""
    body = detail.split(":", 1)[1] if re.match(r"^[a-z]+: ?\S", detail) else detail
    return tuple(part for raw in re.split(r"[,;、]", body) if (part := raw.strip()))
