"""The registry in a file: what is kept with a version, who is champion, who was, and who changed that."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from marquee import registry
from marquee.errors import RegistryError
from marquee.model.folder import Contents, fingerprint_of, load_model, save_model
from marquee.registry import Beside

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)

pytestmark = pytest.mark.filterwarnings("default")


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> str:
    """With three versions."""
    folder = tmp_path_factory.mktemp("registry")
    place = f"sqlite:///{folder}/mlflow.db"
    (folder / "report.md").write_text("good")
    for seed in (1, 2, 3):
        save_model(folder / "model", Contents({}, {"params.yaml": f"seed: {seed}\nals: {{factors: 8}}\n"}, {}, {}))
        beside = Beside({"ndcg_at_10": seed / 10}, {"dvc.lock": f"lock {seed}"}, {"reports": folder / "report.md"})
        assert registry.register(place, folder / "model", beside) == str(seed)
    return place


def test_a_version_keeps_all_that_was_put_beside_it(url: str) -> None:
    newest, *_, oldest = registry.versions(url)
    assert (newest.name, oldest.name) == ("3", "1")
    assert newest.tags["dvc.lock"] == "lock 3"
    assert registry.metrics(url, "2") == {"ndcg_at_10": 0.2}
    reports, model = registry.kept(url, "1", "reports"), registry.kept(url, "1", "model")
    assert reports is not None
    assert (reports / "report.md").read_text() == "good"
    assert model is not None
    assert load_model(model).texts["params.yaml"].startswith("seed: 1")
    assert fingerprint_of(model) == oldest.fingerprint
    assert registry.kept(url, "1", "nothing") is None


def test_the_champion_changes_and_everybody_can_see_who_did_that(url: str) -> None:
    assert registry.champion(url) is None
    assert registry.alias(url, registry.CHALLENGER) == "3"
    with pytest.raises(RegistryError, match="there is none to go back to"):
        registry.roll_back(url, "Ada", "a mistake", AT)
    registry.promote(url, "1", "retrain", "the first", AT)
    registry.promote(url, "3", "retrain", "better", AT + timedelta(hours=1))
    registry.promote(url, "3", "retrain", "again", AT + timedelta(hours=2))
    assert {version.name: version.aliases for version in registry.versions(url)} == {
        "1": ("previous",),
        "2": (),
        "3": ("champion",),
    }
    assert registry.roll_back(url, "Ada", "worse", AT + timedelta(hours=3)) == "1"
    assert (registry.champion(url), registry.alias(url, registry.PREVIOUS)) == ("1", "3")
    told = [(change.version, change.before, change.by, change.why) for change in registry.changes(url)]
    assert told == [("1", "3", "Ada", "worse"), ("3", "1", "retrain", "better"), ("1", None, "retrain", "the first")]


def test_a_version_that_is_not_there_is_not_promoted(url: str) -> None:
    before = registry.changes(url)
    with pytest.raises(RegistryError, match="see that it runs, and that the version is there"):
        registry.promote(url, "77", "Ada", "", AT)
    assert registry.changes(url) == before


def test_an_empty_registry_has_nobody(tmp_path: Path) -> None:
    empty = f"sqlite:///{tmp_path}/mlflow.db"
    assert (registry.champion(empty), registry.versions(empty), registry.changes(empty)) == (None, (), ())
