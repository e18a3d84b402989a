"""`gpumix pareto --against`: users, losses and TTFT over a problem whose curve is known by heart, and wrong ranges."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Run


def points(run: Run, *arguments: str | Path) -> list[tuple[float, float]]:
    """Walk a frontier and return (value, USD/month) of its points."""
    data = json.loads(run("pareto", *arguments, "--format", "json").out)
    assert data["complete"] is True
    return [(round(p["value"], 6), p["usd_per_month"]) for p in data["points"]]


def test_users_by_hand(run: Run, desk: Path) -> None:
    # a node carries 64: one to 64, two to 128, three to 160 = 4 x 40
    assert points(run, desk, "--against", "users") == [(64, 1825.0), (128, 3650.0), (160, 5475.0)]
    assert points(run, desk, "--against", "users", "--range", "60:100") == [(64, 1825.0), (100, 3650.0)]


def test_losses_by_hand(run: Run, desk: Path) -> None:
    # one node carries all 40 requests: one more for each that may be lost
    expected = [(0, 1825.0), (1, 3650.0), (2, 5475.0), (3, 7300.0)]
    assert points(run, desk, "--against", "losses") == expected
    assert points(run, desk, "--against", "losses", "--range", "1:2") == expected[1:3]
    assert points(run, desk, "--against", "losses", "--range", "5") == [(5, 6 * 1825.0)]


def test_ttft_by_hand(run: Run, desk: Path) -> None:
    # 40 in flight wait 120 + 24 / 48 x 280 = 260 ms on one node, 20 on each of two 120 + 4 / 48 x 280 = 143.333 ms
    found = points(run, desk, "--against", "ttft", "--range", "130:1000")
    assert found[-1] == (260.0, 1825.0)
    assert found[-2] == (round(120 + 4 / 48 * 280, 6), 3650.0)
    assert found[0][0] >= 130


WRONG = {
    "speed": ["0:5", "-5:10", "60:30", "nan:5", "5:nan", "inf"],
    "users": ["1.5:4", "0:4", "-1:4", "10:5", "1:4.5", "nan"],
    "losses": ["0.5:2", "-1:2", "3:1", "0:101", "0:1e12", "nan:1"],
    "ttft": ["-1:100", "200:100", "nan:100"],
}


@pytest.mark.parametrize(("axis", "span"), [(axis, span) for axis, spans in WRONG.items() for span in spans])
def test_wrong_ranges_get_one_message(run: Run, desk: Path, axis: str, span: str) -> None:
    result = run("pareto", desk, "--against", axis, f"--range={span}")
    assert (result.code, result.out) == (2, "")
    assert result.err.count("--range") == 1
    assert "; allowed: " in result.err


def test_an_unknown_axis_is_refused(run: Run, desk: Path) -> None:
    result = run("pareto", desk, "--against", "beauty")
    assert (result.code, result.out) == (2, "")
    assert "--against" in result.err


@pytest.mark.parametrize("axis", ["users", "losses", "ttft"])
@pytest.mark.parametrize("form", ["text", "csv", "markdown"])
def test_every_axis_in_every_format(run: Run, desk: Path, axis: str, form: str) -> None:
    result = run("pareto", desk, "--against", axis, "--format", form)
    assert (result.code, result.err) == (0, "")
    assert "1825.00" in result.out.replace(",", "")
