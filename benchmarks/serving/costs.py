"""What the workers of a service cost: memory of their own, model files that they have read, time of a processor."""

import os
from pathlib import Path

from tests.serve.running import Running


def of_workers(service: Running) -> float:
    """MB of the largest one's own. What it has read of the model's files is none of it: those are the same for all, and
    the system keeps them only as long as it has room."""
    return max(_megabytes(pid, "Private_Dirty") for pid in service.workers())


def of_files(service: Running) -> float:
    """MB of files that the largest one has in memory, by its share of them."""
    return max(_megabytes(pid, "Pss_File") for pid in service.workers())


def _megabytes(pid: int, kind: str) -> float:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text("ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{kind}:")) / 1e3


def processor_s(service: Running) -> float:
    """Of all workers since their start."""
    told = [Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split() for pid in service.workers()]
    return sum(int(fields[11]) + int(fields[12]) for fields in told) / os.sysconf("SC_CLK_TCK")
