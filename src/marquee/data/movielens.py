"""MovieLens as it is downloaded: csv (latest, 20M, 25M, 32M), `::` (1M, 10M) or tabs (100K), in a folder or a zip.

Another edition is one more line in `_EDITIONS`, and how its titles are written in `_records`.
"""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

import polars as pl

from marquee.data.ahead import ahead
from marquee.data.archives import Member, members
from marquee.data.lines import Lines, Record, decoded, pieces, records
from marquee.data.rejects import DOES_NOT_PARSE, Rejects
from marquee.data.titles import titles_table
from marquee.errors import SourceError
from marquee.tables import WHEN

# Tags are free text: those that most viewers gave say what a title is about, the others what one viewer felt.
KEYWORDS = 10

_RATINGS = re.compile(r"(^|/)(ratings\.csv|ratings\.dat|u\.data)$")
_TITLES = re.compile(r"(^|/)(movies\.csv|movies\.dat|u\.item)$")
_TAGS = re.compile(r"(^|/)tags\.(csv|dat)$")

_EDITIONS = {"ratings.csv": ",", "ratings.dat": "::", "u.data": "\t"}
_SCHEMA = {"user_id": pl.UInt32, "title_id": pl.UInt32, "rating": pl.Float32, "seconds": pl.Int64}
_HEADER = "userId,movieId,rating,timestamp"
_LAST_SECOND = 253_402_300_799  # of the year 9999

_NO_GENRE = {"(no genres listed)", "unknown", ""}
_FLAGS = (
    *(
        "unknown",
        "Action",
        "Adventure",
        "Animation",
        "Children's",
        "Comedy",
        "Crime",
        "Documentary",
        "Drama",
        "Fantasy",
    ),
    *("Film-Noir", "Horror", "Musical", "Mystery", "Romance", "Sci-Fi", "Thriller", "War", "Western"),
)

_YEAR = re.compile(r"^(?P<name>.*\S)\s*\((?P<year>\d{4})[-–]?\d*\)\s*$")
_ARTICLES = "The|A|An|Le|La|Les|L'|Un|Une|Il|Lo|I|Gli|El|Los|Las|Der|Die|Das|Den|Det|De|Het|Ein|Eine|En|O|Os|As"
_ARTICLE_LAST = re.compile(rf"(?P<known>a\.k\.a\. )?(?P<name>[^()]+), (?P<article>{_ARTICLES})(?= ?[()]|$)")


def titles(path: Path, rejects: Rejects) -> pl.DataFrame:
    file, text = _only(path, _TITLES, "movies.csv, movies.dat or u.item")
    rows = [_title(record) for record in _records(file, text)]
    told = pl.DataFrame(rows, _TOLD, orient="row")
    keywords = _keywords(path, rejects)
    return titles_table(told.join(keywords, on="title_id", how="left", maintain_order="left"), file, rejects)


def _only(path: Path, wanted: re.Pattern[str], called: str) -> tuple[str, bytes]:
    found = [(member.name, member.read()) for member in members(path, wanted)]
    if len(found) != 1:
        raise SourceError(f"{path}: {_not_one([name for name, _ in found], called)}")
    return found[0]


def _not_one(names: Iterable[str], called: str) -> str:
    held = " and ".join(names)
    return f"holds {held or 'no ' + called}; source.path in params.yaml must lead to one edition of MovieLens"


_TOLD: dict[str, pl.DataType | type[pl.DataType]] = {
    "line": pl.UInt32,
    "text": pl.String,
    "title_id": pl.String,
    "name": pl.String,
    "year": pl.String,
    "genres": pl.List(pl.String),
}


def _title(record: Record) -> tuple[int, str, str | None, str | None, str | None, list[str]]:
    if len(record.cells) != 3:
        return record.line, record.text, None, None, None, []
    title_id, name, genres = record.cells
    name, year = name_and_year(name)
    return (
        record.line,
        record.text,
        title_id,
        name,
        year,
        [genre for genre in genres.split("|") if genre not in _NO_GENRE],
    )


def name_and_year(name: str) -> tuple[str, str | None]:
    """ "Postman, The (Postino, Il) (1994)" is "The Postman (Il Postino)" of 1994."""
    found = _YEAR.match(name)
    bare, year = found.group("name", "year") if found else (name, None)
    return _ARTICLE_LAST.sub(_article_first, bare), year


