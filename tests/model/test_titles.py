"""Claims about titles: what is not known of one is NaN or nothing, and every rated title is there."""

import numpy as np
import polars as pl

from marquee.model.titles import Titles, titles_of
from marquee.tables import TITLES


def known() -> pl.DataFrame:
    return TITLES.complete(
        pl.DataFrame(
            {
                "title_id": pl.Series([3, 8, 5], dtype=pl.UInt16),
                "name": ["Three", "Eight", "Five"],
                "year": pl.Series([1995, None, 2001], dtype=pl.Int16),
                "genres": [["Dramas", "Crime"], [], ["Crime"]],
            }
        )
    )


def of_known() -> Titles:
    return titles_of(known(), np.array([4, 5, 4]))


def test_titles_are_in_the_order_of_their_ids_with_those_that_were_only_rated() -> None:
    assert of_known().ids.tolist() == [3, 4, 5, 8]
    assert of_known().frame["name"].to_list() == ["Three", "title 4", "Five", "Eight"]


def test_a_year_that_is_not_known_is_nan() -> None:
    np.testing.assert_array_equal(of_known().years, np.array([1995, np.nan, 2001, np.nan], np.float32))


def test_a_title_is_in_the_columns_of_its_genres() -> None:
    titles = of_known()
    assert titles.genre_names == ("Crime", "Dramas")
    assert titles.genre_matrix.tolist() == [[1, 1], [0, 0], [1, 0], [0, 0]]


def test_without_a_table_every_rated_title_is_known_by_its_number() -> None:
    titles = titles_of(None, np.array([7, -2, 7]))
    assert titles.ids.tolist() == [-2, 7]
    assert titles.genre_matrix.shape == (2, 0)
    assert np.isnan(titles.years).all()
    assert len(titles) == 2


def test_nobody_has_rated_anything() -> None:
    assert titles_of(known(), np.array([], np.int64)).ids.tolist() == [3, 5, 8]
    assert len(titles_of(None, np.array([], np.int64))) == 0
