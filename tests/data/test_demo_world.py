"""The demo world is in the Prize's format, has its shape, and holds the signals that a recommender can learn."""

import csv
import hashlib
import json
import os
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from marquee.data.demo_world import DemoWorld, at_netflix_scale, true_affinity, true_titles, write_demo_world
from marquee.errors import ParamsError, SourceError
from marquee.params import DemoWorldParams
from marquee.tables import KINDS_OF_EVENT

PARAMS = DemoWorldParams(seed=7, viewers=3000, titles=1500, ratings=300_000)
TINY = DemoWorldParams(seed=3, viewers=10, titles=20, ratings=100)
FIRST_DAY, LAST_DAY = date(1999, 11, 11), date(2005, 12, 31)


def blocks(path: Path) -> Iterator[tuple[int, list[str]]]:
    """title_id and the fields of each line, read the plain way."""
    title_id = 0
    for line in path.read_text("ascii").splitlines():
        if line.endswith(":"):
            title_id = int(line[:-1])
        else:
            yield title_id, line.split(",")


@dataclass(frozen=True)
class Ratings:
    user_id: np.ndarray
    title_id: np.ndarray
    stars: np.ndarray
    day: np.ndarray

    def of(self, user_id: int) -> "Ratings":
        mine = self.user_id == user_id
        return Ratings(self.user_id[mine], self.title_id[mine], self.stars[mine], self.day[mine])


def read_ratings(folder: Path) -> Ratings:
    rows = [(user, title, stars, day) for title, (user, stars, day) in blocks(folder / "combined_data_1.txt")]
    users, titles, stars, days = zip(*rows, strict=True)
    dates = np.array(days, dtype="datetime64[D]") - np.datetime64(FIRST_DAY)
    return Ratings(
        np.array(users, dtype=np.int64), np.array(titles), np.array(stars, dtype=np.int64), dates.astype(int)
    )


def read_rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def read_events(folder: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (folder / "live_events.jsonl").read_text("utf-8").splitlines()]


def fingerprints(folder: Path) -> dict[str, str]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> DemoWorld:
    return write_demo_world(tmp_path_factory.mktemp("worlds") / "demo", PARAMS)


@pytest.fixture(scope="module")
def ratings(world: DemoWorld) -> Ratings:
    return read_ratings(world.folder)


@pytest.fixture(scope="module")
def people(world: DemoWorld) -> dict[str, np.ndarray]:
    with np.load(world.folder / "truth" / "viewers.npz") as arrays:
        return dict(arrays)


@pytest.fixture(scope="module")
def titles(world: DemoWorld) -> dict[str, np.ndarray]:
    return true_titles(world.folder)


def movie_titles(folder: Path) -> list[tuple[int, str, str]]:
    lines = (folder / "movie_titles.csv").read_text("latin-1").splitlines()
    split = [line.split(",", 2) for line in lines]
    return [(int(title_id), year, name) for title_id, year, name in split]


# The Prize's format


def test_titles_are_numbered_from_one_and_no_two_share_name_and_year(world: DemoWorld) -> None:
    rows = movie_titles(world.folder)
    assert [title_id for title_id, _, _ in rows] == list(range(1, PARAMS.titles + 1))
    assert len({(year, name) for _, year, name in rows}) == PARAMS.titles
    assert all(year == "NULL" or 1896 <= int(year) <= 2005 for _, year, _ in rows)


def test_names_have_what_breaks_readers(world: DemoWorld) -> None:
    rows = movie_titles(world.folder)
    names = [name for _, _, name in rows]
    assert not any(name[0].islower() for name in names)
    assert any("," in name for name in names)
    assert any('"' in name for name in names)
    assert any("'" in name for name in names)
    assert any("é" in name or "ü" in name for name in names)
    assert any("Vol. 1" in name for name in names)
    assert any(": Season 2" in name for name in names)
    assert len(set(names)) < len(names), "remakes share a name"
    assert any(year == "NULL" for _, year, _ in rows)


