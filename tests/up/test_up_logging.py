"""`marquee up` where log lines are collected: an object a line, whichever of the programs said it."""

import json
from pathlib import Path

from tests.up.house import furnish, up_in


def test_every_line_of_every_program_is_an_object_that_says_whose_it_is(tmp_path: Path) -> None:
    furnish(tmp_path)
    with up_in(tmp_path, {"MARQUEE_LOG": "json"}, "--only", "service", "--only", "watch-api") as house:
        lines = [json.loads(line) for line in house.logged().splitlines()]
    assert {line["part"] for line in lines} == {"service", "watch-api", "up"}
    assert all(line["time"] and line["message"] for line in lines)
    (served,) = (line for line in lines if "is served from now on" in line["message"])
    assert (served["part"], served["logger"], served["level"]) == ("service", "marquee.serve", "INFO")
