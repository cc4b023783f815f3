"""What an operator is told agrees with what viewers get, what the registry holds, and what the monitor noted."""

from datetime import timedelta
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, Counter, Histogram

from marquee import registry
from marquee.errors import NotFoundError, RegistryError, RequestError
from marquee.model.folder import Contents, save_model
from marquee.serve import pulse, schemas
from marquee.serve.answers import Answers
from marquee.serve.answers.operator_drift import drift, report
from marquee.serve.answers.operator_models import Models
from marquee.serve.pulse import Pulse
from marquee.serve.schemas import operator as s
from marquee.serve.served import Served
from marquee.serve.worker import shipped_params
from tests.model.conftest import GENRES
from tests.page import booth
from tests.serve.conftest import ALL, KNOWN, NOW, STRANGER, seen_by
from tests.serve.running import until


def look_up(answers: Answers, title_id: int, user_id: int = KNOWN, **filters: object) -> s.LookUpReply:
    asked = {"user_id": user_id, "title_id": title_id, "filters": filters}
    return answers.look_up(s.LookUpRequest.model_validate(asked), NOW)


def test_a_title_stands_where_the_viewers_list_has_it(answers: Answers) -> None:
    listed = answers.recommend(schemas.RecommendRequest(user_id=KNOWN, k=5), NOW).titles
    found = [look_up(answers, title.title_id) for title in listed]
    assert [told.ranks.in_list for told in found] == [1, 2, 3, 4, 5]
    assert [told.ranks.score for told in found] == pytest.approx([title.score for title in listed])
    assert [told.stars for told in found] == pytest.approx([title.stars for title in listed])


def test_whoever_is_a_candidate_was_proposed_by_a_source_and_nobody_else(answers: Answers) -> None:
    found = [look_up(answers, title_id) for title_id in range(1, ALL + 1)]
    proposed = [any(source.proposed for source in told.sources) for told in found]
    assert proposed == [told.ranks.by_score is not None for told in found]
    assert {True, False} == set(proposed)
    ranks = sorted(told.ranks.by_score for told in found if told.ranks.by_score is not None)
    assert ranks == list(range(1, found[0].ranks.candidates + 1))


def test_what_features_add_comes_to_the_score(answers: Answers) -> None:
    for user_id in (KNOWN, STRANGER):
        told = look_up(answers, 5, user_id)
        assert told.ranks.base + sum(feature.contribution for feature in told.features) == pytest.approx(
            told.ranks.score, abs=1e-4
        )
    assert not told.known


def test_a_title_that_was_seen_is_out_by_that_and_told_all_the_same(answers: Answers, served: Served) -> None:
    told = look_up(answers, min(seen_by(served.recommender, KNOWN)))
    (out,) = (said for said in told.filters if not said.passed)
    assert (out.filter, out.told) == ("seen or refused", "the viewer has seen it")
    assert (told.ranks.by_score, told.ranks.after_filters, told.ranks.in_list) == (None, None, None)
    assert not any(source.proposed for source in told.sources)
    assert told.reason is None
    assert told.features


def test_a_filter_of_the_request_is_named_where_it_leaves_a_title_out(answers: Answers) -> None:
    best = answers.recommend(schemas.RecommendRequest(user_id=KNOWN, k=1), NOW).titles[0]
    (other, *_) = (genre for genre in GENRES if genre not in best.genres)
    told = look_up(answers, best.title_id, genres=[other])
    assert [said.filter for said in told.filters if not said.passed] == ["genres"]
    assert told.ranks.in_list is None
    among_its_own = look_up(answers, best.title_id, genres=list(best.genres))
    assert all(said.passed for said in among_its_own.filters)
    assert among_its_own.ranks.in_list is not None


def test_a_title_that_nobody_knows_is_not_looked_up(answers: Answers) -> None:
    with pytest.raises(NotFoundError, match="unknown to the model"):
        look_up(answers, 999_999)