def test_the_training_files_hold_exactly_the_ratings_asked_for(world: DemoWorld, ratings: Ratings) -> None:
    assert len(ratings.stars) == world.ratings == PARAMS.ratings
    assert len(np.unique(ratings.user_id)) == PARAMS.viewers
    assert set(np.unique(ratings.stars)) == {1, 2, 3, 4, 5}
    assert ratings.day.min() >= 0
    assert ratings.day.max() <= (LAST_DAY - FIRST_DAY).days
    assert set(np.unique(ratings.title_id)) <= set(range(1, PARAMS.titles + 1))


def test_a_viewer_rates_a_title_at_most_once(ratings: Ratings, world: DemoWorld) -> None:
    pairs = list(zip(ratings.user_id.tolist(), ratings.title_id.tolist(), strict=True))
    withheld = [(int(user), title) for title, (user, _) in blocks(world.folder / "qualifying.txt")]
    assert len(set(pairs + withheld)) == len(pairs) + len(withheld)


def test_nobody_rates_before_a_title_has_come(ratings: Ratings, titles: dict[str, np.ndarray]) -> None:
    assert (ratings.day >= titles["arrival"][ratings.title_id - 1]).all()


def test_user_ids_are_not_dense(ratings: Ratings) -> None:
    assert ratings.user_id.max() > 4 * PARAMS.viewers


def test_the_probe_is_trained_on_and_the_qualifying_set_is_not(world: DemoWorld, ratings: Ratings) -> None:
    trained = set(zip(ratings.user_id.tolist(), ratings.title_id.tolist(), strict=True))
    probe = {(int(user), title) for title, (user,) in blocks(world.folder / "probe.txt")}
    answers = {
        (int(row["user_id"]), int(row["title_id"]), row["date"])
        for row in read_rows(world.folder / "truth" / "qualifying.csv")
    }
    asked = {(int(user), title, day) for title, (user, day) in blocks(world.folder / "qualifying.txt")}
    assert probe <= trained
    assert len(probe) == world.probe > PARAMS.viewers
    assert asked == answers
    assert len(asked) == world.withheld == 2 * world.probe


def test_the_qualifying_set_is_of_the_last_days_of_its_viewers(world: DemoWorld, ratings: Ratings) -> None:
    withheld = defaultdict(list)
    for _, (user, day) in blocks(world.folder / "qualifying.txt"):
        withheld[int(user)].append((date.fromisoformat(day) - FIRST_DAY).days)
    later = [np.mean(ratings.of(user).day < min(days)) for user, days in list(withheld.items())[:200]]
    assert np.median(later) > 0.8


# The Prize's shape


def test_the_shares_of_the_stars_are_the_prizes(ratings: Ratings) -> None:
    shares = np.bincount(ratings.stars, minlength=6)[1:] / len(ratings.stars)
    assert shares == pytest.approx([0.046, 0.101, 0.287, 0.336, 0.231], abs=0.01)
    assert ratings.stars.mean() == pytest.approx(3.6, abs=0.05)


