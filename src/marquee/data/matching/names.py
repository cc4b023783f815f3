"""What a title's name says: its core words, the numbers in it, season or volume, edition, and the kind that follows.

"Lord of the Rings, The: The Two Towers (Extended Edition)" and "The Lord of the Rings: The Two Towers" have one core.
A new way of writing names is a line in one of the tables below; `forms` is all that the matcher sees.
"""

import polars as pl

from marquee.text import NUMBERS, unaccented

_ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")
_MARKS = ("part", "pt", "chapter", "episode", "ep", "number", "no", "act")  # "Part 2" is the sequel number 2
_LANGUAGES = "english|spanish|french|german|italian|japanese|hindi|tamil|telugu|malayalam|kannada|marathi|arabic"
_INSTALMENTS = {"season": "s", "series": "s", "vol": "v", "disc": "v", "set": "v", "book": "v", "collection": "v"}
_ARTICLES = "the|a|an|le|la|les|l'|el|los|las|il|lo|gli|i|der|die|das|un|une|una|den|det|de|het|o|os|as"

_NTH = {
    f" {word} {instalment} ": f" {n}th {instalment} "
    for n, word in enumerate(_ORDINALS, 1)
    for instalment in ("season", "series", "vol")
}

_RESPELLED = {
    "½": " 1/2",
    "*": "",
    ";": " : ",
    " - ": " : ",
    " – ": " : ",
    "—": " : ",
    "&": " and ",
    "+": " and ",
    " n' ": " and ",
    " 'n' ": " and ",
    "a.k.a.": " ",
    "(aka ": "( ",
}

_TOKENS = {
    **NUMBERS,
    "volume": "vol",
    "seasons": "season",
    "vols": "vol",
    "volumes": "vol",
    "disk": "disc",
    "miniseries": "mini  series",
    "versus": "vs",
    "mister": "mr",
    "doctor": "dr",
    "saint": "st",
    "fullscreen": "full  screen",
}

_EDITION = (
    r"(?:[:(,] )?\b(?:the )?(?:(?:\d+(?:st|nd|rd|th)?|2 disc|anniversary|special|collector'?s'?|extended|limited|"
    r"deluxe|extreme|platinum|gold|diamond|ultimate|unrated|uncut|uncensored|director'?s'?|theatrical|wide ?screen|"
    r"full screen|restored|remastered|digitally|signature|definitive|criterion|expanded|final|original|"
    rf"international|rated|r|alternate|dvd|blu ray|{_LANGUAGES}) )+(?:edition|version|cut|release)\b"
)
_FORMAT = (
    r"[:(,] (?:unrated|extended|uncut|wide ?screen|full screen|remastered|restored|subtitled|dubbed|letterboxed?|"
    r"superbit|colorized|director'?s'? cut|2 disc|imax|3 ?d|special ed|english dubbed)(?: \)| ?$)|"
    rf"\( (?:in )?(?:{_LANGUAGES}) \)"
)
_SEASON = (
    r"(?:[:(,] )?\b(?:the )?(?:complete )?(?:season|series|vol|disc|set|book|collection) "
    r"\d+(?: (?:(?:and|to) )?\d+)*\b"
)
_NTH_SEASON = r"(?:[:(,] )?\b(?:the )?(?:complete )?(\d+)(?:st|nd|rd|th) (season|series|vol)\b"
_WHOLE_SERIES = r"[:(,] (?:the )?(?:complete (?:series|season|collection)|mini series|limited series|(?:tv )?series)\b"
_WRITTEN_YEAR = r" ?\( ((?:19|20)\d\d)(?: (?:19|20)?\d*)? \) ?$"
_THE_MOVIE = r"(?:[:(,] |\b)the (?:movie|film|motion picture)(?: \))?$|^the (\p{L}.*) movie$"

# How a form was found: the name itself; without what is in brackets; what is in brackets; without its presenter or
# number; only before or after its colon. The later, the weaker.
FULL, BARE, ASIDE, PART, PIECE = range(5)


def forms(names: pl.DataFrame) -> pl.DataFrame:
    """The forms of each name (of row, name, year, kind): one for itself, more where it has brackets or a subtitle."""
    tidy = names.lazy().select("row", _tidy(pl.col("name")).alias("text"), "year", "kind")
    full = _taken_apart(tidy).collect(engine="streaming")
    found = pl.concat([full.with_columns(form=FULL), *_bracketed(full), *_shortened(full)])
    text = pl.col("text")
    read = found.lazy().with_columns(plain=_squeezed(text).hash(), sequel=_numbers(text), core=_core())
    forms = read.drop("text").filter(pl.col("core") != "").collect(engine="streaming")
    return forms.unique(["row", "core", "sequel"], keep="first", maintain_order=True)


def _tidy(name: pl.Expr) -> pl.Expr:
    """Plain letters, words set apart by one space, numbers as digits, articles in front."""
    text = unaccented(name.str.replace_many(_RESPELLED)).str.replace_many(_RESPELLED)
    text = text.str.replace_all(r"\b(\p{L})\.", "$1").str.replace_all(r"[^\p{L}\p{N}:,()']+", " ")
    text = text.str.replace_all(r"(\d),(\d\d\d)", "$1$2").str.replace_all(r"([\p{L}]{3,})(\d+)\b", "$1 $2")
    text = text.str.replace_all(r" ?([:,()]) ?", " $1 ").str.replace_all(r"\s+", "  ")
    text = (pl.lit("  ") + text + "  ").str.replace_many({f" {word} ": f" {new} " for word, new in _TOKENS.items()})
    text = text.str.replace_all(r"\s+", " ").str.replace_many(_NTH).str.strip_chars()
    text = text.str.replace_all(rf"\b({'|'.join([*_MARKS, *_INSTALMENTS])}) (?:i|one)\b", "$1 1")
    text = text.str.replace_all(r"(\w) v( [:,(]|$)", "$1 5$2").str.replace_all(r"(\w) x( [:,(]|$)", "$1 10$2")
    text = text.str.replace_all(rf"\b(?:{'|'.join(_MARKS)}) (\d+)\b", "$1").str.replace_all(r"\bor ([:(])", "$1")
    return _article_in_front(text)