@pytest.fixture
def counted() -> tuple[Pulse, Counter, Histogram, Counter]:
    """A pulse of counters of its own; it looks every ten seconds, as its clock has it."""
    own = CollectorRegistry()
    requests = Counter("marquee_requests", "", ["endpoint", "status"], registry=own)
    seconds = Histogram("marquee_request_seconds", "", ["endpoint"], buckets=(0.002, 0.004, 1), registry=own)
    events = Counter("marquee_events", "", ["outcome"], registry=own)
    Counter("marquee_events_refused", "", ["reason"], registry=own).labels("value is no number").inc(3)
    moments = iter(NOW + timedelta(seconds=10 * number) for number in range(1000))
    return Pulse(lambda: own, lambda: next(moments)), requests, seconds, events


def test_the_pulse_tells_what_happened_between_two_looks(counted: tuple[Pulse, Counter, Histogram, Counter]) -> None:
    pulse, requests, seconds, events = counted
    requests.labels("/recommend", 200).inc(7)
    for _ in range(500):
        seconds.labels("/recommend").observe(0.5)
    pulse.look()
    assert list(pulse.beats()) == []
    requests.labels("/recommend", 200).inc(90)
    requests.labels("/recommend", 422).inc(6)
    requests.labels("/events", 500).inc(4)
    requests.labels("/operator/health", 200).inc(50)
    requests.labels("/readyz", 200).inc(50)
    events.labels("refused").inc(3)
    for _ in range(99):
        seconds.labels("/recommend").observe(0.003)
    seconds.labels("/recommend").observe(0.5)
    pulse.look()
    (beat,) = pulse.beats()
    assert (beat.seconds, beat.counts.requests, beat.counts.refused, beat.counts.failed) == (10, 100, 6, 4)
    assert beat.events == {"refused": 3}
    assert pulse.refusals() == {"value is no number": 3}
    half, most = beat.counts.ms(0.5), beat.counts.ms(0.995)
    assert half is not None
    assert most is not None
    assert 2 < half < 4 < most <= 1000
    assert {name: counts.requests for name, counts in pulse.by_endpoint().items()} == {"/recommend": 96, "/events": 4}


def test_the_pulse_remembers_a_quarter_of_an_hour(counted: tuple[Pulse, Counter, Histogram, Counter]) -> None:
    pulse, requests, *_ = counted
    for _ in range(400):
        requests.labels("/search", 200).inc()
        pulse.look()
    assert len(list(pulse.beats())) == 180
    assert pulse.by_endpoint()["/search"].requests == 180
    assert pulse.by_endpoint()["/search"].ms(0.5) is None


