"""Attributes: what viewers told of themselves, as numbers: ages in their order, regions by their place in a list.

A new one is a column of VIEWERS, a name in ATTRIBUTES and its values in `_codes`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import polars as pl

from marquee.model.histories import ATTRIBUTES, Floats, Histories
from marquee.model.titles import Titles
from marquee.tables import AGE_GROUPS, GENDERS, VIEWERS

NOBODY = VIEWERS.complete(pl.DataFrame(schema={"user_id": pl.Int64()}))  # told anything


def regions_of(viewers: pl.DataFrame, titles: Titles) -> tuple[str, ...]:
    """Those that anybody lives in or a title is held to, rising; a region's place among them is its number."""
    return tuple(sorted({*viewers["region"].drop_nulls(), *titles.region_names}))


def with_attributes(histories: Histories, viewers: pl.DataFrame, regions: Sequence[str]) -> Histories:
    """The same histories with what VIEWERS told; of those who are not among them stays what was known."""
    viewer = np.searchsorted(histories.user_ids, user_ids := viewers["user_id"].to_numpy().astype(np.int64))
    known = np.append(histories.user_ids, 0)[viewer] == user_ids
    known &= viewer < len(histories)
    attributes = histories.attributes.copy()
    attributes[viewer[known]] = _codes(viewers, regions)[known]
    return replace(histories, attributes=attributes)


def codes_of(told: Mapping[str, object], regions: Sequence[str]) -> Floats:
    """One viewer's row, of what they told by its name: the same numbers without a table."""
    values = {"age_group": AGE_GROUPS, "gender": GENDERS, "region": regions}
    codes = [_place(told.get(name), values[name]) for name in ATTRIBUTES]
    return np.array([codes], np.float32)


def _place(value: object, values: Sequence[str]) -> float:
    return float(values.index(value)) if isinstance(value, str) and value in values else np.nan


def _codes(viewers: pl.DataFrame, regions: Sequence[str]) -> Floats:
    """Viewers x ATTRIBUTES, NaN where not told or where the model knows no such region."""
    values = {"age_group": AGE_GROUPS, "gender": GENDERS, "region": regions}
    code = {
        name: pl.col(name).cast(pl.Enum(list(values[name])), strict=False).to_physical().cast(pl.Float32)
        for name in ATTRIBUTES
    }
    codes: Floats = viewers.select(**code).fill_null(np.nan).to_numpy()
    return codes
