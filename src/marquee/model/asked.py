"""Who is asked about: viewers by their ids, of whom the model may never have heard."""

from dataclasses import replace

import numpy as np

from marquee.model.histories import Histories, Ints


def histories_for(known: Histories, user_ids: Ints) -> tuple[Histories, Ints]:
    """A history for each of these viewers in their order, empty for strangers; and the strangers' row numbers."""
    place = np.minimum(np.searchsorted(known.user_ids, user_ids), len(known) - 1)
    is_known = known.user_ids[place] == user_ids
    histories = known.of(place)
    attributes = np.where(is_known[:, None], histories.attributes, np.float32(np.nan))
    own = replace(histories.where(is_known[histories.user]), user_ids=user_ids, attributes=attributes)
    return own, np.flatnonzero(~is_known)


def rows_of(ids: Ints, wanted: Ints) -> Ints:
    """The row number of each wanted id among rising ids; -1 for one that is not there."""
    place = np.minimum(np.searchsorted(ids, wanted), len(ids) - 1)
    return np.where(ids[place] == wanted, place, -1)
