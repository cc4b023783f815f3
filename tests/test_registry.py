"""The registry in a file: what is kept with a version, who is champion, who was, and who changed that."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

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


def test_who_would_go_back_twice_or_after_somebody_else_changes_nothing(tmp_path: Path) -> None:
    place = f"sqlite:///{tmp_path}/mlflow.db"
    save_model(tmp_path / "model", Contents({}, {"params.yaml": "seed: 1\n"}, {}, {}))
    for version in ("1", "2", "3"):
        assert registry.register(place, tmp_path / "model") == version
        registry.promote(place, version, "Ada", "", AT)
    champion, before = registry.way_back(place)
    assert (champion, before) == ("3", "2")
    for _ in range(2):
        registry.promote(place, before, "monitor", "worse", AT + timedelta(hours=1), instead_of=champion)
    assert registry.way_back(place) == ("2", "3")
    registry.promote(place, "1", "Ada", "by hand", AT + timedelta(hours=2))
    told = registry.changes(place)
    with pytest.raises(RegistryError, match="version 1 is champion by now, not 3: nothing is changed"):
        registry.promote(place, before, "monitor", "worse", AT + timedelta(hours=3), instead_of=champion)
    assert (registry.champion(place), registry.changes(place)) == ("1", told)


def test_a_way_back_that_was_left_half_is_gone_to_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = f"sqlite:///{tmp_path}/mlflow.db"
    save_model(tmp_path / "model", Contents({}, {"params.yaml": "seed: 1\n"}, {}, {}))
    for version in ("1", "2"):
        registry.register(place, tmp_path / "model")
        registry.promote(place, version, "Ada", "", AT)
    champion, before = registry.way_back(place)
    set_alias = MlflowClient.set_registered_model_alias

    def away(client: MlflowClient, name: str, alias: str, version: str) -> None:
        if alias == registry.CHAMPION:
            raise MlflowException("the database is away")
        set_alias(client, name, alias, version)

    with monkeypatch.context() as patch:
        patch.setattr(MlflowClient, "set_registered_model_alias", away)
        with pytest.raises(RegistryError, match="is away"):
            registry.promote(place, before, "monitor", "worse", AT, instead_of=champion)
    with pytest.raises(RegistryError, match="none to go back to"):
        registry.roll_back(place, "Ada", "at that moment", AT)
    registry.promote(place, before, "monitor", "worse", AT, instead_of=champion)
    assert registry.way_back(place) == ("1", "2")


def test_a_version_that_is_not_there_is_not_promoted(url: str) -> None:
    before = registry.changes(url)
    with pytest.raises(RegistryError, match="see that it runs, and that the version is there"):
        registry.promote(url, "77", "Ada", "", AT)
    assert registry.changes(url) == before


def test_an_empty_registry_has_nobody(tmp_path: Path) -> None:
    empty = f"sqlite:///{tmp_path}/mlflow.db"
    assert (registry.champion(empty), registry.versions(empty), registry.changes(empty)) == (None, (), ())