def _article_in_front(text: pl.Expr) -> pl.Expr:
    return text.str.replace(rf"^([^:(]*?) , ({_ARTICLES})( [:(].*|$)", "$2 $1$3")


def _taken_apart(tidy: pl.LazyFrame) -> pl.LazyFrame:
    """What is known beside the words taken out of the text: year, edition, kind, instalment."""
    text = pl.col("text")
    return (
        tidy.with_columns(
            year=pl.coalesce(pl.col("year").cast(pl.Int16), text.str.extract(_WRITTEN_YEAR).cast(pl.Int16)),
            text=text.str.replace(_WRITTEN_YEAR, ""),
        )
        .with_columns(
            whole=_squeezed(text).hash(), text=text.str.replace_all(_EDITION, "").str.replace_all(_FORMAT, "")
        )
        .with_columns(kind=pl.coalesce("kind", _told_kind()), instalment=_instalment())
        .with_columns(_without_instalment().str.replace(_THE_MOVIE, "$1").str.strip_chars(" :,").alias("text"))
    )


def _bracketed(full: pl.DataFrame) -> list[pl.DataFrame]:
    """Names with brackets, without them; and what stands in the brackets. Numbers in brackets belong to the name."""
    text = pl.col("text")
    names = full.filter(text.str.contains(r"\([^()\d]*\)"))
    bare = _article_in_front(text.str.replace_all(r" ?\([^()\d]*\) ?", " ").str.strip_chars())
    aside = _article_in_front(text.str.extract(r"\( ([^()\d]*) \)"))
    cut = (names.with_columns(found.alias("text"), form=form) for found, form in ((bare, BARE), (aside, ASIDE)))
    return [found.filter(text.str.contains(r"\p{L}{3}|^\p{L}\p{L}$")) for found in cut]


def _shortened(full: pl.DataFrame) -> list[pl.DataFrame]:
    """Names without whoever presents them, without the number before a subtitle; only before, only after the colon."""
    text = pl.col("text")
    owned = text.str.extract(r"^(?:\p{L}+ ){0,2}\p{L}{3,}(?:'s|s') (.*\p{L}\p{L} \p{L}\p{L}.*)$")
    by_full_name = text.str.contains(r"^\p{L}+ \p{L}+ ?\p{L}*(?:'s|s') ") & ~text.str.starts_with("the ")
    presented = pl.when(by_full_name).then(owned)
    numberless = text.str.extract(r"^([^:(]*?) \d+ : .*") + text.str.extract(r"^[^:(]*? \d+( : [^\d]{5,})$")
    head = text.str.extract(r"^([^:(]*[^:( ]) (?:: |, or |\( )[^\d]*$")
    tail = text.str.extract(r"^[^:(\d]* : (.*\w \w.*)$")
    cut = ((presented, PART), (numberless, PART), (owned, PIECE), (head, PIECE), (tail, PIECE))
    return [full.with_columns(found.alias("text"), form=form).drop_nulls("text") for found, form in cut]


def _told_kind() -> pl.Expr:
    text = pl.col("text")
    series = text.str.contains(r"\b(?:season|series) \d+\b") | text.str.contains(f"{_NTH_SEASON}|{_WHOLE_SERIES}")
    return pl.when(series).then(pl.lit("series")).when(text.str.contains(_THE_MOVIE)).then(pl.lit("movie"))


def _instalment() -> pl.Expr:
    """What the name is of a series: "s3" its third season, "v1" a first volume, "s" all of it, "m" the movie; or ""."""
    text = pl.col("text")
    kinds = pl.element().str.extract(r"(season|series|vol|disc|set|book|collection) \d").replace_strict(_INSTALMENTS)
    found = text.str.replace_all(_NTH_SEASON, " $2 $1").str.extract_all(_SEASON)
    told = found.list.eval(kinds + _numbers(pl.element())).list.join(" ")
    movie = pl.when(text.str.contains(_THE_MOVIE)).then(pl.lit("m")).otherwise(pl.lit(""))
    return pl.when(told != "").then(told).when(text.str.contains(_WHOLE_SERIES)).then(pl.lit("s")).otherwise(movie)


def _without_instalment() -> pl.Expr:
    text = pl.col("text").str.replace_all(_NTH_SEASON, "").str.replace_all(_SEASON, "").str.replace(_WHOLE_SERIES, "")
    return pl.when(text.str.contains(r"[\p{L}\p{N}]")).then(text).otherwise(pl.col("text")).str.strip_chars(" :,")


def _numbers(text: pl.Expr) -> pl.Expr:
    """Every number of a text, in order of size: names whose numbers differ are different titles."""
    numbers = text.str.extract_all(r"\d+").list.eval(pl.element().str.strip_chars_start("0"))
    return numbers.list.sort().list.join(" ")


def _core() -> pl.Expr:
    """The words without articles and numbers, run together; the number alone where there is nothing else."""
    words = pl.col("text").str.replace_all(r"\b\d+(?:st|nd|rd|th)?\b", "").str.replace_all(r"\b(?:the|a|an)\b", "")
    core = _squeezed(words)
    return pl.when(core == "").then(_squeezed(pl.col("text"))).otherwise(core)


def _squeezed(text: pl.Expr) -> pl.Expr:
    return text.str.replace_all(r"[^\p{L}\p{N}]+", "")
