"""What the command makes of a run of a level, without a server."""

from __future__ import annotations

from typing import Any

import pytest

from optimizer.errors import InputError
from optimizer.loadtest.level import Latency
from optimizer.loadtest.records import Request, RunFigures, figures_of
from optimizer.loadtest.running import Attempt, LevelResult, Schedule, endpoint_url, runs_wanted, troubles

JOB: dict[str, Any] = {"osl_tokens": 51}

END = {"window": [0.0, 5.4], "wall_s": 6.0, "steady_s": 6.0, "stopped_by": "interval", "client_lag_ms": 0.05,
       "fatal": None}


def requests(count: int = 40, **changes: Any) -> list[Request]:
    facts = {"ttft_ms": 100.0, "tpot_ms": 10.0, "output_tokens": 51, "input_tokens": 100, "error": None} | changes
    return [Request(0.6 * number, 0.6 * number + 0.6, **facts) for number in range(count)]


def judged(found: list[Request], **end: Any) -> tuple[str | None, list[str]]:
    return troubles(JOB, Attempt(found, END | end), figures_of(1, found, (0.0, 5.4)))


def test_a_good_run_stands_without_a_word() -> None:
    assert judged(requests()) == (None, [])


@pytest.mark.parametrize(("end", "dropped"), [
    ({"wall_s": -3594.0}, "the clock of this machine jumped by -3600.0 s"),
    ({"fatal": "HTTP 429: slow down"}, "HTTP 429: slow down"),
    ({"stopped_by": "failures"}, "too many requests failed: during the warm-up"),
    ({"window": None}, "only 40 requests were measured within the time limit"),
])
def test_what_is_no_measurement_is_dropped(end: dict[str, Any], dropped: str) -> None:
    assert judged(requests(), **end)[0] == dropped


@pytest.mark.parametrize(("changes", "end", "said"), [
    ({"output_tokens": 40}, {}, "answers ended early: 40.0 of 51 tokens on average"),
    ({}, {"client_lag_ms": 1.0}, "this client falls behind by 1.0 ms: try --workers, or a quieter machine"),
    ({}, {"stopped_by": "time"}, "the time limit came before the interval was tight enough"),
])
def test_what_weighs_on_a_run_is_said(changes: dict[str, Any], end: dict[str, Any], said: str) -> None:
    assert judged(requests(**changes), **end) == (None, [said])


def test_errors_are_counted_by_kind() -> None:
    bad = requests(2, error="HTTP 500 from the server", ttft_ms=None, tpot_ms=None, output_tokens=0)
    assert judged([*requests(), *bad]) == (None, ["2 x HTTP 500 from the server"])


def test_a_process_that_ended_by_itself_is_the_reason() -> None:
    assert troubles(JOB, Attempt([], {}, "killed"), figures_of(1, []))[0] == "killed"


def run_of(tpot_ms: float) -> RunFigures:
    return RunFigures(4, 64, 0, 100.0, 51.0, Latency(100.0), Latency(tpot_ms), 340.0, 6.7)


def test_levels_whose_runs_differ_are_run_once_more() -> None:
    schedule = Schedule((4,), until=0.05)
    assert runs_wanted([], schedule) == runs_wanted([run_of(10.0)], schedule) == 2
    assert runs_wanted([run_of(10.0), run_of(10.4)], schedule) == 2
    assert runs_wanted([run_of(10.0), run_of(10.6)], schedule) == 3
    assert runs_wanted([run_of(10.0), run_of(10.6)], Schedule((4,), until=0.1)) == 2
    assert runs_wanted([run_of(10.0)], Schedule((4,), runs=1)) == 1


def test_a_level_is_the_mean_of_its_runs() -> None:
    level = LevelResult(4, (run_of(10.0), run_of(11.0)), "interval")
    assert (level.tpot.mean, level.output_tokens_per_s) == (10.5, 340.0)


@pytest.mark.parametrize(("given", "address"), [
    ("http://localhost:8000", "http://localhost:8000"), ("https://host/llm/v1/", "https://host/llm"),
    ("http://[::1]:8000/v1", "http://[::1]:8000"),
])
def test_addresses_lose_the_end_that_every_path_has(given: str, address: str) -> None:
    assert endpoint_url(given) == address


@pytest.mark.parametrize("wrong", ["", "localhost:8000", "ftp://x", "http://", "http://u:p@h", "http://h?x=1"])
def test_what_is_no_address_is_refused(wrong: str) -> None:
    with pytest.raises(InputError, match="--url"):
        endpoint_url(wrong)
