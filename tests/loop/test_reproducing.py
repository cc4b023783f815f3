"""A version made again: what of it is not as it was is named. That it is as it was is told in tests/flows."""

from pathlib import Path

import pytest

from marquee.data.events import EventStore
from marquee.errors import LoopError, RegistryError
from marquee.loop.reproducing import differences, reproduce
from marquee.model.folder import Contents, save_model
from marquee.params import read_params
from marquee.registry import register
from tests.tiny import ROOT


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def test_what_differs_or_is_on_one_side_alone_is_named(tmp_path: Path) -> None:
    one = write(tmp_path / "one", {"same": "1", "als/changed": "1", "gone": "1"})
    other = write(tmp_path / "other", {"same": "1", "als/changed": "2", "new": "1"})
    assert list(differences(one, other)) == ["als/changed", "gone", "new"]
    assert list(differences(one, one)) == []


def test_a_version_of_which_nothing_but_the_model_is_kept_cannot_be_made_again(tmp_path: Path) -> None:
    save_model(tmp_path / "model", Contents({}, {"params.yaml": "a: 1"}, {}, {}))
    registry = f"sqlite:///{tmp_path}/mlflow.db"
    version = register(registry, tmp_path / "model")
    params = read_params(ROOT / "params.yaml").events
    with EventStore(f"sqlite:///{tmp_path}/events.db", params, None) as store:
        with pytest.raises(LoopError, match="version 1: how it was made is not kept"):
            reproduce(registry, version, tmp_path / "again", store, print)
        with pytest.raises(RegistryError, match="version=9"):
            reproduce(registry, "9", tmp_path / "again", store, print)
