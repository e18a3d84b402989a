"""The README and docs/ show what the command prints and what the figures are."""

from __future__ import annotations

from pathlib import Path

import pytest

from optimizer.load import Catalog
from tests.cli.conftest import Run

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(("name", "language"), [("README.md", "en"), ("README.ja.md", "ja")])
def test_the_seed_question_is_answered_as_shown(run: Run, name: str, language: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    shown = text.split("<!-- answer -->\n```\n", 1)[1].split("```", 1)[0]
    assert run("solve", "helpdesk-llama3-8b", "--lang", language).out == shown


def test_both_languages_have_the_same_commands() -> None:
    def lines(name: str) -> list[str]:
        text = (ROOT / name).read_text(encoding="utf-8")
        return [part.split("```")[0] for part in text.split("```sh\n")[1:]]

    assert lines("README.md") == lines("README.ja.md")


def test_the_readme_is_short() -> None:
    for name in ("README.md", "README.ja.md"):
        assert len((ROOT / name).read_text(encoding="utf-8").splitlines()) <= 200


def test_the_table_of_errors_is_that_of_the_calibration(shipped: Catalog) -> None:
    assert shipped.calibration is not None
    text = (ROOT / "docs/explanation/figures-and-accuracy.md").read_text(encoding="utf-8")
    for gap, found in shipped.calibration.tpot_errors.items():
        figures = (found.median_error_fraction, found.p90_error_fraction, found.bar_fraction)
        cells = " | ".join(f"{100 * figure:.1f}%" for figure in figures)
        assert f"| {found.rows:,} | {cells} |" in text, gap