def _article_first(found: re.Match[str]) -> str:
    known, name, article = found.group("known", "name", "article")
    space = "" if article.endswith("'") else " "
    return f"{known or ''}{article}{space}{name}"


def _records(file: str, text: bytes) -> Iterator[Record]:
    """The rows of a titles or tags file of any edition, without a header: id, name, genres; or user, id, tag, time."""
    match PurePosixPath(file).suffix:
        case ".csv":
            yield from (record for record in records(file, decoded(text)) if record.line > 1)
        case ".dat":
            yield from _lines(decoded(text), "::")
        case _:
            yield from (_without_flags(record) for record in _lines(decoded(text), "|"))


def _lines(text: str, separator: str) -> Iterator[Record]:
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            yield Record(number, line.strip(), tuple(line.strip().split(separator)))


def _without_flags(record: Record) -> Record:
    """A row of u.item, of which the last cells say by 0 and 1 which genres it has."""
    if len(record.cells) != 5 + len(_FLAGS):
        return Record(record.line, record.text, ())
    genres = "|".join(genre for genre, flag in zip(_FLAGS, record.cells[5:], strict=True) if flag == "1")
    return Record(record.line, record.text, (*record.cells[:2], genres))


def _keywords(path: Path, rejects: Rejects) -> pl.DataFrame:
    """title_id (as text) and the tags that most viewers gave it."""
    rows = [
        (member.name, record.line, record.text, *(record.cells[1:3] if len(record.cells) == 4 else (None, None)))
        for member in members(path, _TAGS)
        for record in _records(member.name, member.read())
    ]
    schema = {"file": pl.String, "line": pl.UInt32, "text": pl.String, "title_id": pl.String, "tag": pl.String}
    told = pl.DataFrame(rows, schema, orient="row").with_columns(pl.col("tag").str.strip_chars().str.to_lowercase())
    sound = told["title_id"].str.contains(r"^\d+$").fill_null(value=False) & (told["tag"] != "").fill_null(value=False)
    rejects.add_frame(told.filter(~sound).with_columns(reason=pl.lit(DOES_NOT_PARSE)))
    counted = told.filter(sound).group_by("title_id", "tag").len().sort("len", "tag", descending=[True, False])
    return counted.group_by("title_id").agg(pl.col("tag").head(KEYWORDS).alias("keywords"))


def ratings(path: Path, rejects: Rejects) -> Iterator[pl.DataFrame]:
    for rows, aside in ahead(_read, pieces(_one(path, members(path, _RATINGS)))):
        rejects.add_frame(aside.with_columns(reason=pl.lit(DOES_NOT_PARSE)))
        yield rows


def _one(path: Path, files: Iterable[Member]) -> Iterator[Member]:
    names = []
    for file in files:
        names.append(file.name)
        if len(names) > 1:
            break
        yield file
    if len(names) != 1:
        raise SourceError(f"{path}: {_not_one(names, 'ratings.csv, ratings.dat or u.data')}")


def _read(piece: Lines) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The ratings of a piece, and the lines that are none."""
    file = piece.stretches[0].file
    rows, odd = piece.parsed(_SCHEMA, _EDITIONS[PurePosixPath(file).name])
    # Later than any date that can be told, or before 1970.
    timely = rows["seconds"].is_between(0, _LAST_SECOND)
    odd = pl.concat([odd, rows.filter(~timely)["at"]]).sort()
    aside = _without_header(piece.told(odd), file)
    piece.check_ends(aside)
    rated_at = (pl.col("seconds") * 1000).cast(WHEN).alias("rated_at")
    placed = piece.placed(rows.filter(timely))
    return placed.select("user_id", "title_id", "rating", rated_at, "file", "line"), aside


def _without_header(aside: pl.DataFrame, file: str) -> pl.DataFrame:
    if not file.endswith(".csv"):
        return aside
    first = aside.filter(pl.col("line") == 1)["text"].to_list()
    if first not in ([], [_HEADER]):
        raise SourceError(f"{file}: begins with {first[0]!r}; the ratings of MovieLens begin with {_HEADER}")
    return aside.filter(pl.col("line") > 1)
