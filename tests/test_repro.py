"""The pipeline as a user runs it: a fresh project, `dvc repro`, and what lies there afterwards."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
import yaml

from marquee.tables import INTERACTIONS, LISTS, RATINGS, TITLES
from tests.tiny import ROOT, change, lay_out

SMALL = {"viewers": 60, "titles": 80, "ratings": 1500}
# The first test waits for the whole pipeline.
pytestmark = pytest.mark.timeout(600)

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone of the project with a tiny demo world in its params, and the pipeline run once."""
    folder = tmp_path_factory.mktemp("project")
    lay_out(folder, *(f"demo_world.{name}={number}" for name, number in SMALL.items()))
    run(folder, "dvc", "repro").check_returncode()
    shutil.copytree(ROOT / ".dvc/plots", folder / ".dvc/plots")
    return folder


def run(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "DVC_NO_ANALYTICS": "1", "COLUMNS": "200"}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def test_the_pipeline_leaves_the_two_tables(project: Path) -> None:
    titles = TITLES.check(pl.read_parquet(project / "data/tables/titles.parquet"))
    ratings = RATINGS.check(pl.read_parquet(project / "data/tables/ratings.parquet"))
    assert titles.height == SMALL["titles"]
    assert ratings.height > SMALL["ratings"] * 0.9
    assert ratings["title_id"].is_in(titles["title_id"].implode()).all()
    assert (titles["genres"].list.len() > 0).mean() > 0.8  # type: ignore[operator]


def test_the_pipeline_leaves_a_model_that_recommends_and_what_it_is_worth(project: Path, tmp_path: Path) -> None:
    interactions = INTERACTIONS.check(pl.read_parquet(project / "data/tables/interactions.parquet"))
    asked = [
        "recommend",
        "--model",
        "data/model",
        "--users",
        "all",
        "--k",
        "5",
        "--out",
        str(tmp_path / "lists.parquet"),
    ]
    done = run(project, "marquee", *asked)
    assert done.returncode == 0, done.stderr
    lists = LISTS.check(pl.read_parquet(tmp_path / "lists.parquet"))
    assert lists["user_id"].n_unique() == interactions["user_id"].n_unique()
    pair = [pl.col("user_id", "title_id").cast(pl.Int64)]
    assert lists.select(pair).join(interactions.select(pair), on=["user_id", "title_id"]).is_empty()
    assert "NDCG@10" in (project / "data/reports/evaluation.md").read_text("utf-8")


def test_predicted_stars_are_measured_later_in_folds_and_on_the_probe(project: Path) -> None:
    measured = json.loads((project / "data/metrics/stars.json").read_text("utf-8"))
    probe = pl.read_parquet(project / "data/tables/probe.parquet")
    known = pl.read_parquet(project / "data/tables/interactions.parquet")
    both = probe.cast(pl.Int64).join(known.cast({"user_id": pl.Int64, "title_id": pl.Int64}), on=probe.columns)
    assert measured["probe"]["blend"]["pairs"] == both["rating"].count() > 50
    assert all(0.3 < measured[asked]["blend"]["rmse"] < 1.5 for asked in ("by_time", "random_folds", "probe"))
    for told in (measured["by_time"], measured["random_folds"], measured["probe"]):
        segments = told["blend of segments"]
        assert segments["old titles"]["pairs"] + segments["new titles"]["pairs"] == told["blend"]["pairs"]
        of_viewers = [of["pairs"] for name, of in segments.items() if name.endswith("viewers") or name == "strangers"]
        assert sum(of_viewers) == told["blend"]["pairs"]
    points = pl.read_csv(project / "data/plots/stars.csv")
    per_way = points.group_by("asked").agg(pl.col("ratings").sum())
    assert dict(per_way.iter_rows()) == {
        way: measured[way]["blend"]["pairs"] for way in ("by_time", "random_folds", "probe")
    }


def test_a_damaged_model_is_refused(project: Path, tmp_path: Path) -> None:
    shutil.copytree(project / "data/model", tmp_path / "model")
    os.truncate(tmp_path / "model/ranker_0.txt", 100)
    failed = run(project, "marquee", "similar", "--model", str(tmp_path / "model"), "--title", "1")
    assert failed.returncode == 2
    assert "ranker_0.txt: 100 bytes, the manifest says" in failed.stderr


def test_nothing_runs_twice(project: Path) -> None:
    again = run(project, "dvc", "repro")
    assert "up to date" in again.stdout
    assert "Running stage" not in again.stdout


