"""Wording: a reason as one sentence. Words follow facts: a verb is what the viewer did, a taste is counted.

Another thing that a viewer can do is one line in _DID.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from types import MappingProxyType

import numpy as np

from marquee.model.histories import Floats, Histories
from marquee.model.titles import Titles
from marquee.params import ExplainParams, SignalParams, SignalsParams

# What is said of a row without stars, by the event that gave it its strength; two that say the same may share one.
_DID: Mapping[str, str] = MappingProxyType(
    {
        "watch_finished": "finished",
        "liked": "liked",
        "rewatched": "liked",
        "saved": "saved",
        "watch_progress": "began",
        "watch_started": "began",
    }
)
_PROPER = frozenset({"British", "Korean", "Japanese", "Spanish-Language"})


@dataclass(frozen=True, eq=False)
class Teller:
    titles: Titles
    watched: Floats  # how many viewers watched each title
    signals: SignalsParams
    params: ExplainParams

    def sentence(self, history: Histories, title: int, rows: Sequence[int]) -> str:
        """Why this title, naming those rows of one viewer's history; nothing where there is nothing to tell."""
        taste = self._taste(history, title)
        clauses = [self._deeds(history, rows), f"like {taste}" if taste else ""]
        told = ", and ".join(clause for clause in clauses if clause)
        return f"Because you {told}" if told else ""

    def _deeds(self, history: Histories, rows: Sequence[int]) -> str:
        names = self.titles.frame["name"]
        told = [(self._deed(history, row), str(names[int(history.title[row])])) for row in rows]
        same = [(deed, " and ".join(name for _, name in group)) for deed, group in groupby(told, lambda each: each[0])]
        verbs = [f"{verb} " if n == 0 or verb != same[n - 1][0][0] else "" for n, ((verb, _), _) in enumerate(same)]
        return " and ".join(f"{verb}{named}{after}" for verb, ((_, after), named) in zip(verbs, same, strict=True))

    def _deed(self, history: Histories, row: int) -> tuple[str, str]:
        """The words before and after the name of what was watched."""
        rating = history.rating[row]
        if rating >= self.params.praise:
            return "gave", f" {rating:g} stars"
        said = {words for kind, words in _DID.items() if self._may_be(kind, history, row)}
        unsure = "watched" if history.hides[row] else "looked at"
        return said.pop() if len(said) == 1 and np.isnan(rating) else unsure, ""

    def _may_be(self, kind: str, history: Histories, row: int) -> bool:
        signal: SignalParams = getattr(self.signals, kind)
        return bool(np.isclose(signal.strength, history.strength[row]) and signal.hides == history.hides[row])

    def _taste(self, history: Histories, title: int) -> str:
        """What this title is of, if the viewer watches much more of it than everybody does."""
        words, facets = self._facets(title)
        liked = history.title[history.strength > 0]
        count = facets[liked].sum(axis=0)
        usual = len(liked) * (self.watched @ facets) / max(self.watched.sum(), 1)
        taste = (count >= self.params.taste_count) & (count >= self.params.taste_lift * usual)
        beyond = np.where(taste, (count - usual) / np.sqrt(usual + 1), 0)
        return words[beyond.argmax()] if taste.any() else ""

    def _facets(self, title: int) -> tuple[list[str], Floats]:
        """What one may like about this title, in words, and titles x facets: 1 where another has it too."""
        genres = self.titles.genres[[title]].indices
        nouns = [_noun(self.titles.genre_names[genre]) for genre in genres]
        of_genres = self._genres[:, genres]
        decade = self.titles.years[title] // 10
        if np.isnan(decade):
            return nouns, of_genres
        same = (self.titles.years // 10 == decade).astype(np.float32)[:, None]
        era = _era(int(decade) * 10)
        return [*nouns, *(f"{era} {noun}" for noun in nouns)], np.hstack([of_genres, of_genres * same])

    @cached_property
    def _genres(self) -> Floats:
        genres: Floats = self.titles.genres.toarray()
        return genres


def _era(decade: int) -> str:
    return f"{decade % 100}s" if 1930 <= decade < 2000 else f"{decade}s"


def _noun(genre: str) -> str:
    """A genre as one speaks of it: crime films, dramas, TV comedies."""
    words = " ".join(word if word in _PROPER or word.isupper() else word.lower() for word in genre.split())
    return words if words.endswith(("s", "TV")) else f"{words} films"
