"""A model folder: whole, or refused with what is wrong and where."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from marquee.errors import ModelError
from marquee.model import folder
from marquee.model.folder import Contents, check_place, load_model, save_model

ROOT = Path(__file__).parents[2]


def contents(first: float = 1.0) -> Contents:
    return Contents(
        arrays={
            "als": {
                "factors": np.array([[first, 2.0], [3.0, 4.0]], np.float32),
                "none": np.zeros((0, 3), np.int64),
                "one": np.array(7.5),
                "names": np.array(["a", "é"]),
                "turned": np.asfortranarray(np.arange(6, dtype=np.int32).reshape(2, 3)),
            }
        },
        texts={"ranker.txt": "tree\nß\n", "params.yaml": "a: 1\n"},
        frames={"titles": pl.DataFrame({"title_id": [1, 2], "genres": [["x"], []]})},
        facts={"trained_on": {"ratings": "abc"}, "rows": 3},
    )


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    save_model(tmp_path / "model", contents())
    return tmp_path / "model"


def test_what_is_saved_comes_back_as_it_was(saved: Path) -> None:
    loaded, given = load_model(saved), contents()
    assert loaded.arrays.keys() == given.arrays.keys()
    for name, array in given.arrays["als"].items():
        np.testing.assert_array_equal(loaded.arrays["als"][name], array, strict=True)
    assert loaded.texts == given.texts
    assert loaded.facts == given.facts
    assert loaded.frames["titles"].equals(given.frames["titles"])


def test_arrays_are_mapped_and_cannot_be_changed(saved: Path) -> None:
    for array in load_model(saved).arrays["als"].values():
        assert isinstance(array.base, np.memmap)
        assert not array.flags.writeable


def test_the_same_model_has_the_same_bytes_and_another_another_fingerprint(tmp_path: Path) -> None:
    first, again = (save_model(tmp_path / name, contents()) for name in ("a", "b"))
    other = save_model(tmp_path / "c", contents(first=1.5))
    assert first == again != other
    assert (tmp_path / "a/manifest.json").read_bytes() == (tmp_path / "b/manifest.json").read_bytes()


def test_nothing_is_pickled_and_nothing_else_is_left_beside(saved: Path) -> None:
    endings = {path.suffix for path in saved.rglob("*") if path.is_file()}
    assert endings == {".npy", ".txt", ".yaml", ".parquet", ".json"}
    assert [path.name for path in saved.parent.iterdir()] == ["model"]


def test_an_earlier_model_is_replaced_also_a_damaged_one(saved: Path) -> None:
    (saved / "ranker.txt").unlink()
    save_model(saved, contents(first=9.0))
    assert load_model(saved).arrays["als"]["factors"][0, 0] == 9


@pytest.mark.parametrize(
    "somebodys", [{"notes.md": "mine"}, {"manifest.json": "{}"}, {"manifest.json": '{"files": {"a.txt": 1}}'}]
)
def test_what_is_no_model_is_never_replaced(tmp_path: Path, somebodys: dict[str, str]) -> None:
    for name, text in somebodys.items():
        (tmp_path / name).write_text(text)
    with pytest.raises(ModelError, match=r"it holds .*, which is not of a model; name another folder"):
        save_model(tmp_path, contents())
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == somebodys


def test_a_file_beside_the_model_or_in_its_place_is_never_replaced(saved: Path, tmp_path: Path) -> None:
    (saved / "notes.md").write_text("mine")
    with pytest.raises(ModelError, match=r"it holds notes\.md"):
        save_model(saved, contents())
    (tmp_path / "file").write_text("mine")
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    for name in ("file", "link"):
        with pytest.raises(ModelError, match="it is no folder"):
            save_model(tmp_path / name, contents())


def test_a_link_to_a_folder_is_followed_to_read_it_and_to_replace_it(saved: Path, tmp_path: Path) -> None:
    link = tmp_path / "elsewhere" / "link"
    link.parent.mkdir()
    link.symlink_to(saved)
    assert load_model(link).texts == contents().texts
    save_model(link, contents(first=9.0))
    assert link.is_symlink()
    assert load_model(saved).arrays["als"]["factors"][0, 0] == 9
    assert [path.name for path in link.parent.iterdir()] == ["link"]


@pytest.mark.parametrize("place", ["/proc/model", "file/model", "/dev/null/deep/model"])
def test_a_place_where_nothing_can_be_written_is_named_as_it_was_given(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(ModelError, match=rf"{place}: no model can be written there \(\w"):
        check_place(tmp_path / place)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_what_is_no_model_is_not_walked_through(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "deep" / "deeper").mkdir(parents=True)
    monkeypatch.setattr(Path, "rglob", lambda *_: pytest.fail("it was walked through"))
    with pytest.raises(ModelError, match="it holds deep, which is not of a model"):
        check_place(tmp_path)


def test_what_the_killed_left_beside_a_model_goes_with_the_next_save(saved: Path) -> None:
    killed = "import os; from tests.model.test_folder import *; beside = folder._beside(Path('{}'))"
    command = [sys.executable, "-c", f"{killed.format(saved)}; beside.__enter__(); os._exit(9)"]
    for _ in range(2):
        assert subprocess.run(command, check=False, cwd=ROOT).returncode == 9
    somebodys = saved.with_name(".model-of-mine")
    somebodys.mkdir()
    with folder._beside(saved) as unfinished:
        (unfinished / "file.txt").write_text("")
        assert len(list(saved.parent.iterdir())) == 5
        save_model(saved, contents(first=9.0))
        assert set(saved.parent.iterdir()) == {saved, somebodys, unfinished.parent}
        shutil.rmtree(saved)
    assert set(saved.parent.iterdir()) == {saved, somebodys}


def test_a_save_that_fails_leaves_the_earlier_model(saved: Path) -> None:
    objects = Contents({"als": {"x": np.array([{}], object)}}, {}, {}, {})
    with pytest.raises(ValueError, match="Object arrays cannot be saved"):
        save_model(saved, objects)
    assert load_model(saved).texts == contents().texts
    assert [path.name for path in saved.parent.iterdir()] == ["model"]


@pytest.mark.parametrize("error", [OSError, KeyboardInterrupt])
def test_whatever_comes_while_a_model_takes_its_place_leaves_the_earlier_one(
    saved: Path, monkeypatch: pytest.MonkeyPatch, error: type[BaseException]
) -> None:
    rename = Path.rename

    def ends(path: Path, target: Path) -> Path:
        if path.name == "new":
            raise error
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", ends)
    with pytest.raises(error):
        save_model(saved, contents(first=9.0))
    assert load_model(saved).arrays["als"]["factors"][0, 0] == 1
    assert [path.name for path in saved.parent.iterdir()] == ["model"]


def test_a_name_that_leads_out_of_the_folder_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no file of a model folder is called so"):
        save_model(tmp_path / "model", Contents({}, {"../escaped.txt": ""}, {}, {}))
    assert list(tmp_path.iterdir()) == []


def cut_short(model: Path) -> None:
    os.truncate(model / "als/factors.npy", 100)


def flip_a_byte(model: Path) -> None:
    data = bytearray((model / "als/factors.npy").read_bytes())
    data[-1] ^= 1
    (model / "als/factors.npy").write_bytes(data)


def lose_a_file(model: Path) -> None:
    (model / "ranker.txt").unlink()


def add_a_file(model: Path) -> None:
    (model / "als/extra.npy").write_bytes(b"")


def add_an_empty_folder(model: Path) -> None:
    (model / "cache").mkdir()


def link_a_file(model: Path) -> None:
    (model / "ranker.txt").rename(model.parent / "ranker.txt")
    (model / "ranker.txt").symlink_to(model.parent / "ranker.txt")


def link_a_folder(model: Path) -> None:
    (model / "als").rename(model.parent / "als")
    (model / "als").symlink_to(model.parent / "als")


def lose_the_manifest(model: Path) -> None:
    (model / "manifest.json").unlink()


def cut_the_manifest(model: Path) -> None:
    os.truncate(model / "manifest.json", 50)


def change_a_fact(model: Path) -> None:
    rewrite(model, lambda told: told["facts"].update(rows=4))


def another_format(model: Path) -> None:
    rewrite(model, lambda told: told.update(format=99))


def remove_everything(model: Path) -> None:
    shutil.rmtree(model)


def leave_a_file(model: Path) -> None:
    remove_everything(model)
    model.write_text("mine")


def rewrite(model: Path, change: Callable[[dict], object]) -> None:  # type: ignore[type-arg]
    told = json.loads((model / "manifest.json").read_text())
    change(told)
    (model / "manifest.json").write_text(json.dumps(told))


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (cut_short, r"factors\.npy: 100 bytes, the manifest says 144"),
        (flip_a_byte, r"factors\.npy: its bytes changed"),
        (lose_a_file, r"ranker\.txt is missing"),
        (add_a_file, r"als/extra\.npy is not of the model"),
        (add_an_empty_folder, r"cache is not of the model"),
        (link_a_file, r"ranker\.txt: a link, not a file"),
        (link_a_folder, r"model/als: a link, not a file or folder"),
        (lose_the_manifest, r"no manifest\.json, so no model"),
        (cut_the_manifest, r"manifest\.json: damaged"),
        (change_a_fact, r"its fingerprint is another"),
        (another_format, r"a model of format 99, this is 2"),
        (remove_everything, r"there is nothing, so no model"),
        (leave_a_file, r"no folder, so no model"),
    ],
)
def test_a_damaged_folder_is_refused_by_name_with_a_way_out(
    saved: Path, damage: Callable[[Path], None], says: str
) -> None:
    damage(saved)
    with pytest.raises(ModelError, match=rf"{says}.*marquee fit"):
        load_model(saved)


def forge(model: Path, name: str, write: Callable[[Path], None]) -> None:
    """A folder that is true to its manifest, made by somebody who means harm."""
    write(model / name)
    data = (model / name).read_bytes()
    told = json.loads((model / "manifest.json").read_text())
    del told["fingerprint"]
    told["files"][name] = {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    told["fingerprint"] = hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()
    (model / "manifest.json").write_text(json.dumps(told))


def pickled(path: Path) -> None:
    with path.open("wb") as file:
        np.lib.format.write_array(file, np.array([Path], object), allow_pickle=True)


def zipped(path: Path) -> None:
    with path.open("wb") as file:
        np.savez(file, a=np.zeros(3))


@pytest.mark.parametrize(
    ("name", "write", "says"),
    [
        ("als/evil.npy", pickled, "not what a model holds: .*Python objects"),
        ("als/evil.npy", zipped, "not what a model holds: .*magic string"),
        ("evil.parquet", lambda path: path.write_bytes(b"PAR1"), "not what a model holds"),
        ("evil.txt", lambda path: path.write_bytes(b"\xff"), "not what a model holds"),
        ("../evil.npy", lambda path: np.save(path, np.zeros(3)), "it names '../evil.npy', no file of a model"),
        ("evil.pkl", lambda path: path.write_bytes(b""), "it names 'evil.pkl', no file of a model"),
    ],
)
def test_a_forged_folder_runs_no_code_and_reads_nothing_outside(
    saved: Path, name: str, write: Callable[[Path], None], says: str
) -> None:
    forge(saved, name, write)
    with pytest.raises(ModelError, match=says):
        load_model(saved)
