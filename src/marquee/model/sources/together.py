"""Together: what every source says of every title; those that ask the same weights are answered in one pass."""

from collections.abc import Iterator, Mapping, Sequence

from marquee.model.histories import Floats, Histories, Ints
from marquee.model.sources import Shared, Source
from marquee.model.sources.autoencoder import Autoencoder, whole
from marquee.model.sources.fitting import Weighed
from marquee.model.sources.popular import Popular, Trending


def said_by_all(sources: Sequence[Source], histories: Histories, as_of: Ints) -> Iterator[Floats]:
    """Viewers x titles, one source after another: to the bit what each says alone."""
    return (said.scores if isinstance(said, Shared) else said for said in told_by_all(sources, histories, as_of))


def told_by_all(sources: Sequence[Source], histories: Histories, as_of: Ints) -> Iterator[Floats | Shared]:
    """The same, but what is said to many alike only once."""
    said: dict[str, Floats | Shared] = {}
    for source in sources:
        if source.name not in said:
            said |= _said_with(source, sources, histories, as_of)
        yield said.pop(source.name)


def _said_with(
    source: Source, sources: Sequence[Source], histories: Histories, as_of: Ints
) -> Mapping[str, Floats] | Mapping[str, Shared]:
    """What a source says, and what those say that ask the same weights."""
    match source:
        case Autoencoder():
            return _by_autoencoder(source, sources, histories)
        case Weighed(source=autoencoder):
            return _by_autoencoder(autoencoder, sources, histories)
        case Popular():
            return {source.name: source.shared(histories)}
        case Trending():
            return {source.name: source.shared(as_of)}
        case _:
            return {source.name: source.scores(histories, as_of)}


def _by_autoencoder(autoencoder: Autoencoder, sources: Sequence[Source], histories: Histories) -> Mapping[str, Floats]:
    """Of whole histories, weighed in several ways."""
    asked = {autoencoder.name: whole(histories)} if autoencoder in sources else {}
    for source in sources:
        if isinstance(source, Weighed) and source.source is autoencoder:
            asked[source.name] = source.values(histories)
    return dict(zip(asked, autoencoder.answers(histories, list(asked.values())), strict=True))
