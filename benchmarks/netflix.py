"""How long does everything take at the Netflix Prize's size on one machine, stage by stage, and what does growing cost?

`marquee demo-world` writes the Prize's own format, `dvc repro` does the rest in a folder of its own: from text to a
measured model. Beside each stage stand its floor, which prize/floor.py works out, and what the plain library takes for
the heart of it, on the same tables. `--ratings` takes millions, several for the slope; a run that was killed goes on
where it was. The last rankings are measured on `live`, of a sample of viewers.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path

import lightgbm as lgb
import numpy as np
import polars as pl
from implicit.cpu.als import AlternatingLeastSquares

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.prize.floor import FITS_A_PAST, PASTS, Done, Machine
from marquee.data.demo_world import NETFLIX_SCALE
from marquee.model.folder import load_model
from marquee.model.histories import histories_of
from marquee.model.split import some_viewers
from marquee.params import Params
from tests.tiny import lay_out

LIMIT_MINUTES, LIMIT_GB = 40, 10
STAGES = ("titles", "ratings", "interactions", "split", "retrieve", "rank", "stars", "evaluate", "recommender")


def project(folder: Path, millions: float) -> None:
    """A clone whose demo world has so many ratings of the Prize's titles, by the Prize's share of viewers."""
    share = millions * 1e6 / NETFLIX_SCALE["ratings"]
    sizes = {
        "demo_world.viewers": max(int(NETFLIX_SCALE["viewers"] * share), 3_000),
        "demo_world.titles": NETFLIX_SCALE["titles"],
        "demo_world.ratings": int(millions * 1e6),
        "evaluate.cuts": "[by_time, live]",
    }
    lay_out(folder, *(f"{name}={value}" for name, value in sizes.items()), recipe=())


def run(folder: Path) -> float:
    """Seconds of `dvc repro`; what is there already takes none."""
    began = time.perf_counter()
    command = [str(Path(sys.executable).parent / "dvc"), "repro"]
    subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def costs(folder: Path) -> Mapping[str, Mapping[str, float]]:
    return {name: json.loads((folder / "data" / "metrics" / f"{name}.json").read_text("utf-8")) for name in STAGES}


def plain(folder: Path, params: Params) -> Iterator[tuple[str, str, int, Callable[[], object]]]:
    """The stage, the library, how often, and the heart of the work done with it alone, once."""
    table = _learnt(folder, params)
    histories = histories_of(table, np.sort(table["title_id"].unique().to_numpy()).astype(np.int64))
    matrix = histories.matrix(np.ones(len(histories.title), np.float32), int(histories.title.max()) + 1)
    als, ranker = params.sources.als, params.ranker
    solver = AlternatingLeastSquares(als.factors, als.regularization, iterations=als.iterations, num_threads=2)
    yield "ratings", "polars", 1, lambda: _scanned(folder)
    yield "retrieve", "implicit", FITS_A_PAST * PASTS, lambda: solver.fit(matrix, show_progress=False)
    rows = load_model(folder / "data" / "retrieved" / "everything").arrays["rows"]
    settings = {"num_leaves": ranker.leaves, "num_threads": 2, "verbosity": -1, "objective": ranker.objectives[0]}
    yield (
        "rank",
        "LightGBM",
        len(ranker.objectives) * PASTS,
        lambda: lgb.train(
            settings,
            lgb.Dataset(np.asarray(rows["features"]), np.asarray(rows["labels"]), group=np.asarray(rows["counts"])),
            ranker.rounds,
        ),
    )


def _learnt(folder: Path, params: Params) -> pl.DataFrame:
    """The rows of as many viewers as are learnt from."""
    told = pl.scan_parquet(folder / "data" / "tables" / "interactions.parquet")
    some = some_viewers(told.select(pl.col("user_id").unique()).collect()["user_id"], params.viewers, params.seed)
    return told.filter(pl.col("user_id").is_in(some.implode())).collect()


def _scanned(folder: Path) -> pl.DataFrame:
    names = {"user_id": pl.String, "rating": pl.Float32, "day": pl.Date}
    text = folder / "data" / "demo" / "combined_data_*.txt"
    return pl.scan_csv(text, has_header=False, schema=names, missing_columns="insert", quote_char=None).collect()


def told(folder: Path, machine: Machine) -> None:
    cost, done = costs(folder), Done.of(folder)
    beside: dict[str, str] = {}
    for stage, library, times, work in plain(folder, done.params):
        began = time.perf_counter()
        work()
        beside[stage] = f"{library}: {times} times {time.perf_counter() - began:.0f} s"
    print(f"{'stage':<14}{'seconds':>9}{'GB':>7}{'floor, s':>10}  the plain library for the heart of it")
    for stage in STAGES:
        seconds, peak = cost[stage]["seconds"], cost[stage]["peak_mb"] / 1e3
        least = done.floor(stage, machine)
        print(f"{stage:<14}{seconds:>9.1f}{peak:>7.2f}{least:>10.1f}  {beside.get(stage, '')}")
    minutes, peak = whole(cost)
    limits = f"limits for 100 million: {LIMIT_MINUTES} minutes, {LIMIT_GB} GB"
    print(f"{'all':<14}{60 * minutes:>9.0f}{peak:>7.2f}   {limits}\n")


def whole(cost: Mapping[str, Mapping[str, float]]) -> tuple[float, float]:
    return sum(cost[name]["seconds"] for name in STAGES) / 60, max(cost[name]["peak_mb"] for name in STAGES) / 1e3


def slopes(sizes: Sequence[float], folders: Sequence[Path]) -> None:
    """By how much each stage grows when the ratings grow tenfold: 10 is linear."""
    every = [costs(folder) for folder in folders]
    print(f"{'seconds':<14}" + "".join(f"{size:>9g}M" for size in sizes) + "   tenfold takes")
    for stage in STAGES:
        seconds = [cost[stage]["seconds"] for cost in every]
        slope = np.polyfit(np.log10(sizes), np.log10(np.maximum(seconds, 0.01)), 1)[0]
        print(f"{stage:<14}" + "".join(f"{each:>10.1f}" for each in seconds) + f"{10**slope:>12.1f} times")


def picture(sizes: Sequence[float], folders: Sequence[Path]) -> str:
    """Seconds of each stage by millions of ratings, both as logarithms: what is linear rises as the dashed lines do."""
    every = [costs(folder) for folder in folders]
    seconds = {stage: [max(cost[stage]["seconds"], 0.1) for cost in every] for stage in STAGES}
    left, right = np.log10(min(sizes)) - 0.05, np.log10(max(sizes)) + 0.05

    def x(size: float) -> float:
        return float(70 + 500 * (np.log10(size) - left) / (right - left))

    def y(second: float) -> float:
        return float(380 - 90 * (np.log10(second) + 0.5))

    marks = [_text(x(size), 440, f"{size:g} M", "middle") for size in sizes]
    marks += [_text(60, y(second) + 4, f"{second:g} s", "end") for second in (1, 10, 100, 1000)]
    marks += [_line([(70, y(second)), (570, y(second))], "#8886", 1) for second in (1, 10, 100, 1000)]
    guides = [
        _line([(x(10**left), y(second)), (x(10**right), y(second * 10 ** (right - left)))], "#8888", 1, "4 4")
        for second in (0.5, 5)
    ]
    lines, names = [], []
    ends = np.array([y(of[-1]) for of in seconds.values()])
    for above, below in pairwise(np.argsort(ends)):
        ends[below] = max(ends[below], ends[above] + 16)
    for number, (stage, of) in enumerate(seconds.items()):
        colour = f"hsl({40 * number} 65% 48%)"
        lines.append(_line([(x(size), y(each)) for size, each in zip(sizes, of, strict=True)], colour, 2.5))
        names.append(_text(580, ends[number] + 4, stage, "start", colour))
    body = "\n".join([*marks, *guides, *lines, *names])
    style = 'font-family="sans-serif" font-size="14" fill="#888"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 720 460" {style}>\n{body}\n</svg>\n'


def _text(x: float, y: float, words: str, anchor: str, colour: str = "#888") -> str:
    return f'<text x="{x:.0f}" y="{y:.0f}" text-anchor="{anchor}" fill="{colour}">{words}</text>'


def _line(points: Sequence[tuple[float, float]], colour: str, width: float, dashes: str = "none") -> str:
    told = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    drawn = f'stroke="{colour}" stroke-width="{width}" stroke-dasharray="{dashes}"'
    return f'<polyline points="{told}" fill="none" {drawn}/>'


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ratings", type=float, nargs="+", default=[100.0], help="millions; 100 is the Prize")
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "marquee-netflix")
    parser.add_argument("--picture", type=Path, help="where to draw what growing costs, as SVG")
    parser.add_argument("--quick", action="store_true", help="half a million ratings")
    given = parser.parse_args()
    sizes, folders = [0.5] if given.quick else given.ratings, []
    given.folder.mkdir(parents=True, exist_ok=True)
    machine = Machine.measured(given.folder)
    print(machine)
    for millions in sizes:
        folder = given.folder / f"{millions:g}M"
        if not (folder / "params.yaml").exists():
            project(folder, millions)
        print(f"{millions:g} million ratings: dvc repro {run(folder) / 60:.1f} minutes, the world included", flush=True)
        told(folder, machine)
        folders.append(folder)
    if len(sizes) > 1:
        slopes(sizes, folders)
        if given.picture:
            given.picture.write_text(picture(sizes, folders), "utf-8")


if __name__ == "__main__":
    main()
