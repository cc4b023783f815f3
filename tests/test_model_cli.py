"""The commands for tables of one's own: `fit` a folder, and ask it. The world is a checkerboard of two tastes."""

import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import yaml

from marquee.cli import main
from marquee.model.asked import histories_for
from marquee.model.folder import load_model
from marquee.model.recommender import restored
from marquee.model.stars import NO_MOMENT
from marquee.params import read_params

ROOT = Path(__file__).parent.parent
TITLES = np.array([-7, 0, *range(3, 40), 2**40, 2**63 - 1])  # the even rows of one taste, the odd ones of the other
VIEWERS = np.array([-(2**63), -1, 0, *range(1, 60), 2**33])
SPARK = ["-S", "engine=spark", "recommend", "--model", "MODEL", "--out", "x"]


@dataclass(frozen=True)
class Done:
    code: int
    stdout: str
    stderr: str


Marquee = Callable[..., Done]


def world() -> pl.DataFrame:
    """Every viewer rates most titles of their taste, a few of the other, one a day."""
    rng = np.random.default_rng(3)
    rows = []
    for taste, viewer in enumerate(VIEWERS):
        liked = TITLES[taste % 2 :: 2]
        for day, title in enumerate(rng.permutation(liked)[:14]):
            rows.append((viewer, title, 4.0 + day % 2, 1_500_000_000 + 86_400 * day))
        rows.append((viewer, rng.choice(TITLES[1 - taste % 2 :: 2]), 1.0, 1_500_000_000))
    return pl.DataFrame(
        {
            "user_id": [int(row[0]) for row in rows],
            "title_id": [int(row[1]) for row in rows],
            "rating": [row[2] for row in rows],
            "rated_at": [row[3] for row in rows],
        }
    )


