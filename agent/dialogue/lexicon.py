"""Words that people use for genres, types of items, and refusals, in English and Chinese.

English words are matched whole, in any letter case; Chinese ones wherever they stand.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from palate.domain import ItemType

__all__ = [
    "EMPTY_EN",
    "EMPTY_ZH",
    "FILLERS_EN",
    "GENRE_WORDS",
    "GREETING",
    "MASK",
    "MOODS",
    "NEGATIONS_EN",
    "NEGATIONS_ZH",
    "REMOVALS_EN",
    "REMOVALS_ZH",
    "SAME_GENRES",
    "SUBJECTS",
    "TYPE_WORDS",
    "either",
    "whole",
]

MASK = "\ufffc"
"""Stands in a text for every character that is understood otherwise: of titles, genres, creators."""

# fmt: off
GENRE_WORDS: Mapping[str, tuple[str, ...]] = {
    "Action": ("action", "action-packed", "fights", "explosions", "动作", "打斗", "功夫"),
    "Adventure": ("adventure", "adventures", "adventurous", "quest", "冒险", "历险", "探险"),
    "Animation": ("animation", "animated", "cartoon", "cartoons", "anime", "动画", "动漫", "卡通"),
    "Children's": (
        "children", "children's", "childrens", "kid", "kids", "kid's", "family-friendly", "儿童", "孩子", "小孩", "小朋友",
        "亲子",
    ),
    "Comedy": (
        "comedy", "comedies", "comedic", "comic", "funny", "funnier", "fun", "hilarious", "humor", "humour", "humorous", "laugh",
        "laughs", "make me laugh", "light-hearted", "lighthearted", "喜剧", "搞笑", "好笑", "幽默", "有趣", "轻松", "爆笑",
    ),
    "Crime": (
        "crime", "crimes", "criminal", "gangster", "gangsters", "mafia", "heist", "detective", "犯罪", "黑帮", "警匪",
        "侦探",
    ),
    "Documentary": ("documentary", "documentaries", "true story", "纪录片", "纪录"),
    "Drama": ("drama", "dramas", "dramatic", "moving story", "sad", "tearjerker", "剧情", "感人", "催泪"),
    "Fantasy": ("fantasy", "magic", "magical", "fairy tale", "fairy tales", "wizard", "dragons", "奇幻", "魔幻", "魔法", "童话"),
    "Film-Noir": ("film noir", "film-noir", "noir", "黑色电影"),
    "Horror": (
        "horror", "scary", "scarier", "frightening", "terrifying", "creepy", "spooky", "ghost", "ghosts", "zombie", "zombies",
        "monster", "monsters", "gory", "恐怖", "吓人", "惊吓", "可怕", "鬼片", "僵尸",
    ),
    "Musical": ("musical", "musicals", "歌舞", "音乐剧"),
    "Mystery": ("mystery", "mysteries", "mysterious", "whodunit", "悬疑", "推理", "谜"),
    "Romance": (
        "romance", "romances", "romantic", "love story", "love stories", "love film", "love films", "love movie", "love movies",
        "about love", "date night", "rom-com", "romcom", "爱情", "浪漫", "恋爱",
    ),
    "Sci-Fi": (
        "sci-fi", "scifi", "sci fi", "science fiction", "science-fiction", "space", "outer space", "alien invasion",
        "aliens", "robot",
        "robots", "spaceship", "spaceships", "futuristic", "time travel", "太空", "科幻", "外星", "宇宙", "机器人", "未来世界",
    ),
    "Thriller": ("thriller", "thrillers", "thrilling", "suspense", "suspenseful", "tense", "gripping", "惊悚", "紧张", "刺激"),
    "War": ("war", "wars", "battle", "battles", "soldiers", "military", "战争", "打仗", "军事"),
    "Western": ("western", "westerns", "cowboy", "cowboys", "西部", "牛仔"),
    "Ambient": (
        "ambient", "calm", "calming", "relaxing", "relax", "chill", "meditation", "sleep", "soothing", "氛围", "放松",
        "安静", "冥想",
    ),
    "Baroque": ("baroque", "harpsichord", "bach", "巴洛克", "大键琴", "羽管键琴"),
    "Blues": ("blues", "bluesy", "蓝调", "布鲁斯"),
    "Bossa Nova": ("bossa nova", "bossa", "brazilian", "波萨诺瓦", "巴萨诺瓦"),
    "Chiptune": ("chiptune", "chiptunes", "8-bit", "8 bit", "video game music", "芯片音乐"),
    "Classical": ("classical", "古典"),
    "Drum and Bass": ("drum and bass", "drum & bass", "drum'n'bass", "dnb", "breakbeat", "鼓打贝斯"),
    "Electronic": ("electronic", "electronica", "synth", "electro", "电子"),
    "Film Score": (
        "film score", "film scores", "soundtrack", "soundtracks", "orchestral", "orchestra", "strings", "配乐", "管弦",
    ),
    "Guzheng": ("guzheng", "zheng", "chinese zither", "pentatonic", "古筝", "筝"),
    "Jazz": ("jazz", "jazzy", "swing", "爵士"),
    "Lullaby": ("lullaby", "lullabies", "music box", "bedtime", "摇篮曲", "八音盒"),
    "March": ("march", "marches", "marching band", "进行曲"),
    "Piano": ("piano", "pianos", "钢琴"),
    "Synthwave": ("synthwave", "retrowave", "outrun", "合成器"),
    "Techno": ("techno", "dance music", "club music", "rave", "铁克诺", "舞曲"),
}

SAME_GENRES: Mapping[str, tuple[str, ...]] = {
    "Children's": ("Children", "Kids", "Family"),
    "Sci-Fi": ("Science Fiction", "SciFi"),
    "Film-Noir": ("Noir",),
    "Romance": ("Romantic",),
    "Electronic": ("Electronica", "Techno", "Synthwave", "Ambient", "Drum and Bass"),
    "Classical": ("Baroque", "Orchestral", "Film Score", "Piano"),
    "Guzheng": ("Zheng", "Chinese Zheng", "Gamelan"),
    "Film Score": ("Orchestral", "Strings", "Soundtrack"),
    "Documentary": ("Documentaries",),
}
"""What a catalog may call a genre that it does not have under the first name; all that it has of these are meant."""

SUBJECTS = frozenset(
    (
        "alien invasion", "aliens", "battle", "battles", "cowboy", "cowboys", "detective", "dragons", "explosions", "fairy tale",
        "fairy tales", "fights", "gangster", "gangsters", "ghost", "ghosts", "harpsichord", "heist", "mafia", "magic", "monster",
        "monsters", "outer space", "robot", "robots", "soldiers", "space", "spaceship", "spaceships", "time travel", "wizard",
        "zombie", "zombies", "僵尸", "外星", "机器人", "牛仔", "黑帮", "侦探", "魔法", "太空", "宇宙",
    )
)
"""Words for genres that name what is in an item: "horror without zombies" refuses these, and not all horror."""

TYPE_WORDS: Mapping[ItemType, tuple[str, ...]] = {
    "movie": ("film", "films", "movie", "movies", "cinema", "watch", "电影", "影片", "片子", "大片", "好片"),
    "track": (
        "song", "songs", "music", "track", "tracks", "tune", "tunes", "listen", "album", "音乐", "歌", "曲子", "乐曲", "听",
    ),
    "podcast": ("podcast", "podcasts", "播客"),
    "course": ("course", "courses", "课程", "网课"),
    "article": ("article", "articles", "news", "文章", "新闻"),
    "product": ("product", "products", "商品"),
}

NEGATIONS_EN = (
    "no", "not", "non", "without", "nothing", "never", "avoid", "except", "hate", "dislike", "less", "don't want", "do not want",
    "don't like", "do not like", "don't", "isn't", "aren't", "dont", "dont want", "dont like", "isnt",
    "cant stand", "anything but", "no more", "rather than", "instead of", "tired of",
    "sick of", "fed up with", "had enough of", "can't stand", "cannot stand", "not into", "not a fan of",
    "not keen on", "not in the mood for", "stay away from", "other than", "besides", "apart from", "aside from", "fewer",
)
NEGATIONS_ZH = (
    "不要", "不想看", "不想听", "不想", "不看", "不听", "不喜欢", "不爱", "讨厌", "除了", "别", "没有", "不", "无", "非",
)
REMOVALS_EN = (
    "remove", "drop", "delete", "skip", "hide", "dismiss", "get rid of", "take out", "take away", "take off", "leave out",
    "not interested in", "stop showing me", "stop recommending", "stop suggesting",
)
REMOVALS_ZH = ("去掉", "删掉", "删除", "移除", "拿掉", "跳过", "不感兴趣")
FILLERS_EN = (
    "too", "so", "very", "any", "a", "an", "as", "more", "that", "another", "like", "be", "is", "really", "at all", "the",
    "want",
)

_EMPTY_EN = """
awful bad bored boring come dull horrible terrible wanted
about actually again all already also and another any anything anything's are best better bit but can choice choices could
definitely different does don't earlier else else's even fifth film films find first five for four fourth from get give good
got great had has have haven't hear heard here hmm how i'd i'll i'm i've instead it's just kind know last later less let's
lets like list listen listened little lot make maybe mean modern more movie movies much music my nah need new newer none nope not
now okay old older one ones only option options other others perhaps please prefer rather really recent recommend
recommendation recommendations same second see seen seventh show similar six sixth some something something's song songs sorry
sort still stuff suggest suggestion suggestions sure than thank thanks that that's the them then there these thing things
think third this those though three time too track tracks try two very want was watch watched well what what's with without
would yeah yes yet you your
"""
EMPTY_EN = frozenset(_EMPTY_EN.split())
"""What a follow-up may say without adding to what is looked for."""

EMPTY_ZH = (
    "电影", "影片", "片子", "音乐", "歌曲", "曲子", "推荐", "其他", "其它", "另外", "别的", "一点", "一些", "一下",
    "有没有", "还有", "看看", "听听", "最新", "最近", "更新", "谢谢", "可以", "不错", "什么", "怎么", "这样", "那样", "类似",
    "换成", "无聊", "第一", "第二", "第三", "第四", "第五", "最后",
    *"批太再来点个部些换要更但另只老旧新这那看听过了的吗呢吧啊我你想给有没是和像也还能请片歌首曲好嗯都就早晚多少一二三四五两们",
)

MOODS = (
    "action-packed", "adventurous", "bluesy", "calm", "calming", "chill", "creepy", "dramatic", "frightening", "fun", "funnier",
    "funny", "futuristic", "gripping", "hilarious", "humorous", "jazzy", "light-hearted", "lighthearted", "magical",
    "mysterious", "relaxing", "romantic", "sad", "scarier", "scary", "soothing", "spooky", "suspenseful", "tense", "terrifying",
    "thrilling", "催泪", "刺激", "可怕", "吓人", "好笑", "安静", "幽默", "感人", "搞笑", "放松", "有趣", "浪漫", "紧张", "轻松",
)
"""Words for genres that say of anything how it feels, and do not name the genre."""

# fmt: on


_HELLO = (
    r"(?:hi+|hello+|hey+|hiya|howdy|(?:good )?(?:morning|afternoon|evening)|good day|greetings|(?:你|您|大家)们?好|哈[喽啰罗]|嗨|"
    r"嘿|早上好|上午好|下午好|晚上好|早安|早)(?![a-z])"
)
_OTHER = r"[^\w\u3400-\u9fff]"  # neither a letter nor a Chinese character
GREETING = re.compile(
    rf"{_OTHER}*{_HELLO}(?:{_OTHER}|{_HELLO}|"
    r"(?:there|again|palate|all|everyone|how are you(?: doing)?(?: today)?|what'?s up)(?![a-z])|[呀啊哦吗嘛])*",
    re.ASCII,
)
"""A folded message that greets and says no more."""


def whole(words: Iterable[str]) -> str:
    """Return a pattern of any of the words in a folded text: English ones whole, Chinese ones wherever they stand."""
    every = list(words)
    english, chinese = (either(word for word in every if word.isascii() is ascii_) for ascii_ in (True, False))
    return rf"(?<![a-z])(?:{english})(?![a-z])|{chinese}"


def either(words: Iterable[str]) -> str:
    """Return a pattern of any of the words, the longest first."""
    return "|".join(re.escape(word) for word in sorted(set(words), key=lambda w: (-len(w), w)))
