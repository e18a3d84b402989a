"""Bars for a laboratory never seen, worked out by hand and tried on made-up laboratories."""

from __future__ import annotations

import numpy as np
import pytest

from optimizer.throughput.bars import (
    ORDER,
    Scores,
    bars_at,
    bars_for_strangers,
    held,
    held_when_left_out,
    rising,
    row_weights,
    scales_of,
)


def scores(*rows: tuple[str, str, float]) -> Scores:
    """Return scores of (laboratory, gap, ln(measured / said))."""
    return Scores(np.array([row[2] for row in rows]), tuple(row[1] for row in rows), tuple(row[0] for row in rows))


def laboratories(count: int, rows: int, seed: int = 0) -> Scores:
    """Make laboratories up: each errs by a factor of its own, and each of its rows a little more."""
    rng = np.random.default_rng(seed)
    return scores(*((f"lab{index}", "combination", own + rng.normal(0, 0.05))
                    for index in range(count) for own in (rng.normal(0, 0.2),) for _ in range(rows)))


def test_a_laboratory_counts_with_the_root_of_its_rows() -> None:
    assert row_weights(["a"] * 9 + ["b"]).tolist() == pytest.approx([1 / 3] * 9 + [1.0])


def test_scales_take_laboratories_alike_and_never_fall() -> None:
    found = scales_of(scores(("a", "gpu", 0.1), ("a", "gpu", -0.3), ("b", "gpu", 0.4), ("c", "model", 0.1)))
    # means by laboratory: gpu 0.2 and 0.4, model 0.1; the middle of all (0.2 + 0.4 + 0.1) / 3 counts twice for each gap
    middle = 0.7 / 3
    gpu, model = (0.6 + 2 * middle) / 4, (0.1 + 2 * middle) / 3
    risen = rising(np.array([gpu, model]), np.array([2.1, 1.1]))
    assert (found["gpu"][1], found["model"][1]) == (2, 1)
    assert found["model"][0] == pytest.approx(risen[1], rel=0.05)
    assert [found[gap][0] for gap in ORDER] == sorted(found[gap][0] for gap in ORDER)


def test_the_fast_and_the_slow_side_are_found_apart() -> None:
    # measured always slower than said: nothing on the fast side
    bars = bars_at(scores(*((f"lab{index}", "curve", 0.1 * (index + 1)) for index in range(9))), 0.9)
    assert bars["curve"].fast == 0.0
    assert bars["curve"].slow > 0.5


def test_bars_hold_nine_in_ten_of_laboratories_never_seen() -> None:
    known, strangers = laboratories(25, 12), laboratories(200, 12, seed=1)
    bars = bars_for_strangers(known)
    assert 0.86 <= float(np.mean(held(strangers, bars))) <= 0.98
    # bars found on rows dealt out one by one would hold as many of the known, and fewer of these
    assert float(np.mean(held_when_left_out(known, 0.9))) < float(np.mean(held(known, bars_at(known, 0.9))))


def test_the_order_of_rows_does_not_matter() -> None:
    known = laboratories(6, 5)
    order = np.random.default_rng(2).permutation(len(known.logs)).tolist()
    assert bars_for_strangers(known.of(order)) == bars_for_strangers(known)