@pytest.fixture
def marquee(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Marquee:
    """The command in this process, in an empty folder: starting it anew for each claim takes seconds."""

    monkeypatch.chdir(tmp_path)

    def run(*arguments: object) -> Done:
        monkeypatch.setattr(sys, "argv", ["marquee", *map(str, arguments)])
        monkeypatch.setenv("COLUMNS", "300")
        capsys.readouterr()
        with pytest.raises(SystemExit) as end:
            main()
        said = capsys.readouterr()
        return Done(int(end.value.code or 0), said.out, said.err)

    return run


@pytest.fixture(scope="module")
def ratings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("world") / "ratings.parquet"
    world().write_parquet(path)
    return path


@pytest.fixture(scope="module")
def fitted(ratings: Path) -> Path:
    """As a user fits it: in a process of its own, in a folder whose params.yaml is somebody else's."""
    folder = ratings.parent / "elsewhere"
    folder.mkdir()
    (folder / "params.yaml").write_text("not: ours\n")
    command = [str(Path(sys.executable).parent / "marquee"), "fit", "--ratings", str(ratings), "--to", "model"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder / "model"


def recommended(marquee: Marquee, fitted: Path, *arguments: object, k: int = 10) -> tuple[pl.DataFrame, Done]:
    done = marquee("recommend", "--model", fitted, *arguments, "--k", k, "--out", "lists.parquet")
    assert done.code == 0, done.stderr
    return pl.read_parquet("lists.parquet"), done


def test_the_shipped_recipe_counts_and_is_kept_with_the_model(fitted: Path) -> None:
    kept = yaml.safe_load(load_model(fitted).texts["params.yaml"])
    shipped = read_params(ROOT / "params.yaml").model_dump(mode="json")
    assert kept == {name: section for name, section in shipped.items() if name not in {"engine", "spark", "loop"}}
    assert {"engine", "spark", "loop"} <= set(shipped)


def test_the_recipe_is_the_projects_params_also_in_a_wheel(tmp_path: Path) -> None:
    command = ["uv", "build", "--wheel", "--offline", "--quiet", "--out-dir", str(tmp_path), str(ROOT)]
    subprocess.run(command, check=True)
    with zipfile.ZipFile(next(tmp_path.glob("*.whl"))) as wheel:
        assert wheel.read("marquee/params.yaml") == (ROOT / "params.yaml").read_bytes()


def test_everybody_gets_a_list_of_their_taste_and_nothing_already_rated(marquee: Marquee, fitted: Path) -> None:
    lists, _ = recommended(marquee, fitted, "--users", "all", k=5)
    assert lists.columns == ["user_id", "title_id", "rank", "score"]
    assert lists["user_id"].unique().sort().to_list() == sorted(VIEWERS.tolist())
    assert lists.join(world(), on=["user_id", "title_id"]).is_empty()
    assert lists["rank"].to_list() == list(range(1, 6)) * len(VIEWERS)
    assert lists.select(pl.col("score").diff().over("user_id").drop_nulls().le(0).all()).item()
    taste = {int(title): row % 2 for row, title in enumerate(TITLES)}
    of_viewer = {int(viewer): row % 2 for row, viewer in enumerate(VIEWERS)}
    fits = [taste[title] == of_viewer[user] for user, title in lists.select("user_id", "title_id").iter_rows()]
    assert np.mean(fits) > 0.95


def test_more_than_there_is_gives_all_there_is_and_none_gives_none(marquee: Marquee, fitted: Path) -> None:
    lists, _ = recommended(marquee, fitted, "--users", "all", k=1000)
    assert lists.height == len(VIEWERS) * len(TITLES) - world().height
    nothing, _ = recommended(marquee, fitted, "--users", "all", k=0)
    assert nothing.is_empty()
    assert nothing.schema == lists.schema


def test_a_stranger_gets_what_is_popular_and_that_is_said_once(marquee: Marquee, fitted: Path) -> None:
    Path("some.csv").write_text("user_id\n424242\n424243\n0\n")
    lists, done = recommended(marquee, fitted, "--users", "some.csv", k=3)
    assert done.stderr.count("\n") == 1
    assert "2 of 3 viewers are unknown to the model" in done.stderr
    first, second = (lists.filter(pl.col("user_id") == user)["title_id"].to_list() for user in (424242, 424243))
    assert first == second
    assert len(first) == 3


def test_a_history_handed_over_counts_at_once_also_of_an_unknown_viewer(marquee: Marquee, fitted: Path) -> None:
    of_one_taste = pl.DataFrame({"user_id": [99] * 3, "title_id": TITLES[[0, 2, 4]], "rating": [5.0] * 3})
    of_other_taste = of_one_taste.with_columns(user_id=pl.lit(100, pl.Int64), title_id=pl.Series(TITLES[[1, 3, 5]]))
    handed = pl.concat([of_one_taste, of_other_taste]).with_columns(rated_at=pl.lit(1_600_000_000))
    handed.write_parquet("histories.parquet")
    lists, _ = recommended(marquee, fitted, "--histories", "histories.parquet", k=5)
    taste = {int(title): row % 2 for row, title in enumerate(TITLES)}
    assert {taste[title] for title in lists.filter(pl.col("user_id") == 99)["title_id"]} == {0}
    assert {taste[title] for title in lists.filter(pl.col("user_id") == 100)["title_id"]} == {1}
    assert lists.join(handed, on=["user_id", "title_id"]).is_empty()


def test_a_history_of_titles_nobody_knows_is_a_strangers(marquee: Marquee, fitted: Path) -> None:
    row = {"user_id": [99], "title_id": [123456], "rating": [5.0], "rated_at": [1_600_000_000]}
    pl.DataFrame(row).write_parquet("histories.parquet")
    lists, done = recommended(marquee, fitted, "--histories", "histories.parquet", k=3)
    assert lists.height == 3
    assert done.stderr.splitlines() == [
        "1 of 1 rows are of titles unknown to the model: they are left out",
        "1 of 1 viewers have rated no title that the model knows: they get what is popular",
    ]


def test_rows_of_titles_nobody_knows_are_counted_and_the_others_count(marquee: Marquee, fitted: Path) -> None:
    rows = pl.DataFrame({"user_id": [1, 1, 2], "title_id": [TITLES[2], 123456, 123457], "rating": 5.0, "rated_at": 4})
    rows.write_parquet("histories.parquet")
    lists, done = recommended(marquee, fitted, "--histories", "histories.parquet", k=3)
    assert lists["user_id"].to_list() == [1] * 3 + [2] * 3
    assert "2 of 3 rows are of titles unknown to the model: they are left out\n" in done.stderr
    assert "1 of 2 viewers have rated no title that the model knows: they get what is popular\n" in done.stderr


def test_who_has_rated_everything_has_no_list_and_that_is_told(marquee: Marquee, fitted: Path) -> None:
    everything = pl.DataFrame({"user_id": 1, "title_id": TITLES, "rating": 3.0, "rated_at": 4})
    other = everything.head(1).with_columns(user_id=pl.lit(2, pl.Int32))
    pl.concat([everything, other]).write_parquet("histories.parquet")
    lists, done = recommended(marquee, fitted, "--histories", "histories.parquet", k=3)
    assert lists["user_id"].unique().to_list() == [2]
    assert "1 of 2 viewers have no list: no title is left that they have not rated" in done.stderr


def test_histories_of_nobody_give_an_empty_table(marquee: Marquee, fitted: Path) -> None:
    Path("histories.csv").write_text("user_id,title_id,rating,rated_at\n")
    lists, done = recommended(marquee, fitted, "--histories", "histories.csv", k=3)
    assert lists.is_empty()
    assert not done.stderr


def test_what_ends_in_csv_is_written_as_csv(marquee: Marquee, fitted: Path) -> None:
    there, _ = recommended(marquee, fitted, "--users", "all", k=3)
    assert marquee("recommend", "--model", fitted, "--users", "all", "--k", 3, "--out", "L.csv").code == 0
    told = pl.read_csv("L.csv", schema=there.schema)
    assert told.drop("score").equals(there.drop("score"))
    assert marquee("stars", "--model", fitted, "--pairs", "L.csv", "--out", "S.CSV").code == 0
    assert pl.read_csv("S.CSV").columns == ["user_id", "title_id", "rating"]


def test_what_viewers_tell_of_themselves_counts_at_once_also_of_strangers(marquee: Marquee) -> None:
    row, number = pl.DataFrame({"user_id": VIEWERS}).with_row_index(), pl.col("index").cast(pl.Int64)
    one_after_another = pl.col("rated_at") + number * 5 * 86_400
    world().join(row, on="user_id").with_columns(rated_at=one_after_another).drop("index").write_parquet("r.parquet")
    home = pl.when(number % 2 == 0).then(pl.lit("north")).otherwise(pl.lit("south"))
    row.select("user_id", gender=pl.lit("other"), region=home).write_parquet("v.parquet")
    done = marquee("fit", "--ratings", "r.parquet", "--viewers", "v.parquet", "--to", "regions")
    assert done.code == 0, done.stderr
    Path("new.csv").write_text("user_id,region\n424242,north\n424243,south\n424244,nowhere\n424245,\n")
    lists, _ = recommended(marquee, Path("regions"), "--users", "new.csv", "--viewers", "new.csv", k=5)
    north, south, nowhere, untold = (
        set(of.get_column("title_id")) for _, of in lists.group_by("user_id", maintain_order=True)
    )
    assert north <= set(TITLES[0::2].tolist())
    assert south <= set(TITLES[1::2].tolist())
    assert nowhere == untold


def test_a_title_that_is_held_to_a_region_is_shown_to_those_who_live_there_alone(marquee: Marquee) -> None:
    world().write_parquet("r.parquet")
    held = dict.fromkeys(TITLES[:4].tolist(), "north|islands")
    rows = (f"{title},{held.get(title, '')}" for title in TITLES.tolist())
    Path("t.csv").write_text("\n".join(["title_id,regions", *rows]))
    done = marquee("fit", "--ratings", "r.parquet", "--titles", "t.csv", "--to", "held")
    assert done.code == 0, done.stderr
    who = {424_242: "", 424_243: "islands", 424_244: "nowhere", 424_245: "north"}
    Path("v.csv").write_text("\n".join(["user_id,region", *(f"{viewer},{home}" for viewer, home in who.items())]))
    lists, _ = recommended(marquee, Path("held"), "--users", "v.csv", "--viewers", "v.csv", k=100)
    assert lists.select("user_id", "rank").rows() == sorted(lists.select("user_id", "rank").rows())
    shown = {viewer: set(of.get_column("title_id")) for (viewer,), of in lists.group_by("user_id")}
    everything, anywhere = set(TITLES.tolist()), set(TITLES[4:].tolist())
    assert shown == dict(zip(who, (anywhere, everything, anywhere, everything), strict=True))
    alike = marquee("similar", "--model", "held", "--title", TITLES[5], "--k", 100)
    assert not {str(title) for title in held} & set(alike.stdout.split())
    unsaid, _ = recommended(marquee, Path("held"), "--users", "all", k=100)
    assert not set(unsaid["title_id"]) & held.keys()


def test_stars_are_told_for_every_pair_in_its_order_also_twice_for_strangers_and_of_unknown_titles(
    marquee: Marquee, fitted: Path
) -> None:
    pairs = pl.DataFrame({"user_id": [1, 1, 424242, 1, 1], "title_id": [3, 0, 3, 123456, 3]})
    pairs.write_parquet("pairs.parquet")
    done = marquee("stars", "--model", fitted, "--pairs", "pairs.parquet", "--out", "stars.parquet")
    assert done.code == 0, done.stderr
    stars = pl.read_parquet("stars.parquet")
    assert stars.select("user_id", "title_id").equals(pairs)
    assert stars["rating"].is_between(0.5, 5).all()
    assert stars["rating"][4] == stars["rating"][0]


def test_stars_are_of_the_moment_that_is_told(marquee: Marquee, fitted: Path) -> None:
    moments = [1_500_000_000, 1_500_000_000 + 86_400 * 13, None]
    Path("pairs.csv").write_text("\n".join(["user_id,title_id,rated_at", *(f"1,3,{at or ''}" for at in moments)]))
    done = marquee("stars", "--model", fitted, "--pairs", "pairs.csv", "--out", "S.parquet")
    assert done.code == 0, done.stderr
    whole = restored(load_model(fitted))
    history, _ = histories_for(whole.histories, np.array([1]))
    at = np.array([NO_MOMENT if moment is None else moment * 1000 for moment in moments])
    expected = whole.stars.predict(history, np.zeros(3, np.int64), np.full(3, TITLES.tolist().index(3)), at)
    assert pl.read_parquet("S.parquet")["rating"].to_list() == pytest.approx(expected.tolist())
    assert len(set(expected.tolist())) > 1


def test_similar_titles_are_of_the_same_taste(marquee: Marquee, fitted: Path) -> None:
    done = marquee("similar", "--model", fitted, "--title", TITLES[4], "--k", 5)
    assert done.code == 0, done.stderr
    ids = [int(line.split()[0]) for line in done.stdout.splitlines()[1:]]
    assert len(ids) == 5
    assert set(ids) <= set(TITLES[0::2].tolist()) - {int(TITLES[4])}


def test_a_title_is_explained_by_titles_of_the_history(marquee: Marquee, fitted: Path) -> None:
    lists, _ = recommended(marquee, fitted, "--users", "all", k=1)
    title = lists.filter(pl.col("user_id") == 1)["title_id"][0]
    done = marquee("explain", "--model", fitted, "--user", 1, "--title", title)
    assert done.code == 0, done.stderr
    sentence, *facts = done.stdout.splitlines()
    assert sentence
    assert [re.fullmatch(r"  (\d+% title -?\d+|\+\d+\.\d{3} [a-z ,-]+)", fact) is not None for fact in facts] == [
        True
    ] * 6


def test_a_title_that_is_rated_is_explained_as_if_it_were_not_and_that_is_said(marquee: Marquee, fitted: Path) -> None:
    for title in world().filter(pl.col("user_id") == 1)["title_id"].to_list()[:4]:
        done = marquee("explain", "--model", fitted, "--user", 1, "--title", title)
        assert done.code == 0, done.stderr
        _, said, *facts = done.stdout.splitlines()
        assert said == "  rated already, so it is in no list; this would be why if it were not"
        assert not [fact for fact in facts if fact.endswith(f"% title {title}")]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["recommend", "--model", "MODEL", "--k", "3", "--out", "x"], "either --users or --histories"),
        (["recommend", "--model", "nowhere", "--users", "all", "--out", "x"], "nowhere: there is nothing, so no model"),
        (["similar", "--model", ".", "--title", "3"], "error: .: no manifest.json, so no model"),
        (
            ["recommend", "--model", "MODEL", "--users", "nowhere.csv", "--out", "x"],
            "--users nowhere.csv: there is no such file",
        ),
        (
            ["recommend", "--model", "MODEL", "--users", "1", "--out", "x"],
            "--users 1: there is no such file; give all, or",
        ),
        (["recommend", "--model", "MODEL", "--users", "all", "--out", "MODEL/x"], "x: it lies in the model"),
        (
            ["recommend", "--model", "nowhere", "--users", "all", "--out", "nowhere/x"],
            "x: it lies in the model nowhere",
        ),
        (["recommend", "--model", "nowhere", "--histories", "FUTURE", "--out", "FUTURE"], "it is read as future.csv"),
        (
            ["recommend", "--model", "nowhere", "--users", "FUTURE", "--out", "LINK"],
            "link.csv: it is read as future.csv",
        ),
        (["recommend", "--model", "nowhere", "--users", "all", "--out", "/proc/x"], "/proc/x: it cannot be written ("),
        (["recommend", "--model", "nowhere", "--users", "all", "--out", "."], ".: a folder; name a file"),
        (["stars", "--model", "nowhere", "--pairs", "FUTURE", "--out", "FUTURE"], "it is read as future.csv"),
        (
            ["stars", "--model", "nowhere", "--pairs", "FUTURE", "--out", "FUTURE/s"],
            "s: it cannot be written (Not a dir",
        ),
        ([*SPARK[:-1], "MODEL/x", "--users", "all"], "x: it lies in the model"),
        ([*SPARK[:-1], "PARENT", "--users", "all"], "lies in it, and would be lost"),
        (["fit", "--ratings", "nowhere.parquet", "--to", "/proc/m"], "/proc/m: no model can be written there ("),
        (["fit", "--ratings", "nowhere.parquet", "--to", "/"], "which is not of a model; name another folder"),
        (["fit", "--ratings", ".", "--to", "x"], ".: a folder, not a table; name a file"),
        (["similar", "--model", "MODEL", "--title", "123456"], "title 123456 is unknown to the model"),
        (["explain", "--model", "MODEL", "--user", "424242", "--title", "3"], "viewer 424242 is unknown to the model"),
        (["explain", "--model", "MODEL", "--user", "1", "--title", "123456"], "title 123456 is unknown to the model"),
        (["fit", "--ratings", "nowhere.parquet", "--to", "x"], "nowhere.parquet: no table that can be read"),
        (["fit", "--ratings", "FUTURE", "--to", "x"], "future.csv: rated_at is in the future in 1 rows"),
        (["recommend", "--model", "MODEL", "--histories", "FUTURE", "--out", "x"], "future.csv: rated_at is in the fu"),
        ([*SPARK, "--users", "all", "--viewers", "v.csv"], "give --users all alone, or ask this machine"),
        ([*SPARK, "--users", "some.csv"], "give --users all alone, or ask this machine"),
        ([*SPARK, "--histories", "h.csv"], "give --users all alone, or ask this machine"),
        (["fit", "--ratings", "RATINGS", "--to", "WORLD"], "which is not of a model; name another folder"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(
    marquee: Marquee, fitted: Path, ratings: Path, arguments: list[str], says: str
) -> None:
    Path("future.csv").write_text("user_id,title_id,rating,rated_at\n1,3,4,2\n1,4,4,4102444800\n")
    Path("link.csv").symlink_to("future.csv")
    places = {"RATINGS": ratings, "WORLD": ratings.parent, "FUTURE": "future.csv", "LINK": "link.csv"}
    places |= {"MODEL": fitted, "PARENT": fitted.parent}
    done = marquee(*(re.sub("^[A-Z]{2,}", lambda name: str(places[name[0]]), argument) for argument in arguments))
    assert done.code == 2
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
    assert says in done.stderr


def test_a_damaged_model_is_not_asked(marquee: Marquee, fitted: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    subprocess.run(["cp", "-r", fitted, copy], check=True)
    (copy / "params.yaml").write_text("changed")
    done = marquee("recommend", "--model", copy, "--users", "all", "--out", "x")
    assert done.code == 2
    assert "params.yaml" in done.stderr


def test_tuning_tells_lines_for_params_and_changes_nothing(marquee: Marquee, ratings: Path) -> None:
    shutil.copy(ROOT / "params.yaml", "params.yaml")
    done = marquee("tune", "--minutes", 0, "--ratings", ratings)
    assert done.code == 0, done.stderr
    table, _, lines = done.stdout.partition("1 tried; the best, for params.yaml:\n")
    assert "NDCG@10" in table
    assert yaml.safe_load(lines)["ranker"] == read_params(ROOT / "params.yaml").ranker.model_dump(mode="json")
    assert Path("params.yaml").read_bytes() == (ROOT / "params.yaml").read_bytes()
