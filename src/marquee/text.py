"""Text, cleaned in one place: letters made plain, and words for content similarity (no stop words, stems only).

A language more is its stop words in STOP_WORDS; names of titles are read further in `data/matching/names.py`.
"""

from collections.abc import Iterable

import polars as pl
import Stemmer

# Letters that Unicode does not take apart into a plain one and a mark.
_LETTERS = {
    "ß": "ss",
    "æ": "ae",
    "œ": "oe",
    "ø": "o",
    "ł": "l",
    "đ": "d",
    "ð": "d",
    "þ": "th",
    "ħ": "h",
    "ı": "i",
    "’": "'",
    "‘": "'",
    "ʼ": "'",
    "´": "'",
    "`": "'",
}

_COUNTED = (
    *("two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"),
    *("eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen"),
)
_ROMANS = {"ii": 2, "iii": 3, "iv": 4, "vi": 6, "vii": 7, "viii": 8, "ix": 9, "xi": 11, "xii": 12, "xiii": 13}
_ROMANS |= {"xiv": 14, "xv": 15, "xvi": 16, "xvii": 17, "xviii": 18, "xix": 19, "xx": 20}

# Numbers that are written as words or in Roman figures, as digits; i, v and x are numbers only in some places.
NUMBERS = {word: str(n) for word, n in (*((word, n) for n, word in enumerate(_COUNTED, 2)), *_ROMANS.items())}

STOP_WORDS = frozenset(
    """
    a about above after again against all also am an and any are arent as at be because been before being below between
    both but by can cannot cant could couldnt did didnt do does doesnt doing dont down during each ever every few for
    from further get gets had hadnt has hasnt have havent having he her here hers herself him himself his how however i
    if in into is isnt it its itself just let like may me might more most must my myself no nor not now of off on once
    one only or other our ours ourselves out over own s same shall she should shouldnt so some such t than that thats
    the their theirs them themselves then there these they this those through to too two under until up upon us very was
    wasnt we were werent what when where whether which while who whom whose why will with within without wont would
    wouldnt yet you your yours yourself yourselves
    """.split()  # noqa: SIM905 - one word a line would be a page
)


def unaccented(text: pl.Expr) -> pl.Expr:
    """Lower case, no accents, typewriter apostrophes; punctuation and spaces stay."""
    bare = text.str.normalize("NFKD").str.replace_all(r"\p{M}+", "")
    lower = bare.str.to_lowercase().str.normalize("NFKD").str.replace_all(r"\p{M}+", "")
    return lower.str.replace_many(_LETTERS)


def words(text: str | None) -> list[str]:
    """The stems of one text."""
    cleaned: list[str] = words_of(pl.Series([text], dtype=pl.String)).item().to_list()
    return cleaned


def words_of(texts: pl.Series) -> pl.Series:
    """The stems of many texts, in their order of appearance; of a missing text, none."""
    bare = unaccented(pl.col("text").fill_null("")).str.replace_all(r"'s\b", "").str.replace_all("'", "", literal=True)
    found = texts.alias("text").to_frame().select(bare.str.extract_all(r"[\p{L}\p{N}]+"))
    spoken = found.with_row_index("row").explode("text").drop_nulls("text")
    stems = _stems(spoken["text"].unique())
    kept = spoken.join(stems, on="text", maintain_order="left").group_by("row", maintain_order=True).agg("stem")
    rows = pl.DataFrame({"row": range(len(texts))}, schema={"row": pl.get_index_type()})
    joined = rows.join(kept, on="row", how="left", maintain_order="left")["stem"]
    return joined.fill_null(pl.lit([], dtype=pl.List(pl.String))).alias(texts.name)


def _stems(spoken: pl.Series) -> pl.DataFrame:
    said = [word for word in spoken.to_list() if word not in STOP_WORDS]
    stems = dict(zip(said, _fixed_stems(said), strict=True))
    kept = {word: stem for word, stem in stems.items() if stem not in STOP_WORDS}
    return pl.DataFrame(
        {"text": list(kept), "stem": list(kept.values())}, schema={"text": pl.String, "stem": pl.String}
    )


def _fixed_stems(said: Iterable[str]) -> list[str]:
    """Stems of stems until nothing changes, so that cleaning clean text changes nothing."""
    stemmer = Stemmer.Stemmer("english")
    before: list[str] = list(said)
    while (after := stemmer.stemWords(before)) != before:
        before = after
    return before