def test_metrics_are_there_to_show_and_to_compare(project: Path) -> None:
    shown = run(project, "dvc", "metrics", "show", "--json")
    by_file = json.loads(shown.stdout)[""]["data"]
    assert by_file["data/metrics/titles.json"]["data"]["titles"] == SMALL["titles"]
    assert by_file["data/metrics/ratings.json"]["data"]["users"] <= SMALL["viewers"]


def test_every_stage_that_measures_tells_what_it_cost(project: Path) -> None:
    stages = yaml.safe_load((project / "dvc.yaml").read_text("utf-8"))["stages"]
    files = [file for stage in stages.values() for metrics in stage.get("metrics", ()) for file in metrics]
    assert files == [f"data/metrics/{name}.json" for name in stages if name != "demo_world"]
    for file in files:
        told = json.loads((project / file).read_text("utf-8"))
        assert told["seconds"] >= 0, file
        assert told["peak_mb"] > 0, file


def test_the_whole_evaluation_has_every_source_in_every_cut_and_segment(project: Path) -> None:
    whole = pl.read_csv(project / "data/reports/evaluation.csv")
    measured = json.loads((project / "data/metrics/evaluate.json").read_text("utf-8"))
    expected = {
        (cut, segment, of)
        for cut, told in measured.items()
        if isinstance(told, dict)
        for segment in told["ndcg@10 of segments"]
        for of in ("hybrid", *told["ndcg@10 of sources"])
    }
    assert whole.select("cut", "segment", "list").rows() != []
    assert sorted(whole.select("cut", "segment", "list").rows()) == sorted(expected)
    assert measured["live"]["hybrid"].keys() <= set(whole.columns)
    sources = whole.filter((pl.col("list") != "hybrid") & (pl.col("viewers") > 1))
    assert sources.select(pl.col("^ndcg@10_(gap|low|high)$").is_not_null().all()).row(0) == (True, True, True)


def test_plots_are_drawn_from_columns_that_are_there(project: Path, tmp_path: Path) -> None:
    run(project, "dvc", "plots", "show", "--out", str(tmp_path)).check_returncode()
    page = (tmp_path / "index.html").read_text("utf-8")
    specs = [json.loads(spec) for spec in re.findall(r"var spec = (.*?);\n\s*vegaEmbed", page, re.DOTALL)]
    assert len(specs) == 4
    for spec in specs:
        columns = spec.pop("data")["values"][0].keys() | {"at", "end", "top", "on"}  # the last are made in a spec
        assert set(re.findall(r'"field": "(.*?)"', json.dumps(spec))) <= columns
        assert "<DVC" not in json.dumps(spec)


def test_a_history_from_elsewhere_is_matched_and_imported_once(project: Path, tmp_path: Path) -> None:
    movies = pl.read_parquet(project / "data/tables/titles.parquet").filter(pl.col("kind") == "movie").head(5)
    rows = [
        f'2005-03-0{n},"{title["name"]}",{title["year"]},u' for n, title in enumerate(movies.iter_rows(named=True), 1)
    ]
    (tmp_path / "watched.csv").write_text(
        "\n".join(["Date,Name,Year,Letterboxd URI", *rows, "2005-03-09,No Such,1999,u"])
    )
    command = ["marquee", "import-history", str(tmp_path / "watched.csv"), "--user-id", "77"]
    first, again = (run(project, *command, "--database", f"sqlite:///{tmp_path}/events.db") for _ in range(2))
    assert "Letterboxd watched: matched 5 of 6" in first.stdout
    assert "missing No Such (1999)" in first.stdout
    assert "5 new events, 0 known already, 0 refused" in first.stdout
    assert "0 new events, 5 known already, 0 refused" in again.stdout


def test_the_probe_pairs_become_a_table(project: Path, tmp_path: Path) -> None:
    run(project, "marquee", "pairs", "probe", "--into", str(tmp_path)).check_returncode()
    assert pl.read_parquet(tmp_path / "tables/probe.parquet").columns == ["user_id", "title_id"]


def own_data(project: Path, folder: Path, *rows: str) -> subprocess.CompletedProcess[str]:
    """Both stages on a csv of one's own; the outcome of the second."""
    (folder / "ratings.csv").write_text("\n".join(["user_id,title_id,rating,rated_at", *rows]), "utf-8")
    source = ["source.format=own", f"source.path={folder}", f"catalogue.metadata={folder}"]
    changes = [word for change in source for word in ("--set", change)]
    run(project, "marquee", *changes, "titles", "--into", str(folder / "out")).check_returncode()
    return run(project, "marquee", *changes, "ratings", "--into", str(folder / "out"))