def test_popularity_has_a_long_tail(ratings: Ratings) -> None:
    counts = np.sort(np.bincount(ratings.title_id, minlength=PARAMS.titles + 1)[1:])[::-1]
    assert 0.35 < counts[0] / PARAMS.viewers < 0.6
    assert counts[: PARAMS.titles // 10].sum() > 0.3 * PARAMS.ratings
    assert np.median(counts) < 0.75 * counts.mean()


def test_a_few_viewers_rate_far_more_than_most(ratings: Ratings) -> None:
    activity = np.unique_counts(ratings.user_id).counts
    assert np.median(activity) < 0.6 * activity.mean()
    assert 10 * activity.mean() < activity.max() < 0.97 * PARAMS.titles


def test_most_ratings_are_of_the_last_two_years_as_viewers_and_titles_came_in(ratings: Ratings) -> None:
    late = (ratings.day > (date(2003, 12, 31) - FIRST_DAY).days).mean()
    assert 0.65 < late < 0.95


def test_viewers_binge(ratings: Ratings) -> None:
    sittings = np.unique_counts(ratings.user_id * 4000 + ratings.day).counts
    assert (sittings[sittings >= 4].sum()) > 0.4 * len(ratings.day)


def test_bots_are_few_and_rate_hundreds_a_day_evenly_or_always_five(
    ratings: Ratings, people: dict[str, np.ndarray], world: DemoWorld
) -> None:
    bots = people["user_ids"][people["bots"]].tolist()
    assert 1 <= len(bots) == world.bots <= 0.005 * PARAMS.viewers
    for bot in bots:
        own = ratings.of(bot)
        assert np.bincount(own.day).max() >= 200
        shares = np.bincount(own.stars, minlength=6)[1:] / len(own.stars)
        assert shares[4] == 1 or shares == pytest.approx([0.2] * 5, abs=0.08)


# What can be learnt


def test_what_was_watched_suits_its_viewer_far_better_than_chance(
    ratings: Ratings, people: dict[str, np.ndarray], world: DemoWorld
) -> None:
    viewers = people["user_ids"][(people["ratings"] >= 20) & ~people["bots"]][:300]
    affinity = true_affinity(world.folder, viewers.tolist(), LAST_DAY)
    assert affinity.shape == (300, PARAMS.titles)
    assert affinity.dtype == np.float32
    watched = [row[ratings.of(user).title_id - 1].mean() for user, row in zip(viewers, affinity, strict=True)]
    assert np.mean(watched) > affinity.mean() + 0.7 * affinity.std(axis=1).mean()
    assert np.mean(watched > affinity.mean(axis=1)) > 0.97


def test_tastes_drift(ratings: Ratings, people: dict[str, np.ndarray], world: DemoWorld) -> None:
    is_long = (people["ratings"] >= 60) & ~people["bots"] & (people["joined"] < 1500) & (people["left"] > 2200)
    viewers = people["user_ids"][is_long][:200].tolist()
    first, last = (true_affinity(world.folder, viewers, day) for day in (FIRST_DAY, LAST_DAY))
    gains = []
    for row, user in enumerate(viewers):
        own = ratings.of(user)
        late = own.day > np.median(own.day)
        gain = (last - first)[row, own.title_id - 1]
        gains.append(gain[late].mean() - gain[~late].mean())
    assert np.mean(gains) > 0.2


def test_more_liked_titles_get_more_stars(ratings: Ratings, people: dict[str, np.ndarray], world: DemoWorld) -> None:
    viewers = people["user_ids"][(people["ratings"] >= 100) & ~people["bots"]][:200].tolist()
    affinity = true_affinity(world.folder, viewers, LAST_DAY)
    owns = [ratings.of(user) for user in viewers]
    links = [np.corrcoef(row[own.title_id - 1], own.stars)[0, 1] for row, own in zip(affinity, owns, strict=True)]
    assert np.mean(links) > 0.15


def test_parts_are_watched_in_order(
    ratings: Ratings, titles: dict[str, np.ndarray], people: dict[str, np.ndarray]
) -> None:
    bots = people["user_ids"][people["bots"]]
    seen: dict[tuple[int, int], list[tuple[int, int]]] = defaultdict(list)
    work, part = titles["work"][ratings.title_id - 1], titles["part"][ratings.title_id - 1]
    for user, *watch in zip(ratings.user_id, work, part, ratings.day, strict=True):
        seen[int(user), int(watch[0])].append((int(watch[1]), int(watch[2])))
    of_bots = set(bots.tolist())
    histories = [sorted(parts) for (user, _), parts in seen.items() if len(parts) > 1 and user not in of_bots]
    assert len(histories) > 1000
    assert all([day for _, day in parts] == sorted(day for _, day in parts) for parts in histories)


def days_of(ratings: Ratings, title_id: int) -> dict[int, int]:
    rows = ratings.title_id == title_id
    return dict(zip(ratings.user_id[rows].tolist(), ratings.day[rows].tolist(), strict=True))


def following_pairs(ratings: Ratings, titles: dict[str, np.ndarray]) -> Iterator[tuple[int, int, int | None]]:
    """Day of a part, day on which the next part came into the catalogue, day of that part or None: for each viewer."""
    for place in np.flatnonzero(titles["next_part"] >= 0):
        following = int(titles["next_part"][place])
        later = days_of(ratings, following + 1)
        for user, day in days_of(ratings, int(place) + 1).items():
            yield day, int(titles["arrival"][following]), later.get(user)


def test_who_watched_a_part_goes_on_with_the_next_within_days(ratings: Ratings, titles: dict[str, np.ndarray]) -> None:
    ready = [(day, then) for day, arrival, then in following_pairs(ratings, titles) if arrival <= day]
    gaps = np.array([then - day for day, then in ready if then is not None])
    assert len(gaps) > 0.3 * len(ready)
    assert np.median(gaps) <= 7


def test_who_ran_out_of_parts_waits_for_the_next_to_come(ratings: Ratings, titles: dict[str, np.ndarray]) -> None:
    waits = [
        then - arrival
        for day, arrival, then in following_pairs(ratings, titles)
        if arrival > day + 15 and then is not None
    ]
    assert len(waits) > 200
    assert np.median(waits) <= 15


def ndcg(scores: np.ndarray, seen: np.ndarray, wanted: np.ndarray) -> float:
    top = np.argsort(-np.where(seen, -np.inf, scores), axis=1)[:, :10]
    discounts = 1 / np.log2(np.arange(2, 12))
    gains = (np.take_along_axis(wanted, top, axis=1) * discounts).sum(axis=1)
    ideal = np.cumsum(discounts)[np.minimum(wanted.sum(axis=1).astype(int), 10) - 1]
    return float((gains / ideal).mean())


def test_neighbours_beat_popularity_and_the_truth_beats_both(
    ratings: Ratings, people: dict[str, np.ndarray], titles: dict[str, np.ndarray], world: DemoWorld
) -> None:
    rows = np.searchsorted(people["user_ids"], ratings.user_id)
    order = np.lexsort((ratings.title_id, ratings.day, rows))
    rows, columns = rows[order], ratings.title_id[order] - 1
    rank = np.arange(len(rows)) - np.searchsorted(rows, rows)
    is_future = rank >= np.ceil(0.8 * people["ratings"])[rows]
    past, future = (np.zeros((len(people["user_ids"]), PARAMS.titles), dtype=np.float32) for _ in range(2))
    past[rows[~is_future], columns[~is_future]] = 1
    future[rows[is_future], columns[is_future]] = 1
    some = np.flatnonzero((people["ratings"] >= 10) & ~people["bots"])[:800]
    popularity = past.sum(axis=0)
    together = past.T @ past / np.sqrt(np.outer(popularity + 20, popularity + 20))
    np.fill_diagonal(together, 0)
    truth = true_affinity(world.folder, people["user_ids"][some].tolist(), LAST_DAY) + titles["appeal"]
    truth -= 4 * (titles["part"] > 1)
    by_popularity, by_neighbours, by_truth = (
        ndcg(scores, past[some] > 0, future[some])
        for scores in (np.tile(popularity, (len(some), 1)), past[some] @ together, truth)
    )
    assert 1.1 * by_popularity < by_neighbours
    assert 1.3 * by_neighbours < by_truth
    assert by_truth < 0.6, "there is still chance in it"


# Metadata


def test_the_metadata_knows_most_titles_under_names_that_often_differ(world: DemoWorld) -> None:
    rows = {row["show_id"]: row for row in read_rows(world.folder / "netflix_titles.csv")}
    matches = {int(m["title_id"]): m["show_id"] for m in read_rows(world.folder / "truth" / "matches.csv")}
    names = {title_id: name for title_id, _, name in movie_titles(world.folder)}
    assert 0.9 * PARAMS.titles < len(matches) < 0.99 * PARAMS.titles
    assert set(matches.values()) < set(rows), "some rows are of titles that nobody here has"
    movies = {title_id: rows[show_id] for title_id, show_id in matches.items() if rows[show_id]["type"] == "Movie"}
    same = [row["title"] == names[title_id] for title_id, row in movies.items()]
    assert 0.8 < np.mean(same) < 0.95


def test_all_seasons_of_a_series_share_a_row(world: DemoWorld, titles: dict[str, np.ndarray]) -> None:
    rows = {row["show_id"]: row for row in read_rows(world.folder / "netflix_titles.csv")}
    shows_of = defaultdict(set)
    for match in read_rows(world.folder / "truth" / "matches.csv"):
        if rows[match["show_id"]]["type"] == "TV Show":
            shows_of[titles["work"][int(match["title_id"]) - 1]].add(match["show_id"])
    assert len(shows_of) > 20
    assert all(len(shows) == 1 for shows in shows_of.values())


def test_every_row_of_the_metadata_has_something_to_show(world: DemoWorld) -> None:
    for row in read_rows(world.folder / "netflix_titles.csv"):
        dark, bright = row["artwork"].split()
        assert {len(dark), len(bright)} == {7}
        assert row["description"][0].isupper()
        assert row["description"][-1] in ".?!"
        assert not re.search(r"[{}]|\b[Aa] [aeiAEI]", row["description"] + row["title"])
        assert row["listed_in"]


def test_actors_recur(world: DemoWorld) -> None:
    names = [name for row in read_rows(world.folder / "netflix_titles.csv") for name in row["cast"].split(", ")]
    assert len(set(names)) < len(names) / 4


# Live events


def test_live_events_keep_the_contract(world: DemoWorld, people: dict[str, np.ndarray]) -> None:
    events = read_events(world.folder)
    assert 2000 < len(events) == world.live_events < 20_000
    assert len({event["event_id"] for event in events}) == len(events)
    times = [datetime.fromisoformat(str(event["happened_at"])) for event in events]
    assert times == sorted(times)
    assert times[0].date() > LAST_DAY
    assert {str(event["kind"]) for event in events} == set(KINDS_OF_EVENT) - {"shown", "signed_up"}
    for event in events:
        assert len(str(event["event_id"])) <= 64
        assert event["user_id"] in people["user_ids"]
        assert event["source"] in {"page", "watch_api"}
        assert (event["kind"] == "searched") == ("title_id" not in event) == ("detail" in event)
        assert ("value" in event) == (event["kind"] in {"rated", "watch_progress", "abandoned"})


def test_values_of_live_events_are_in_range(world: DemoWorld) -> None:
    for event in read_events(world.folder):
        if "value" in event:
            low, high = (1, 5) if event["kind"] == "rated" else (0, 1)
            assert low <= float(str(event["value"])) <= high


def test_nobody_starts_what_they_had_watched_and_parts_come_in_order(
    world: DemoWorld, ratings: Ratings, titles: dict[str, np.ndarray]
) -> None:
    watched = set(zip(ratings.user_id.tolist(), ratings.title_id.tolist(), strict=True))
    watched |= {(int(user), title) for title, (user, _) in blocks(world.folder / "qualifying.txt")}
    furthest: dict[tuple[int, int], int] = defaultdict(int)
    for user, title in watched:
        key = user, int(titles["work"][title - 1])
        furthest[key] = max(furthest[key], int(titles["part"][title - 1]))
    for event in read_events(world.folder):
        user, title = int(str(event["user_id"])), int(str(event.get("title_id", 0)))
        if event["kind"] == "rewatched":
            assert (user, title) in watched
        if event["kind"] == "watch_started":
            key = user, int(titles["work"][title - 1])
            assert (user, title) not in watched
            assert titles["part"][title - 1] == furthest[key] + 1
            furthest[key] += 1
            watched.add((user, title))


def test_live_viewers_stay_true_to_their_taste_and_some_are_new(
    world: DemoWorld, ratings: Ratings, people: dict[str, np.ndarray]
) -> None:
    started = [event for event in read_events(world.folder) if event["kind"] == "watch_started"]
    users = [int(str(event["user_id"])) for event in started]
    affinity = true_affinity(world.folder, users, LAST_DAY)
    chosen = affinity[np.arange(len(users)), [int(str(event["title_id"])) - 1 for event in started]]
    assert chosen.mean() > affinity.mean() + affinity.std(axis=1).mean()
    newcomers = people["user_ids"][people["ratings"] == 0]
    assert set(newcomers.tolist()) & set(users)
    assert not set(newcomers.tolist()) & set(ratings.user_id.tolist())


# One seed, one world


def test_the_same_params_give_the_same_bytes_on_any_number_of_threads(tmp_path: Path) -> None:
    params = DemoWorldParams(seed=5, viewers=300, titles=200, ratings=9_000)
    write_demo_world(tmp_path / "here", params)
    code = (
        "import sys, pathlib; from marquee.data.demo_world import write_demo_world as write; "
        "from marquee.params import DemoWorldParams as Params; "
        "write(pathlib.Path(sys.argv[1]), Params.model_validate_json(sys.argv[2]))"
    )
    environment = os.environ | {"PYTHONHASHSEED": "99", "OPENBLAS_NUM_THREADS": "3", "POLARS_MAX_THREADS": "1"}
    command = [sys.executable, "-c", code, str(tmp_path / "there"), params.model_dump_json()]
    subprocess.run(command, check=True, env=environment)
    assert fingerprints(tmp_path / "here") == fingerprints(tmp_path / "there")


def test_another_seed_is_another_world(tmp_path: Path) -> None:
    write_demo_world(tmp_path / "one", TINY)
    write_demo_world(tmp_path / "other", TINY.model_copy(update={"seed": 4}))
    one, other = fingerprints(tmp_path / "one"), fingerprints(tmp_path / "other")
    assert one.keys() == other.keys()
    assert all(one[name] != other[name] for name in one)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32 - 1), viewers=st.integers(10, 60), titles=st.integers(20, 80), share=st.floats(0, 1))
