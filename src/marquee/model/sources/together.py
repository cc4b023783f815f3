"""Together: what every source says of every title; those that ask the same weights are answered in one pass."""

from collections.abc import Iterable, Mapping, Sequence

from marquee.model.histories import Floats, Histories, Ints
from marquee.model.sources import Source
from marquee.model.sources.als import Als
from marquee.model.sources.autoencoder import Autoencoder, whole
from marquee.model.sources.fitting import Recent, Weighed


def said_by_all(sources: Sequence[Source], histories: Histories, as_of: Ints) -> list[Floats]:
    """Viewers x titles, one a source: to the bit what each says alone."""
    said = {**_by_als(sources, histories), **_by_autoencoders(sources, histories)}
    return [said[source.name] if source.name in said else source.scores(histories, as_of) for source in sources]


def _by_als(sources: Sequence[Source], histories: Histories) -> Mapping[str, Floats]:
    """Of whole histories, and of their recent parts."""
    asked: dict[int, tuple[Als, dict[str, Histories]]] = {}
    for source in sources:
        match source:
            case Als() as als:
                asked.setdefault(id(als), (als, {}))[1][source.name] = histories
            case Recent(source=Als() as als):
                asked.setdefault(id(als), (als, {}))[1][source.name] = histories.last(source.recent)
    return _named((list(of), als.answers(list(of.values()))) for als, of in asked.values())


def _by_autoencoders(sources: Sequence[Source], histories: Histories) -> Mapping[str, Floats]:
    """Of whole histories, weighed in several ways."""
    asked: dict[int, tuple[Autoencoder, dict[str, Floats]]] = {}
    for source in sources:
        match source:
            case Autoencoder() as autoencoder:
                asked.setdefault(id(autoencoder), (autoencoder, {}))[1][source.name] = whole(histories)
            case Weighed(source=autoencoder):
                asked.setdefault(id(autoencoder), (autoencoder, {}))[1][source.name] = source.values(histories)
    return _named((list(of), autoencoder.answers(histories, list(of.values()))) for autoencoder, of in asked.values())


def _named(answered: Iterable[tuple[Sequence[str], Floats]]) -> Mapping[str, Floats]:
    return {name: scores for names, answers in answered for name, scores in zip(names, answers, strict=True)}
