"""What a chart of renting beside owning shows."""

from __future__ import annotations

import pytest

from optimizer.compare import Comparison, compare
from optimizer.load import load_catalog, load_problem
from optimizer.reports.charts.compare_data import compact, compare_chart
from optimizer.solve import SolveSettings


@pytest.fixture(scope="module")
def comparison() -> Comparison:
    loaded = load_problem("own-against-cloud-8x-h100", ("assumptions.life_years=2.5",))
    return compare(loaded, load_catalog(references=["llama-3.3-70b-instruct"]), SolveSettings())


def test_lines_are_the_payments(comparison: Comparison) -> None:
    chart = compare_chart(comparison)
    rented, owned = chart.lines
    assert (rented.name, owned.name) == ("rented", "owned = mixed")  # mixed is the same plan as owned
    assert owned.points[:2] == ((0.0, 0.0), (0.0, pytest.approx(833_806)))
    assert rented.points[-1] == (60.0, pytest.approx(60 * 98.32 * 730))
    # after thirty months it is bought again: the line rises on the spot, to 2 x 833,806 + 30 x 635.10
    assert (30.0, pytest.approx(2 * 833_806 + 30 * 635.10)) in owned.points
    assert owned.points[-1] == (60.0, pytest.approx(2 * 833_806 + 60 * 635.10))
    assert chart.meeting == (12.0, pytest.approx(833_806 + 12 * 635.10))


def test_lines_never_fall(comparison: Comparison) -> None:
    for line in compare_chart(comparison).lines:
        months, paid = zip(*line.points, strict=True)
        assert list(months) == sorted(months)
        assert list(paid) == sorted(paid)


@pytest.mark.parametrize(("amount", "written"), [(1.5e9, "1.5 bn"), (999.4, "999"), (1000.0, "1 k"), (-2e6, "-2 M")])
def test_amounts_are_short(amount: float, written: str) -> None:
    assert compact(amount) == written
