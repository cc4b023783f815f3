"""Names of episodes, as Netflix writes them: "Show: Season 1: Episode" is sought as the season, else as the show.

Another language's word for a season is one more word in SEASONS; for a part that also movies have, in PARTS.
"""

import re

from marquee.data.history_import.history import Sought

SEASONS = {
    **dict.fromkeys(("season", "series", "staffel", "saison", "temporada", "stagione", "seizoen", "sæson"), "Season"),
    **dict.fromkeys(("säsong", "sesong", "kausi", "sezon", "сезон", "シーズン", "시즌"), "Season"),
}
PARTS = {
    **dict.fromkeys(("part", "parte", "partie", "teil", "deel", "del"), "Part"),
    **{word: word.capitalize() for word in ("volume", "book", "chapter", "collection")},
}
WHOLE = ("limited series", "mini series", "miniseries", "mini-series", "miniserie", "serie limitada", "série limitée")
_WORDS = SEASONS | PARTS
_NUMBER = r"\d+|[ivx]+|one|two|three|four|five|six|seven|eight|nine|ten"
_MARKER = re.compile(
    rf"(?:the )?(?:complete )?({'|'.join(_WORDS)})\s*({_NUMBER})(?: \([^)]*\))?|({'|'.join(WHOLE)})", re.IGNORECASE
)
_COLON = re.compile(r"\s*[:：]\s+|\s*：")


def sought_of(name: str) -> Sought:
    """A movie's name stays whole, also with colons and a part: only what is followed by an episode is a series."""
    parts = [part for part in _COLON.split(name) if part]
    for place in range(1, len(parts)):
        marker = _MARKER.fullmatch(parts[place])
        if marker and (place + 1 < len(parts) or _is_of_series(marker)):
            show = ": ".join(parts[:place])
            return Sought(show, kind="series", season=_season(show, marker))
    return Sought(name)


def names_a_season(name: str) -> bool:
    """Also "The Godfather: Part II", which nobody means who names a whole series."""
    *before, last = _COLON.split(name)
    return bool(before and (marker := _MARKER.fullmatch(last)) and marker[2])


def _is_of_series(marker: re.Match[str]) -> bool:
    return bool(marker[3]) or marker[1].lower() in SEASONS


def _season(show: str, marker: re.Match[str]) -> str | None:
    return None if marker[3] else f"{show}: {_WORDS[marker[1].lower()]} {marker[2]}"
