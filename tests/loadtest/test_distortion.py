"""How far a client moved its figures, worked out by hand."""

from __future__ import annotations

from typing import Any

import pytest

from optimizer.loadtest.distortion import distortion_of, idle_fraction
from optimizer.loadtest.records import Request


def requests(count: int = 10, **changes: Any) -> list[Request]:
    """Requests of one user, one after another: 100 ms to the first token, 50 more in steps of 10 ms."""
    facts = {"ttft_ms": 100.0, "tpot_ms": 10.0, "output_tokens": 51, "input_tokens": 100, "error": None, "chunks": 51}
    return [Request(0.6 * number, 0.6 * number + 0.6, **(facts | changes)) for number in range(count)]


def test_a_client_that_keeps_up_moves_nothing() -> None:
    found = distortion_of(requests(late_ms=0.2), 1, stamped=True, window=(0.0, 6.0))
    assert (found.lag_ms, found.shift_ms) == (pytest.approx(0.2), 0.0)
    assert found.fraction == pytest.approx(0.0, abs=1e-9)


def test_the_worst_of_several_processes_counts() -> None:
    mixed = [*requests(late_ms=0.1, worker=0), *requests(late_ms=4.0, worker=1)]
    assert distortion_of(mixed, 2, stamped=True).lag_ms == pytest.approx(4.0)


def test_tokens_that_gathered_unread_shift_the_first() -> None:
    # three events were read with the first: it bears the stamp of the third, 2 steps of 10 ms x 50 / 48 late
    late = distortion_of(requests(late_ms=15.0, first_chunks=3), 1, stamped=True)
    assert late.shift_ms == pytest.approx(2 * 10 * 50 / 48)
    assert late.fraction == pytest.approx(late.shift_ms / 100)
    # read in time, they came together: the endpoint sent them so
    assert distortion_of(requests(late_ms=0.1, first_chunks=3), 1, stamped=True).shift_ms == 0.0


def test_without_stamps_of_the_system_lateness_is_the_shift() -> None:
    found = distortion_of(requests(late_ms=5.0), 1, stamped=False)
    assert (found.shift_ms, found.fraction) == (pytest.approx(5.0), pytest.approx(0.05))


def test_users_that_idle_count_too() -> None:
    # of two users one alone has requests in flight
    assert distortion_of(requests(), 2, stamped=True, window=(0.0, 6.0)).fraction == pytest.approx(0.5)
    assert idle_fraction(requests(), 1, (0.0, 12.0)) == pytest.approx(0.5)
    assert idle_fraction(requests(), 1, (3.0, 3.0)) == 0.0
