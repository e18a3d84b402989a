"""The first token by kind of arrival, worked out by hand."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from optimizer.throughput.estimated import curve_for
from optimizer.throughput.waiting import STEPS, UNLOADED_MS, queue_ms
from tests.catalogs import tiny


def test_open_loop_by_hand() -> None:
    catalog = tiny.catalog(calibration=tiny.with_coefficients("tpot", prefill_share=2.0))
    found = curve_for(catalog, tiny.question(catalog))
    assert found is not None
    # a prompt: 2 x 10.0256 ms of arithmetic; TPOT 3.5 ms and 7/200 x 20.0512 ms more for each seven others
    assert found.prompt_ms == pytest.approx(20.0512)
    step = found.tpot_ms(8)
    alone = UNLOADED_MS + 20.0512 + STEPS * step
    rate = 1000 * 8 / (alone + 199 * step)
    utilisation = rate * 20.0512 / 1000
    assert found.open_ttft_ms(8, 200) == pytest.approx(alone + utilisation * 20.0512 / (2 * (1 - utilisation)))
    assert found.open_ttft_ms(8, 200, 0.95) > found.open_ttft_ms(8, 200)


def test_a_prompt_is_never_faster_than_its_arithmetic_allows() -> None:
    catalog = tiny.catalog()  # other users' prompts cost nothing by this calibration
    found = curve_for(catalog, tiny.question(catalog))
    assert found is not None
    assert found.prompt_ms == pytest.approx(10.0256 / 0.6)


def test_open_loops_never_get_shorter_with_more_in_flight() -> None:
    catalog = tiny.catalog(tiny.point(1, 5.0), tiny.point(8, 6.0), tiny.point(9, 60.0), tiny.point(64, 61.0))
    found = curve_for(catalog, tiny.question(catalog))
    assert found is not None
    for percentile in (None, 0.5, 0.95):
        waits = [found.open_ttft_ms(count, 200, percentile) for count in range(1, 80)]
        assert waits == sorted(waits)
    slower = replace(found, ttft_bars={**found.ttft_bars, found.elsewhere: (0.5, 1.0)})
    assert slower.slow_open_ttft_ms(8, 200, 0.95, 1.0) == pytest.approx(2 * found.open_ttft_ms(8, 200, 0.95))


def test_more_prompts_than_can_be_served_wait_for_ever() -> None:
    assert math.isinf(queue_ms(557.0, 1.92))


def test_a_burst_waits_for_half_of_the_others() -> None:
    catalog = tiny.catalog()
    found = curve_for(catalog, tiny.question(catalog))
    assert found is not None
    own = UNLOADED_MS + found.prompt_ms + STEPS * found.tpot_ms(9)
    assert found.burst_ttft_ms(9) == pytest.approx(own + 4 * found.prompt_ms)
    assert found.closed_ttft_ms(9, 0.99) > found.closed_ttft_ms(9, 0.9) >= found.ttft_ms(9)