def test_a_world_of_any_size_has_what_was_asked_for(
    tmp_path_factory: pytest.TempPathFactory, seed: int, viewers: int, titles: int, share: float
) -> None:
    least, most = max(100, viewers), viewers * (titles // 2)
    params = DemoWorldParams(seed=seed, viewers=viewers, titles=titles, ratings=least + int(share * (most - least)))
    written = write_demo_world(tmp_path_factory.mktemp("small"), params)
    ratings = read_ratings(written.folder)
    pairs = set(zip(ratings.user_id.tolist(), ratings.title_id.tolist(), strict=True))
    assert len(pairs) == len(ratings.stars) == params.ratings
    assert len(np.unique(ratings.user_id)) == viewers


def test_an_earlier_world_is_written_over(tmp_path: Path) -> None:
    write_demo_world(tmp_path / "fresh", TINY)
    write_demo_world(tmp_path / "again", TINY.model_copy(update={"titles": 60, "ratings": 300}))
    (tmp_path / "again" / "combined_data_2.txt").write_text("1:\n")
    write_demo_world(tmp_path / "again", TINY)
    assert fingerprints(tmp_path / "again") == fingerprints(tmp_path / "fresh")


def test_a_folder_with_anything_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "combined_data_1.txt").write_text("the real thing")
    with pytest.raises(SourceError, match="empty folder"):
        write_demo_world(tmp_path, TINY)
    assert [path.name for path in tmp_path.iterdir()] == ["combined_data_1.txt"]


def test_more_ratings_than_half_of_all_pairs_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ParamsError, match=r"101, but 10 viewers and 20 titles leave room for 100"):
        write_demo_world(tmp_path, TINY.model_copy(update={"ratings": 101}))
    assert list(tmp_path.iterdir()) == []


def test_fewer_ratings_than_viewers_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ParamsError, match="every viewer rates at least once"):
        write_demo_world(tmp_path, TINY.model_copy(update={"viewers": 200}))


def test_the_truth_of_an_unknown_viewer_or_of_no_world_is_an_error(world: DemoWorld, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no viewer 99999999"):
        true_affinity(world.folder, [99_999_999], LAST_DAY)
    with pytest.raises(SourceError, match="no such file"):
        true_affinity(tmp_path, [1], LAST_DAY)


def test_the_prizes_scale_keeps_the_seed() -> None:
    scaled = at_netflix_scale(PARAMS)
    assert (scaled.seed, scaled.viewers, scaled.titles, scaled.ratings) == (7, 480_189, 17_770, 100_480_507)
