"""Cards: titles, stars and reasons as replies have them. NaN becomes None."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import zip_longest
from math import isnan
from typing import Any

import numpy as np
from pydantic import TypeAdapter

from marquee.data.events.validity import moment_of
from marquee.model.explain import Reason
from marquee.model.histories import Floats, Histories, Ints
from marquee.serve import schemas as s
from marquee.serve.served import Served

_LISTED = TypeAdapter(tuple[s.ListedTitle, ...])


def card(served: Served, title: int) -> Mapping[str, Any]:
    """What a Card holds."""
    return served.cards[title]


def cards_of(
    served: Served, title: Ints, score: Floats, stars: Sequence[float], reasons: Sequence[Reason] = ()
) -> tuple[s.ListedTitle, ...]:
    """Checked by one call, not by one for each title, reason and carrier."""
    told = zip_longest(title.tolist(), score.tolist(), stars, reasons)
    return _LISTED.validate_python(
        tuple(
            {
                **card(served, row),
                "rank": rank,
                "score": known(of_list),
                "stars": known(given),
                "reason": None if reason is None else _reason(served, reason),
            }
            for rank, (row, of_list, given, reason) in enumerate(told, 1)
        )
    )


def stars_of(served: Served, history: Histories, title: Ints, as_of: int) -> Floats:
    """What the viewer of a history would give each title."""
    if not len(title):
        return np.empty(0, np.float32)
    return served.recommender.stars.predict(history, np.zeros(len(title), np.int64), title, np.full(len(title), as_of))


def known(number: float) -> float | None:
    return None if isnan(number) else float(number)


def moment(milliseconds: int) -> datetime | None:
    """None for no moment at all."""
    return moment_of(int(milliseconds)) if milliseconds > 0 else None


def reason_of(served: Served, reason: Reason) -> s.Reason:
    return s.Reason.model_validate(_reason(served, reason))


def _reason(served: Served, reason: Reason) -> Mapping[str, Any]:
    """What a Reason holds."""
    ids, names = served.told["title_id"], served.told["name"]
    carriers = tuple({"title_id": ids[row], "name": names[row], "share": share} for row, share in reason.carried)
    return {"sentence": reason.sentence, "carriers": carriers, "raised": tuple(words for words, _ in reason.raised)}
