"""Wording: a reason as one sentence, and what raised a title in words. Words follow facts: a verb is what the viewer
did, a taste is counted.

Another thing that a viewer can do is one line in _DID, another source one in _VOICES, another feature one in _SAYS.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType

import numpy as np

from marquee.model.features import said_by
from marquee.model.histories import Floats, Histories, Ints
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
# What it says when a source's features raised a title.
_VOICES: Mapping[str, str] = MappingProxyType(
    {
        "als": "what viewers of your taste want",
        "autoencoder": "what goes with all that you watched",
        "autoencoder_recent": "what goes with your latest titles",
        "autoencoder_liked": "what goes with what you liked more than usual",
        "following": "what is watched after titles like your latest",
        "following_last": "what is watched after your last title",
        "following_long": "what is watched some time after your titles",
        "sequence": "what your latest titles lead to",
        "title_neighbours": "who watched your titles watched it too",
        "viewer_neighbours": "viewers like you watched it",
        "content": "alike in genres, people and story",
        "popular": "popular with everybody",
        "trending": "popular right now",
    }
)
# And when others did: of a viewer or a title for itself, or of how the two match.
_SAYS: Mapping[str, str] = MappingProxyType(
    {
        "viewer_count": "how much you have watched",
        "viewer_mean": "how you give stars",
        "viewer_spread": "how you give stars",
        "viewer_mainstream": "how well-known your titles are",
        "viewer_mainstream_recent": "how well-known your latest titles are",
        "viewer_depth_recent": "what stage of watching your latest titles belong to",
        "viewer_first_seen_recent": "how new your latest titles are here",
        "viewer_year_recent": "what years your latest titles are from",
        "viewer_days_since": "how long you were away",
        "viewer_days_active": "how long you have been here",
        "viewer_days_recent": "how fast you watch",
        "viewer_age_group": "your age",
        "viewer_gender": "your gender",
        "viewer_region": "where you live",
        "title_share": "how many watched it",
        "title_mean": "the stars it gets",
        "title_spread": "how far opinions of it differ",
        "title_depth": "what stage of watching it belongs to",
        "title_age": "how new it is here",
        "title_days_since": "how lately it was watched",
        "match_mainstream": "as well-known as your latest titles",
        "match_depth": "of the same stage of watching as your latest titles",
        "match_place": "of the stage of watching that you have come to",
        "match_first_seen": "as new here as your latest titles",
        "match_age": "how new it was when you last watched",
        "match_still_watched": "whether it was still watched when you last did",
        "match_mean": "the stars it gets, beside those you give",
        "match_year": "from the years of your latest titles",
        "match_stars": "the stars you would give it",
        "match_stars_above": "the stars you would give it",
        "match_genres": "its genres are yours",
    }
)
WORDS: Mapping[str, str] = MappingProxyType(
    {**{feature: words for source, words in _VOICES.items() for feature in said_by(source)}, **_SAYS}
)
_PROPER = frozenset({"British", "Korean", "Japanese", "Spanish-Language"})


def words_of(feature: str) -> str:
    """What it says when this feature raised a title; several may say the same."""
    return WORDS.get(feature, feature.replace("_", " "))


@dataclass(frozen=True, eq=False)
class Teller:
    """Tells of one viewer at a time: `of` their history."""

    titles: Titles
    watched: Floats  # how many viewers watched each title
    signals: SignalsParams
    params: ExplainParams

    def of(self, history: Histories) -> "Telling":
        return Telling(self, history)

    def likes(self, history: Histories) -> Floats:
        """Genres, and genres by decade, one column each: how much more of it the viewer watches than everybody does.

        0 where it is no taste.
        """
        liked = history.title[history.strength > 0]
        in_decade = self._decade[liked] == np.arange(len(self._usual))[:, None]
        of_decade = in_decade.astype(np.float32) @ self._genres[liked]
        count, usual = _with_sum(of_decade), len(liked) * _with_sum(self._usual)
        taste = (count >= self.params.taste_count) & (count >= self.params.taste_lift * usual)
        beyond: Floats = np.where(taste, (count - usual) / np.sqrt(usual + 1), 0)
        return beyond

    def tastes_of(self, title: int) -> tuple[list[str], list[int]]:
        """What this title is of in words, and where that stands among all that `likes` tells of."""
        if title not in self._tastes:
            self._tastes[title] = self._tastes_of(title)
        return self._tastes[title]

    def _tastes_of(self, title: int) -> tuple[list[str], list[int]]:
        genres, decade = np.flatnonzero(self._genres[title]).tolist(), int(self._decade[title])
        nouns, era = [self._nouns[genre] for genre in genres], self._eras[decade]
        if era is None:
            return nouns, genres
        of_decade = (1 + decade) * len(self._nouns)
        return [*nouns, *(f"{era} {noun}" for noun in nouns)], [*genres, *(of_decade + genre for genre in genres)]

    @cached_property
    def _tastes(self) -> dict[int, tuple[list[str], list[int]]]:
        """Of the titles that were told of."""
        return {}

    @cached_property
    def _nouns(self) -> list[str]:
        """Of each genre."""
        return [_noun(name) for name in self.titles.genre_names]

    @cached_property
    def _eras(self) -> list[str | None]:
        """Of each decade."""
        return [None if math.isnan(decade) else _era(10 * int(decade)) for decade in self._every_decade.tolist()]

    @cached_property
    def names(self) -> list[str]:
        return self.titles.frame["name"].to_list()

    @cached_property
    def deeds(self) -> Mapping[tuple[float, bool], set[str]]:
        """What the viewer did, by the strength of a row and whether it hides the title."""
        deeds: dict[tuple[float, bool], set[str]] = {}
        for kind, words in _DID.items():
            signal: SignalParams = getattr(self.signals, kind)
            deeds.setdefault(_deed_key(signal.strength, signal.hides), set()).add(words)
        return deeds

    @cached_property
    def _every_decade(self) -> Floats:
        return np.unique(self.titles.years // 10)

    @cached_property
    def _decade(self) -> Ints:
        """Of each title, the place of its decade; what is not known is a decade of its own, the last."""
        return np.searchsorted(self._every_decade, self.titles.years // 10)

    @cached_property
    def _usual(self) -> Floats:
        """Decades x genres: how much of all that is watched is of both."""
        usual = np.zeros((len(self._every_decade), self._genres.shape[1]), np.float32)
        np.add.at(usual, self._decade, self._genres * (self.watched / max(self.watched.sum(), 1))[:, None])
        return usual

    @cached_property
    def _genres(self) -> Floats:
        return self.titles.genre_matrix


@dataclass(frozen=True, eq=False)
class Telling:
    """Sentences about one viewer's history."""

    teller: Teller
    history: Histories

    def sentence(self, title: int, rows: Sequence[int]) -> str:
        """Why this title, naming those rows of the history; nothing where there is nothing to tell."""
        taste = self._taste(title)
        clauses = [self._deeds(rows), f"like {taste}" if taste else ""]
        told = ", and ".join(clause for clause in clauses if clause)
        return f"Because you {told}" if told else ""

    def _deeds(self, rows: Sequence[int]) -> str:
        """What was done alike is said once: gave A and B 5 stars and C 4 stars."""
        told, before, after = "", "", ""
        for row in rows:
            name, (verb, ending) = self.teller.names[self.history.title[row]], self._deed(row)
            if (verb, ending) == (before, after):
                told += f" and {name}"
            else:
                told += (f"{after} and " if told else "") + (name if verb == before else f"{verb} {name}")
            before, after = verb, ending
        return told + after

    def _deed(self, row: int) -> tuple[str, str]:
        """The words before and after the name of what was watched."""
        rating, hides = float(self.history.rating[row]), bool(self.history.hides[row])
        if rating >= self.teller.params.praise:
            return "gave", f" {rating:g} stars"
        said = self.teller.deeds.get(_deed_key(float(self.history.strength[row]), hides), set())
        if len(said) == 1 and math.isnan(rating):
            return next(iter(said)), ""
        return "watched" if hides else "looked at", ""

    def _taste(self, title: int) -> str:
        """What this title is of, if the viewer watches much more of it than everybody does."""
        words, where = self.teller.tastes_of(title)
        beyond = [self._likes[place] for place in where]
        most = max(beyond, default=0)
        return words[beyond.index(most)] if most > 0 else ""

    @cached_property
    def _likes(self) -> list[float]:
        likes: list[float] = self.teller.likes(self.history).tolist()
        return likes


def _with_sum(table: Floats) -> Floats:
    """The sums of columns, and then the table row by row."""
    return np.append(table.sum(axis=0), table)


def _deed_key(strength: float, hides: bool) -> tuple[float, bool]:
    return round(strength, 4), hides


def _era(decade: int) -> str:
    return f"{decade % 100}s" if 1930 <= decade < 2000 else f"{decade}s"


def _noun(genre: str) -> str:
    """A genre as one speaks of it: crime films, dramas, TV comedies."""
    words = " ".join(word if word in _PROPER or word.isupper() else word.lower() for word in genre.split())
    return words if words.endswith(("s", "TV")) else f"{words} films"
