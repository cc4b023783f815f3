"""All that was watched: choices made block by block, each title once a viewer, parts in order, with stars and fates.

Each block has its own seed, so that the result is the same for any number of threads.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from marquee.data.demo_world.catalogue import DAYS
from marquee.data.demo_world.choosing import Block, Choices, choose
from marquee.data.demo_world.tastes import Doubles, Ints, TitleTraits
from marquee.data.demo_world.viewers import Viewers
from marquee.data.demo_world.watches import Fate, Watches, coded_likings

TASTE_IN_STARS = 0.3  # stars for one more of affinity
_BLOCK = 64  # viewers: at the Prize's size their matrices of viewers x titles are of some megabytes
_THREADS = 2
_BOT_RATINGS_A_DAY = 300
_NOISE, _MOOD_OF_A_DAY, _WEARINESS = 0.75, 0.22, 0.06
_NEW_SCALE_DAY, _NEW_SCALE_GAIN = 1_580, 0.12  # in spring 2004 all stars rose


def watch_everything(viewers: Viewers, traits: TitleTraits, seeds: np.random.SeedSequence) -> Iterator[Watches]:
    """Block by block; the bots come first."""
    people = np.flatnonzero((viewers.ratings > 0) & ~viewers.bots)
    blocks = np.split(people, np.arange(_BLOCK, len(people), _BLOCK))
    own_seeds = seeds.spawn(len(blocks) + 1)

    def watched(number: int) -> Watches:
        return _watched(Block(blocks[number], viewers, traits, np.random.default_rng(own_seeds[number])))

    yield _watched_by_bots(viewers, traits, np.random.default_rng(own_seeds[-1]))
    with ThreadPoolExecutor(_THREADS) as threads:
        yield from threads.map(watched, range(len(blocks)))


def _watched(block: Block) -> Watches:
    choices = _filled(block, _as_many_as_wanted(block, _once_each(choose(block))))
    choices = _parts_in_order(block.traits, choices)
    likings = coded_likings(_likings(block, choices))
    return Watches.of(choices.title, block.rows[choices.viewer], choices.day, likings, _fates(block, choices))


def _once_each(choices: Choices) -> Choices:
    """A title that a viewer came to twice counts where it came first in their chains."""
    choices = choices[_order(choices.viewer, choices.title, choices.chain, choices.step)]
    again = (np.diff(choices.viewer, prepend=-1) == 0) & (np.diff(choices.title, prepend=-1) == 0)
    return choices[~again]


def _as_many_as_wanted(block: Block, choices: Choices) -> Choices:
    """The first whole chains of each viewer; what is left over was never rated."""
    choices = choices[_order(choices.viewer, choices.chain, choices.step)]
    return choices[_rank(choices.viewer, len(block.rows)) < block.wanted[choices.viewer]]


def _order(*keys: Ints) -> Ints:
    """The order by these keys, the first before the others; a single sort of one number is far faster than lexsort."""
    sizes = [int(key.max(initial=0)) + 1 for key in keys]
    return np.argsort(np.ravel_multi_index(keys, sizes))


def _rank(viewer: Ints, viewers: int) -> Ints:
    """The place of each row within its viewer's, for rows sorted by viewer."""
    firsts = np.searchsorted(viewer, np.arange(viewers))
    return np.arange(len(viewer)) - firsts[viewer]


def _filled(block: Block, choices: Choices) -> Choices:
    """Who rates so much that free choices repeat themselves goes on through what is left, best first."""
    missing = block.wanted - np.bincount(choices.viewer, minlength=len(block.rows))
    short = np.flatnonzero(missing)
    luck, counts = _luck(block, short, choices), missing[short].tolist()
    found = [np.argpartition(-row, count - 1)[:count] for row, count in zip(luck, counts, strict=True)]
    viewer = np.repeat(short, missing[short])
    title = np.concatenate([*found, np.empty(0, dtype=np.int64)])
    day = np.maximum(block.random_days(viewer), block.traits.arrival[title])
    return Choices.together([choices, Choices(viewer, np.zeros_like(viewer), np.zeros_like(viewer), title, day)])


