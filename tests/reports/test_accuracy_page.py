"""The accuracy page that is kept beside the shipped rows."""

from __future__ import annotations

from pathlib import Path

import pytest

from optimizer.accuracy.speed import Accuracy, speed_accuracy
from optimizer.load import Catalog
from optimizer.reports.accuracy_page import accuracy_page, of_the_catalog

PAGE = Path(__file__).parents[2] / "docs" / "accuracy.md"


def test_the_page_is_of_the_shipped_rows_and_bars(shipped: Catalog) -> None:
    text = PAGE.read_text(encoding="utf-8")
    for part in of_the_catalog(shipped):
        assert part in text, "rows or constants changed: run `gpumix catalog accuracy --report docs/accuracy.md`"


def test_a_page_has_its_sections_whatever_was_left_out(shipped: Catalog) -> None:
    page = accuracy_page(shipped, Accuracy((), ()))
    headings = [line for line in page.splitlines() if line.startswith("#")]
    assert headings == [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("#")]


@pytest.mark.slow
def test_the_page_is_what_leaving_out_gives(shipped: Catalog) -> None:
    assert accuracy_page(shipped, speed_accuracy(shipped)) == PAGE.read_text(encoding="utf-8")