def test_the_pulse_outlives_a_look_that_fails(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(pulse, "EVERY_S", 0.01)
    counted, looks = CollectorRegistry(), iter((OSError("a broken file"), None, OSError("another"), None, None))

    def collected() -> CollectorRegistry:
        if error := next(looks, None):
            raise error
        return counted

    beating = Pulse(collected, lambda: NOW)
    beating.start()
    until(lambda: len(list(beating.beats())) >= 2, lambda: "it looks no more")
    beating.stop()
    assert [record.exc_info is not None for record in caplog.records] == [True, True]


def test_without_a_registry_it_is_said_how_to_have_one(answers: Answers) -> None:
    told = Models(None).all(answers.model().version)
    assert told.served == answers.model().version
    assert told.missing is not None
    assert "MARQUEE_REGISTRY_URL" in told.missing
    with pytest.raises(RequestError, match="follows no registry"):
        Models(None).promote("1", s.ChangeRequest(champion=None, why="so"), "Ada", NOW)


def test_a_registry_that_is_away_hides_nothing_of_what_is_served() -> None:
    away = Models("http://127.0.0.1:9")
    told = away.all("7")
    assert (told.served, told.versions) == ("7", ())
    assert told.missing is not None
    assert "see that it runs" in told.missing
    with pytest.raises(RegistryError):
        away.one("1")


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Models:
    folder = tmp_path_factory.mktemp("registry")
    save_model(folder / "model", Contents({}, {"params.yaml": "seed: 1\n"}, {}, {}))
    url = f"sqlite:///{folder}/mlflow.db"
    booth.register_all(url, [folder / "model"] * 4, folder, shipped_params())
    return Models(url)


@pytest.mark.filterwarnings("default")
def test_versions_are_told_with_what_the_loop_kept_beside_them(models: Models) -> None:
    told = models.all("2")
    assert {line.version: line.aliases for line in told.versions} == {
        "4": ("challenger",),
        "3": (),
        "2": ("champion",),
        "1": ("previous",),
    }
    assert [line.quality for line in told.versions] == pytest.approx([0.32, 0.36, 0.33, 0.30])
    third, last = models.one("3"), models.one("4")
    assert third.rules
    assert all(rule.passed for rule in third.rules)
    assert {rule.name for rule in last.rules if not rule.passed} == {"above the champion", "no loss for new titles"}
    assert third.difference is not None
    assert "What the release changes" in third.difference
    assert third.stages == {"ratings": {"ratings": 300_000, "set_aside": 12, "seconds": 3.2, "of": "d" * 64}}
    assert third.origin["event position"] == "1200"
    values = {(of.metric, of.segment, of.list): of.value for of in third.metrics}
    assert values["ndcg@10", "light viewers", "hybrid"] == pytest.approx(0.36 * 1.2)
    assert values["ndcg@10", "all viewers", "champion"] == pytest.approx(0.33)
    with pytest.raises(NotFoundError, match="no version 77"):
        models.one("77")


@pytest.mark.filterwarnings("default")
def test_the_champion_changes_only_if_it_is_the_one_that_was_seen(models: Models) -> None:
    with pytest.raises(RequestError, match="version 2 is champion by now"):
        models.promote("3", s.ChangeRequest(champion="1", why="late"), "Ada", NOW)
    assert models.all(None).changes[0].version == "2"
    models.promote("3", s.ChangeRequest(champion="2", why="better"), "operator, key ab", NOW)
    models.roll_back(s.ChangeRequest(champion="3", why="a mistake"), "operator", NOW + timedelta(hours=1))
    told = [(change.version, change.before, change.by, change.why) for change in models.all(None).changes[:2]]
    assert told == [("2", "3", "operator", "a mistake"), ("3", "2", "operator, key ab", "better")]


def test_a_version_that_was_registered_by_hand_says_what_it_lacks(tmp_path: Path) -> None:
    save_model(tmp_path / "model", Contents({}, {"params.yaml": "seed: 1\n"}, {}, {}))
    url = f"sqlite:///{tmp_path}/mlflow.db"
    registry.register(url, tmp_path / "model")
    told = Models(url).one("1")
    assert (told.rules, told.metrics, told.difference, told.quality) == ((), (), None, None)
    assert told.missing is not None


def test_drift_is_told_look_by_look_with_what_came_of_it(tmp_path: Path) -> None:
    nothing = s.ModelsReply(served=None, missing=None, versions=(), changes=())
    assert drift(tmp_path, nothing).missing is not None
    booth.note_looks(tmp_path, 8)
    change = s.ChangeLine(at=booth.BEGIN + timedelta(hours=6.5), version="2", before="1", by="retrain", why="drifted")
    made = s.VersionLine(
        version="2",
        aliases=(),
        registered_at=booth.BEGIN + timedelta(hours=6.2),
        fingerprint="f",
        verdict="promoted",
        quality=0.3,
    )
    told = drift(tmp_path, nothing.model_copy(update={"versions": (made,), "changes": (change,)}))
    assert (told.missing, len(told.looks), told.report) == (None, 8, True)
    (acted,) = (look for look in told.looks if look.act == "retrain")
    assert acted.drifted == booth.COLUMNS[:2]
    assert (acted.made, acted.then) == ((made,), (change,))
    assert [(look.made, look.then) for look in told.looks if look is not acted] == [((), ())] * 7
    assert [look.at for look in told.looks] == sorted((look.at for look in told.looks), reverse=True)
    assert report(tmp_path) == booth.ATTACK


def test_a_report_that_is_gone_is_not_offered(tmp_path: Path) -> None:
    booth.note_looks(tmp_path, 1)
    (tmp_path / "drift.html").unlink()
    assert not drift(tmp_path, Models(None).all(None)).report
    with pytest.raises(NotFoundError, match="no drift report"):
        report(tmp_path)


def test_a_change_needs_a_reason() -> None:
    for why in ("", "  ", "x" * 501, "\0"):
        with pytest.raises(ValueError, match="why"):
            s.ChangeRequest.model_validate({"champion": None, "why": why})