def test_another_source_is_a_change_of_two_params(project: Path, tmp_path: Path) -> None:
    done = own_data(project, tmp_path, "1,2,4.5,2020-01-01")
    assert done.returncode == 0, done.stderr
    ratings = RATINGS.check(pl.read_parquet(tmp_path / "out/tables/ratings.parquet"))
    assert ratings.select("user_id", "title_id", "rating").rows() == [(1, 2, 4.5)]


def test_metadata_that_is_mostly_rubbish_fails_the_titles(project: Path, tmp_path: Path) -> None:
    (tmp_path / "ratings.csv").write_text("user_id,title_id,rating,rated_at\n1,2,4.5,2020-01-01", "utf-8")
    header = (project / "data/demo/netflix_titles.csv").read_text("utf-8").split("\n")[0]
    (tmp_path / "netflix_titles.csv").write_text(f"{header}\ns1,Movie\ns2,Movie\n", "utf-8")
    changes = ["-S", "source.format=own", "-S", f"source.path={tmp_path}", "-S", f"catalogue.metadata={tmp_path}"]
    failed = run(project, "marquee", *changes, "titles", "--into", str(tmp_path / "out"))
    assert failed.returncode == 2
    assert "metadata: 2 of 2 lines set aside" in failed.stderr


def test_a_source_that_is_mostly_rubbish_fails_and_keeps_what_it_set_aside(project: Path, tmp_path: Path) -> None:
    failed = own_data(project, tmp_path, "1,2,4.5,2020-01-01", "x,2,4,2020-01-01", "1,3,9,2020-01-01")
    assert failed.returncode == 2
    assert "2 of 3 lines set aside" in failed.stderr
    assert "Traceback" not in failed.stderr
    rejects = (tmp_path / "out/rejects/ratings.csv").read_text("utf-8")
    assert "ratings.csv,3," in rejects
    assert "ratings.csv,4," in rejects
    assert not (tmp_path / "out/tables/ratings.parquet").exists()


def made(project: Path) -> dict[str, str]:
    """The hash of whatever stages made, but for metrics: they tell how long it took."""
    stages = yaml.safe_load((project / "dvc.lock").read_text("utf-8"))["stages"].values()
    outs = [out for stage in stages for out in stage["outs"]]
    return {out["path"]: out["md5"] for out in outs if not out["path"].startswith("data/metrics/")}


def test_two_runs_make_the_same_bytes(project: Path) -> None:
    first = made(project)
    run(project, "dvc", "repro", "--force", "--no-run-cache").check_returncode()
    assert {"data/model", "data/cuts", "data/retrieved", "data/ranked", "data/stars", "data/plots/stars.csv"} <= set(
        first
    )
    assert made(project) == first


@pytest.mark.parametrize(
    ("number", "readers"),
    [
        ("evaluate.folds=2", {"stars"}),
        ("evaluate.draws=201", {"evaluate"}),
        ("arrange.exploration=0.2", {"recommender"}),
        ("arrange.diversity=0.1", {"evaluate", "recommender"}),
        ("engine=spark", {"ratings", "interactions", "split", "retrieve", "stars", "evaluate"}),
    ],
)
def test_a_number_touches_only_stages_that_read_it(project: Path, number: str, readers: set[str]) -> None:
    before = (project / "params.yaml").read_text("utf-8")
    change(project, number)
    touched = run(project, "dvc", "status", "--json")
    (project / "params.yaml").write_text(before, "utf-8")
    assert set(json.loads(touched.stdout)) == readers


@pytest.mark.parametrize(
    ("number", "needed"),
    [
        ("ranker.rounds=11", {"rank", "evaluate", "recommender"}),
        ("stars.blend.trees=11", {"stars", "recommender"}),
    ],
)
def test_a_number_runs_only_what_depends_on_it(project: Path, number: str, needed: set[str]) -> None:
    change(project, number)
    again = run(project, "dvc", "repro")
    assert set(re.findall(r"Running stage '(\w+)'", again.stdout)) == needed, again.stderr


def test_what_viewers_did_since_is_in_the_next_interactions(project: Path) -> None:
    before = pl.read_parquet(project / "data/tables/interactions.parquet").height
    run(project, "marquee", "events", "add").check_returncode()
    run(project, "marquee", "events", "snapshot", "data/snapshot").check_returncode()
    run(project, "dvc", "repro", "interactions").check_returncode()
    after = INTERACTIONS.check(pl.read_parquet(project / "data/tables/interactions.parquet"))
    assert after.height > before
    assert after["rating"].null_count() > 0
