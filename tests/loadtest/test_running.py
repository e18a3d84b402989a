"""What the command makes of a run of a level, without a server."""

from __future__ import annotations

from typing import Any

import pytest

from optimizer.errors import InputError
from optimizer.loadtest.attempt import Attempt, cached_fraction
from optimizer.loadtest.distortion import Distortion
from optimizer.loadtest.level import Latency
from optimizer.loadtest.records import Request, RunFigures, figures_of
from optimizer.loadtest.running import LevelResult, Schedule, endpoint_url, runs_wanted, troubles

JOB: dict[str, Any] = {"osl_tokens": 51, "isl_tokens": 100, "template_tokens": 1, "prefix_cached": 0.0}

END = {"wall_s": 6.0, "steady_s": 6.0, "cpu_fraction": 0.1}

STILL = Distortion(lag_ms=0.05, shift_ms=0.0, fraction=0.001)


def requests(count: int = 40, **changes: Any) -> list[Request]:
    facts = {"ttft_ms": 100.0, "tpot_ms": 10.0, "output_tokens": 51, "input_tokens": 100, "error": None} | changes
    return [Request(0.6 * number, 0.6 * number + 0.6, **facts) for number in range(count)]


def judged(
    found: list[Request], moved: Distortion = STILL, job: dict[str, Any] = JOB, **run: Any
) -> tuple[str | None, list[str]]:
    one = Attempt(requests=found, **{"stopped_by": "interval", "ends": [END], **run})
    return troubles(job, one, figures_of(1, found, (0.0, 5.4)), moved)


def test_a_good_run_stands_without_a_word() -> None:
    assert judged(requests()) == (None, [])


@pytest.mark.parametrize(("found", "run", "dropped"), [
    (requests(), {"ends": [END, END | {"wall_s": -3594.0}]}, "the clock of this machine jumped by -3600.0 s"),
    (requests(), {"fault": "HTTP 429: slow down"}, "HTTP 429: slow down"),
    (requests(), {"stopped_by": "failures"}, "too many requests failed: during the warm-up"),
    (requests(), {"stopped_by": "client"}, "this client fell behind"),
    (requests(1), {}, "only 1 requests were measured within the time limit"),
    (requests(part="warm-up"), {}, "only 0 requests were measured within the time limit"),
    ([], {"ends": [], "fault": "killed"}, "killed"),
])
def test_what_is_no_measurement_is_dropped(found: list[Request], run: dict[str, Any], dropped: str) -> None:
    assert judged(found, **run)[0] == dropped


BUSY = Distortion(lag_ms=8.25, shift_ms=8.0, fraction=0.08)


@pytest.mark.parametrize(("changes", "run", "said"), [
    ({"output_tokens": 40}, {}, "answers ended early: 40.0 of 51 tokens on average"),
    ({}, {"moved": BUSY}, "this client moves what it measures by 8% (it reads 8.2 ms late): its rows are trusted less;"
     " take a machine with more or quieter cores"),
    ({}, {"stopped_by": "time"}, "the time limit came before the interval was tight enough"),
    ({}, {"cached_fraction": 0.75}, "75% of the input tokens came from the engine's prefix cache: TTFT is that of"
     " shorter prompts (--prefix-cached FRACTION measures a cache on purpose)"),
])
def test_what_weighs_on_a_run_is_said(changes: dict[str, Any], run: dict[str, Any], said: str) -> None:
    assert judged(requests(**changes), **run) == (None, [said])


def test_the_endpoints_own_words_and_what_was_asked_for_may_come_from_a_cache() -> None:
    assert judged(requests(), job=JOB | {"template_tokens": 30}, cached_fraction=0.29) == (None, [])
    assert judged(requests(), job=JOB | {"prefix_cached": 0.5}, cached_fraction=0.5) == (None, [])
    assert judged(requests(), job=JOB | {"prefix_cached": 0.5}, cached_fraction=0.6)[1] != []


def test_cached_tokens_of_answers_count_before_the_engines_counters() -> None:
    found = requests(cached_tokens=16)
    assert cached_fraction(found, (0.0, 0.0), (90.0, 100.0)) == 0.16
    assert cached_fraction(requests(), (10.0, 100.0), (55.0, 200.0)) == 0.45
    assert cached_fraction(requests(), None, (55.0, 200.0)) is None
    assert cached_fraction(requests(), (10.0, 100.0), (10.0, 100.0)) is None  # nobody looked anything up


def test_errors_are_counted_by_kind() -> None:
    bad = requests(2, error="HTTP 500 from the server", ttft_ms=None, tpot_ms=None, output_tokens=0)
    assert judged([*requests(), *bad]) == (None, ["2 x HTTP 500 from the server"])


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
