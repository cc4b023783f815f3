"""What viewers told of themselves, as numbers beside their histories."""

import numpy as np
import polars as pl

from marquee.model import recommender
from marquee.model.asked import attributes_for, histories_for, lists
from marquee.model.attributes import NOBODY, regions_of, with_attributes
from marquee.model.histories import Histories, histories_of
from marquee.model.titles import Titles
from marquee.tables import TITLES, VIEWERS, WHEN
from tests.model.conftest import small_params, table

TOLD = VIEWERS.complete(
    pl.DataFrame(
        {
            "user_id": [2, 3, 99],
            "age_group": ["under 18", "56+", None],
            "gender": ["male", None, "female"],
            "region": ["south", "north", "east"],
        }
    )
)


def three_viewers() -> Histories:
    rows = pl.DataFrame({"user_id": [1, 2, 3], "title_id": [7, 7, 7], "rating": [3.0, 4.0, 5.0], "hides": True})
    moment = pl.lit(0).cast(WHEN)
    known = rows.with_columns(strength=pl.lit(1.0), label=pl.lit(1.0), at=moment, known_at=moment)
    return histories_of(known, np.array([7]))


def held(*regions: str) -> Titles:
    """A title that may be shown there alone."""
    return Titles(TITLES.complete(pl.DataFrame({"title_id": [7], "name": ["film"], "regions": [list(regions)]})))


def test_ages_are_in_their_order_and_a_region_is_its_place() -> None:
    regions = regions_of(TOLD, held("west", "north"))
    assert regions == ("east", "north", "south", "west")
    attributes = with_attributes(three_viewers(), TOLD, regions).attributes
    np.testing.assert_array_equal(attributes, [[np.nan] * 3, [0, 1, 2], [6, np.nan, 1]])


def test_a_region_that_the_model_does_not_know_is_not_known() -> None:
    attributes = with_attributes(three_viewers(), TOLD, ("north",)).attributes
    np.testing.assert_array_equal(attributes[:, 2], [np.nan, np.nan, 0])


def test_nobody_told_anything_without_a_table() -> None:
    assert regions_of(NOBODY, held()) == ()
    assert np.isnan(with_attributes(three_viewers(), NOBODY, ()).attributes).all()


def test_who_told_before_is_known_by_it_and_strangers_are_not() -> None:
    known = with_attributes(three_viewers(), TOLD, regions_of(TOLD, held()))
    np.testing.assert_array_equal(attributes_for(known, np.array([-5, 2, 99])), [[np.nan] * 3, [0, 1, 2], [np.nan] * 3])
    newer = VIEWERS.complete(pl.DataFrame({"user_id": [3], "region": ["south"]}))
    again = with_attributes(known, newer, regions_of(TOLD, held())).attributes
    np.testing.assert_array_equal(again[1:], [[0, 1, 2], [np.nan, np.nan, 2]])


def ages(of: dict[int, str]) -> pl.DataFrame:
    return VIEWERS.complete(pl.DataFrame({"user_id": list(of), "age_group": list(of.values())}))


def test_what_newcomers_of_an_age_watched_is_learnt_and_newcomers_of_that_age_get_it() -> None:
    """A third of the viewers is old and watches the titles from 17 on, which get fewer stars."""
    rng, of_age = np.random.default_rng(5), {viewer: "18-24" if viewer % 3 else "56+" for viewer in range(1, 161)}
    own = {"18-24": (np.arange(1, 17), 5.0), "56+": (np.arange(17, 33), 3.0)}
    rows = [
        (viewer, int(title), own[age][1], viewer + place / 100)
        for viewer, age in of_age.items()
        for place, title in enumerate(rng.permutation(own[age][0])[:8])
    ]
    changes = (
        "lessons.newcomers=[0]",
        "lessons.moments=[0.5]",
        "ranker.row_share=1.0",
        "ranker.rounds=200",
        "ranker.feature_share=1.0",
        "ranker.objectives=[binary]",
        "sources.depth=32",
    )
    whole = recommender.fit(table(rows), None, small_params(*changes), ages(of_age))
    strangers, _ = histories_for(whole.histories, np.array([1001, 1002]))
    listed = lists(whole, with_attributes(strangers, ages({1001: "18-24", 1002: "56+"}), ()), 5)
    young, old = (part["title_id"].to_list() for part in listed.partition_by("user_id"))
    assert max(young) < 17 <= min(old)
