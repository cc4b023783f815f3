"""What was set aside: every input that could not be taken, with file, line, reason and its own text.

A reader never drops a line: it adds it here. The stage counts them, and fails past the share in params.yaml.
"""

import csv
from collections import Counter
from pathlib import Path
from types import TracebackType
from typing import Self

import polars as pl

from marquee.errors import TooManyRejects

COLUMNS = ("file", "line", "reason", "text")

# Reasons that more than one reader gives.
DOES_NOT_PARSE = "does not parse"
DUPLICATE = "duplicate"


class Rejects:
    """An open csv file, begun anew (a stage), or with `append=True` after what earlier runs set aside (a collector)."""

    def __init__(self, path: Path, *, append: bool = False) -> None:
        self.path = path
        self.counts: Counter[str] = Counter()
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = not (append and path.exists())
        # A collector may be killed at any time: each of its lines is written at once.
        self._file = path.open("w" if fresh else "a", 1 if append else -1, encoding="utf-8", newline="")
        self._writer = csv.writer(self._file)
        if fresh:
            self._writer.writerow(COLUMNS)

    def add(self, file: str, line: int | None, reason: str, text: str) -> None:
        """One line; `reason` names the kind of fault ("rating out of range") and is what gets counted."""
        self.counts[reason] += 1
        self._writer.writerow((file, line, reason, text))

    def add_frame(self, frame: pl.DataFrame) -> None:
        """Many at once: a frame with file, line, reason and text."""
        self.counts.update(dict(frame["reason"].value_counts().iter_rows()))
        self._writer.writerows(frame.select(COLUMNS).iter_rows())

    @property
    def total(self) -> int:
        return self.counts.total()

    def check_share(self, what: str, lines: int, share: float) -> None:
        """TooManyRejects if more than `share` of the lines read were set aside."""
        if self.total <= share * lines:
            return
        reasons = ", ".join(f"{n:,} {reason}" for reason, n in self.counts.most_common(3))
        raise TooManyRejects(
            f"{what}: {self.total:,} of {lines:,} lines set aside in {self.path} ({reasons}); "
            f"source.rejects_share in params.yaml allows {share:.2%}"
        )

    def close(self) -> None:
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()
