"""Claims about machine code: no loop reads or writes beside its arrays, which nothing tells at once."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

_HERE = Path(__file__).parent
_ASKED = (
    "sources", "test_best.py", "test_candidates.py", "test_copies.py", "test_explain.py", "test_features.py",
    "test_rescored.py", "test_shapley.py", "test_stars_parts.py", "test_stars_sides.py", "test_trees.py",
)  # fmt: skip


@pytest.mark.timeout(900)
def test_with_every_index_checked_all_claims_on_machine_code_hold(tmp_path: Path) -> None:
    checked = {**os.environ, "NUMBA_BOUNDSCHECK": "1", "NUMBA_CACHE_DIR": str(tmp_path)}
    claims = [str(_HERE / name) for name in _ASKED]
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "no:xdist", "-x", *claims]
    told = subprocess.run(command, env=checked, cwd=_HERE.parents[1], capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stdout[-4_000:]
    assert any(tmp_path.rglob("*.nbc")), "nothing was compiled anew"
