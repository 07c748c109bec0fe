"""Words that people use for genres, types of items, and refusals, in English and Chinese. Data, nothing else.

English words are matched whole, in any letter case; Chinese ones wherever they stand.
"""

from __future__ import annotations

from collections.abc import Mapping

from palate.domain import ItemType

__all__ = [
    "FILLERS_EN",
    "GENRE_WORDS",
    "GREETINGS",
    "NEGATIONS_EN",
    "NEGATIONS_ZH",
    "REMOVALS_EN",
    "REMOVALS_ZH",
    "SAME_GENRES",
    "TYPE_WORDS",
]

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

TYPE_WORDS: Mapping[ItemType, tuple[str, ...]] = {
    "movie": ("film", "films", "movie", "movies", "cinema", "watch", "电影", "影片", "片子", "大片", "好片"),
    "track": (
        "song", "songs", "music", "track", "tracks", "tune", "tunes", "listen", "album", "音乐", "歌", "曲子", "乐曲", "听",
    ),
    "podcast": ("podcast", "podcasts", "播客"),
    "course": ("course", "courses", "课程"),
    "article": ("article", "articles", "文章"),
    "product": ("product", "products", "商品"),
}

NEGATIONS_EN = (
    "no", "not", "non", "without", "nothing", "never", "avoid", "except", "hate", "dislike", "less", "don't want", "do not want",
    "don't like", "do not like", "don't", "isn't", "aren't", "anything but", "no more", "rather than", "instead of", "tired of",
    "sick of",
)
NEGATIONS_ZH = (
    "不要", "不想看", "不想听", "不想", "不看", "不听", "不喜欢", "不爱", "讨厌", "除了", "别", "没有", "不", "无", "非",
)
REMOVALS_EN = (
    "remove", "drop", "delete", "skip", "hide", "dismiss", "get rid of", "take out", "take away", "take off", "leave out",
    "not interested in",
)
REMOVALS_ZH = ("去掉", "删掉", "删除", "移除", "拿掉", "跳过", "不感兴趣")
FILLERS_EN = (
    "too", "so", "very", "any", "a", "an", "as", "more", "that", "another", "like", "be", "is", "really", "at all", "the",
    "want",
)

GREETINGS = (
    "hi", "hello", "hey", "hi there", "hello there", "good morning", "good evening", "你好", "您好", "嗨", "早上好",
    "晚上好",
)
# fmt: on
