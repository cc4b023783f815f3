"""params.yaml: what is right is read whole, what is wrong is named by its path."""

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from marquee.errors import ParamsError
from marquee.params import Params, read_params

FILE = Path(__file__).parent.parent / "params.yaml"


def test_the_projects_own_params_are_read_whole() -> None:
    assert read_params(FILE).model_dump(mode="json") == yaml.safe_load(FILE.read_text("utf-8"))


def test_params_cannot_be_changed_after_reading() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        read_params(FILE).source.path = "elsewhere"


def test_a_change_is_laid_over_the_file() -> None:
    params = read_params(FILE, ["source.format=movielens", "watch_api.pause_s=3"])
    assert params.source.format == "movielens"
    assert params.watch_api.pause_s == 3


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("source.rejects_share=7", "source.rejects_share is 7: .*allowed: from 0 to 1"),
        ("source.pth=x", "source.pth is not a known key; known here: format, path, rejects_share"),
        ("sauce.path=x", "sauce is not a known key; known here: source"),
        ("source.format=csv", "source.format is 'csv': .*'netflix_prize', 'movielens' or 'own'"),
        ("events.batch_limit=many", r"events.batch_limit is 'many': .*integer \(allowed: from 1 to 100,000\)"),
        ("events.batch_limit=1.5", "events.batch_limit is 1.5"),
        ("demo_world.viewers=true", "demo_world.viewers is True"),
        ("source=3", "source is 3"),
        ("catalogue.doubtful=0.99", "catalogue: doubtful is 0.99, it must not be above confidence, which is 0.9"),
        ("source.path", "'source.path' is not key=value"),
        ("source.path.x=1", "path is a value, not a section"),
        ("source.path=[1", r"'source.path=\[1': the value is not YAML"),
    ],
)
def test_what_is_wrong_is_named_by_its_path(change: str, says: str) -> None:
    with pytest.raises(ParamsError, match=says):
        read_params(FILE, [change])


def test_a_missing_key_is_named_with_its_range(tmp_path: Path) -> None:
    tree = yaml.safe_load(FILE.read_text("utf-8"))
    del tree["source"]["rejects_share"]
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(tree))
    with pytest.raises(ParamsError, match=r"source.rejects_share is missing \(allowed: from 0 to 1\)"):
        read_params(tmp_path / "params.yaml")


@pytest.mark.parametrize("text", ["", "- a\n- b\n", "a: [", "\x00"])
def test_a_file_that_is_no_params_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "params.yaml").write_text(text)
    with pytest.raises(ParamsError, match=r"params\.yaml: (not YAML|holds no sections)"):
        read_params(tmp_path / "params.yaml")


def test_a_missing_file_says_where_to_run(tmp_path: Path) -> None:
    with pytest.raises(ParamsError, match="no such file; run from the project's folder"):
        read_params(tmp_path / "params.yaml")


SECTIONS = {name: of for name, of in yaml.safe_load(FILE.read_text("utf-8")).items() if isinstance(of, dict)}
LEAVES = [(section, key) for section, fields in SECTIONS.items() for key in fields]


@given(st.sampled_from(LEAVES), st.one_of(st.none(), st.text(), st.integers(), st.floats(), st.lists(st.integers())))
def test_any_value_is_either_taken_or_refused_by_name(leaf: tuple[str, str], value: object) -> None:
    section, key = leaf
    tree = yaml.safe_load(FILE.read_text("utf-8"))
    tree[section][key] = value
    try:
        taken = Params.model_validate(tree).model_dump(mode="json")[section][key]
    except ValidationError as error:
        assert any(fault["loc"][0] == section for fault in error.errors())  # noqa: PT017 - either way is right
    else:
        assert taken == value
