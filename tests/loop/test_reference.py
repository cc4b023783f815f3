"""The reference: what the last days are held against; nothing that anybody sent stops a look."""

import base64
import json

import numpy as np
import polars as pl

from marquee.loop.reference import _features

NAMES = ["one", "two", "score"]


def test_features_that_make_no_sense_are_left_out() -> None:
    whole = base64.b64encode(np.array([1, 2], "<f2").tobytes()).decode()
    odd = base64.b64encode(b"odd").decode()
    told = [
        {"features": whole, "score": 0.5},
        {"features": whole, "score": "high"},
        {"features": "no base64 at all", "score": 0.5},
        {"features": odd, "score": 0.5},
        {"features": base64.b64encode(b"more than two").decode(), "score": 0.5},
        {"features": whole},
    ]
    shown = pl.DataFrame({"detail": [*map(json.dumps, told), "{", None]}, {"detail": pl.String})
    assert _features(shown, NAMES).rows() == [(1.0, 2.0, 0.5)]
