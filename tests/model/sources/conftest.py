"""Small worlds for the sources: who watched what, in order."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from marquee.model.histories import ATTRIBUTES, Histories

DAY = 86_400_000


def watched(*viewers: Sequence[int], **rows: Any) -> Histories:
    """A viewer a list of titles, oldest first, wanted and without stars; `rows` says otherwise, one value a row."""
    titles = np.array([title for viewer in viewers for title in viewer], np.int32)
    place = np.array([place for viewer in viewers for place in range(len(viewer))], np.int64)
    told: Mapping[str, Any] = {
        "strength": np.ones(len(titles)),
        "rating": np.full(len(titles), np.nan),
        "at": (1 + place) * DAY,
        **rows,
    }
    at = np.asarray(told["at"], np.int64)
    return Histories(
        user_ids=np.arange(1, len(viewers) + 1),
        starts=np.concatenate([[0], np.cumsum([len(viewer) for viewer in viewers])]).astype(np.int64),
        title=titles,
        strength=np.asarray(told["strength"], np.float32),
        rating=np.asarray(told["rating"], np.float32),
        label=np.ones(len(titles), np.float32),
        hides=np.ones(len(titles), bool),
        at=at,
        known_at=np.asarray(told.get("known_at", at), np.int64),
        attributes=np.asarray(told.get("attributes", np.full((len(viewers), len(ATTRIBUTES)), np.nan)), np.float32),
    )


def now(histories: Histories, day: float = 1_000) -> Any:
    return np.full(len(histories), int(day * DAY), np.int64)
