"""Two replicas and two collectors on one PostgreSQL, one killed, the database cut off: the benchmark, but shorter."""

import pytest

from benchmarks.many import Plan, main


@pytest.mark.timeout(300)
def test_whatever_dies_no_acknowledged_event_is_lost_and_every_request_is_answered(
    capsys: pytest.CaptureFixture[str],
) -> None:
    failed = main(Plan(before=1, between=1, after=4))
    told = capsys.readouterr().out
    assert not failed, told
    assert "ConnectionRefusedError" in told, "nobody met the replica that died"
    assert "503 store_away" in told, "nobody met the database that was away"
