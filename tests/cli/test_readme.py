"""The README shows what the command prints."""

from __future__ import annotations

from pathlib import Path

from optimizer.load import Catalog
from tests.cli.conftest import Run

README = Path(__file__).parents[2] / "README.md"


def test_the_seed_question_is_answered_as_shown(run: Run) -> None:
    text = README.read_text(encoding="utf-8")
    shown = text.split("```\nhelpdesk-llama3-8b\n", 1)[1].split("  ...\n```", 1)[0].splitlines()
    assert len(shown) > 50
    printed = run("solve", "helpdesk-llama3-8b").out.splitlines()
    assert printed[0] == "helpdesk-llama3-8b"
    assert printed[1 : len(shown) + 1] == shown


def test_the_table_of_errors_is_that_of_the_calibration(shipped: Catalog) -> None:
    assert shipped.calibration is not None
    text = README.read_text(encoding="utf-8")
    for gap, found in shipped.calibration.tpot_errors.items():
        figures = (found.median_error_fraction, found.p90_error_fraction, found.bar_fraction)
        cells = " | ".join(f"{100 * figure:.1f}%" for figure in figures)
        assert f"| {found.rows:,} | {cells} |" in text, gap
