"""How long does the demo world take, and how much memory, at its default size and at that of the Netflix Prize?

Each world is written by a process of its own. `--quick` leaves out the Prize's size (2.4 GB on disk, minutes).
"""

import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from marquee.data.demo_world import at_netflix_scale, write_demo_world
from marquee.params import DemoWorldParams, read_params

LIMITS = {"default": (10.0, 4.0), "netflix": (600.0, 4.0)}  # seconds, GB
PARAMS = read_params(Path(__file__).parent.parent / "params.yaml").demo_world


def sized(scale: str) -> DemoWorldParams:
    return at_netflix_scale(PARAMS) if scale == "netflix" else PARAMS


def measure(scale: str) -> None:
    """Writes one world and prints what it took."""
    with tempfile.TemporaryDirectory() as folder:
        begin = time.perf_counter()
        world = write_demo_world(Path(folder) / "demo", sized(scale))
        seconds = time.perf_counter() - begin
        size = sum(path.stat().st_size for path in world.folder.rglob("*") if path.is_file())
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(json.dumps({"ratings": world.ratings, "seconds": seconds, "peak": peak, "written": size / 1e6}))


def measured(scale: str) -> dict[str, float]:
    command = [sys.executable, __file__, "--measure", scale]
    answer = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    return dict(json.loads(answer))


def main() -> None:
    if sys.argv[1:2] == ["--measure"]:
        return measure(sys.argv[2])
    print("world          ratings     MB  seconds  limit  share  peak GB  limit  share")
    for scale in ("default",) if "--quick" in sys.argv else LIMITS:
        took, (seconds, peak) = measured(scale), LIMITS[scale]
        print(
            f"{scale:<9}{took['ratings']:>13,.0f}{took['written']:>7,.0f}"
            f"{took['seconds']:>9.1f}{seconds:>7.0f}{took['seconds'] / seconds:>7.0%}"
            f"{took['peak']:>9.2f}{peak:>7.1f}{took['peak'] / peak:>7.0%}"
        )
    return None


if __name__ == "__main__":
    main()