def _luck(block: Block, short: Ints, choices: Choices) -> Doubles:
    """How well each title does with these viewers: by taste, appeal and chance; what they saw is out."""
    place = np.full(len(block.rows), -1)
    place[short] = np.arange(len(short))
    theirs = choices[place[choices.viewer] >= 0]
    luck = (
        block.affinity(0.5)[short] + block.traits.appeal + block.rng.gumbel(size=(len(short), len(block.traits.part)))
    )
    luck -= 1e3 * (block.traits.arrival > block.left[short, None])
    luck[place[theirs.viewer], theirs.title] = -np.inf
    return np.asarray(luck)


def _parts_in_order(traits: TitleTraits, choices: Choices) -> Choices:
    """Of each work the earlier part gets the earlier day."""
    work = traits.work[choices.title]
    by_part = _order(choices.viewer, work, traits.part[choices.title])
    by_day = _order(choices.viewer, work, choices.day)
    day = choices.day.copy()
    day[by_part] = choices.day[by_day]
    return Choices(choices.viewer, choices.chain, choices.step, choices.title, day)


def _likings(block: Block, choices: Choices) -> Doubles:
    """In stars above the mean: the viewer's and the title's biases, the taste, the day, and noise."""
    traits, viewer, title, day, rng = block.traits, choices.viewer, choices.title, choices.day, block.rng
    bias = block.viewers.bias[block.rows[viewer]].astype(np.float64)
    likings = bias[:, 0] + block.drifted(viewer, day) * (bias[:, 1] - bias[:, 0])
    likings += traits.quality[title] + traits.trend[title] * (day / DAYS)
    likings += TASTE_IN_STARS * block.affinity_of(viewer, title, day)
    _, sitting, sizes = np.unique(viewer * (DAYS + 1) + day, return_inverse=True, return_counts=True)
    likings += rng.normal(0, _MOOD_OF_A_DAY, len(sizes))[sitting] - _WEARINESS * np.log(sizes)[sitting]
    return likings + _NEW_SCALE_GAIN * (day >= _NEW_SCALE_DAY) + rng.normal(0, _NOISE, len(day))


def _fates(block: Block, choices: Choices) -> Ints:
    """Of a viewer's last ratings one third, drawn at random, is the probe, and two thirds are withheld."""
    rng, probe = block.rng, block.viewers.probe[block.rows]
    latest = np.argsort((choices.viewer + 1) * (DAYS + 1) - choices.day + rng.random(len(choices)))
    viewer = choices.viewer[latest]
    is_last = _rank(viewer, len(block.rows)) < 3 * probe[viewer]
    latest = latest[is_last]
    drawn = latest[np.argsort(choices.viewer[latest] + rng.random(len(latest)))]
    viewer = choices.viewer[drawn]
    fates = np.full(len(choices), Fate.TRAINING, dtype=np.int64)
    fates[drawn] = np.where(_rank(viewer, len(block.rows)) < probe[viewer], Fate.PROBE, Fate.WITHHELD)
    return fates


def _watched_by_bots(viewers: Viewers, traits: TitleTraits, rng: np.random.Generator) -> Watches:
    """Hundreds a day of whatever there is, with stars drawn evenly or always five."""
    parts = []
    for bot in np.flatnonzero(viewers.bots).tolist():
        there = traits.arrival <= viewers.joined[bot]
        luck = rng.random(len(there)) + ~there
        title = np.argsort(luck, kind="stable")[: viewers.ratings[bot]]
        day = viewers.joined[bot] + np.arange(len(title)) // _BOT_RATINGS_A_DAY
        day = np.minimum(np.maximum(day, traits.arrival[title]), DAYS)
        stars = rng.integers(1, 6, len(title)) if rng.random() < 0.5 else np.full(len(title), 5)
        parts.append(Watches.of(title, np.full(len(title), bot), day, stars - 1, np.full(len(title), Fate.TRAINING)))
    return Watches(np.concatenate([part.packed for part in parts]))
