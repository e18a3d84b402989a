"""Pivots: the least of a figure by keys, with how many variants stand behind it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from optimizer.batch.ledger import Ledger
from optimizer.batch.outcome import Outcome
from optimizer.batch.pivot import Cell, pivot_of
from optimizer.batch.variants import Variant
from optimizer.errors import InputError

GRADE, USERS = "services.0.slo.grade", "services.0.demand.users"

Batch = Callable[..., Ledger]


@pytest.fixture
def batch(tmp_path: Path) -> Batch:
    """How to make a ledger of (grade asked, users, model, cost); a cost of None is an infeasible variant."""

    def make(*rows: tuple[str, str, str, float | None], left_out: int = 0) -> Ledger:
        variants = [
            Variant(f"v{number}", "f", (f"{GRADE}={grade}", f"{USERS}={users}"))
            for number, (grade, users, _, _) in enumerate(rows)
        ]
        ledger = Ledger.open(tmp_path / "batch", "digest", variants)
        ledger.record([
            (number, Outcome(f"v{number}", "infeasible" if cost is None else "optimal", cost, cost, model=model), 0.0)
            for number, (_, _, model, cost) in enumerate(rows[: len(rows) - left_out])
        ])
        return ledger

    return make


ROWS = (
    ("A", "10", "llama", 100.0), ("A", "100", "llama", 300.0), ("B", "10", "llama", None), ("B", "9", "llama", 50.0),
    ("A", "10", "qwen", None), ("C", "9", "", 7.5),
)


def test_the_least_of_each_combination_and_of_how_many(batch: Batch) -> None:
    found = pivot_of(batch(*ROWS), ["model"], ["slo.grade"], "usd_per_month")
    assert (found.row_keys, found.column_keys) == (("model",), (GRADE,))
    assert found.rows == (("llama",), ("qwen",), ("",))
    assert found.columns == (("A",), ("B",), ("C",))
    assert found.cells == {
        (("llama",), ("A",)): Cell(100.0, 2, 2),
        (("llama",), ("B",)): Cell(50.0, 2, 1),  # one of the two is infeasible
        (("qwen",), ("A",)): Cell(None, 1, 0),
        (("",), ("C",)): Cell(7.5, 1, 1),
    }
    assert (found.done, found.total) == (6, 6)


def test_several_keys_sort_numbers_by_size(batch: Batch) -> None:
    found = pivot_of(batch(*ROWS), ["users", "model"], [], "usd_per_month")
    assert found.rows == (
        ("9", "llama"), ("9", ""), ("10", "llama"), ("10", "qwen"), ("100", "llama"),
    )
    assert found.columns == ((),)
    assert found.cells[("10", "llama"), ()] == Cell(100.0, 2, 1)


def test_other_values_and_unfinished_batches(batch: Batch) -> None:
    found = pivot_of(batch(*ROWS, left_out=2), ["status"], [], "users")
    assert found.cells == {(("optimal",), ()): Cell(9.0, 3, 3), (("infeasible",), ()): Cell(10.0, 1, 1)}
    assert (found.done, found.total) == (4, 6)


def test_keys_that_are_no_columns_are_all_named(batch: Batch) -> None:
    ledger = batch(*ROWS)
    with pytest.raises(InputError) as error:
        pivot_of(ledger, ["modle"], ["rade"], "cost")
    said = [str(fault) for fault in error.value.faults]
    assert len(said) == 3
    assert said[0].startswith("options: --rows: found 'modle', no column of the results; allowed: 'model' (did you")
    assert "--columns: found 'rade'" in said[1]
    assert "--values: found 'cost'" in said[2]
    with pytest.raises(InputError, match="--rows: found nothing"):
        pivot_of(ledger, [], ["model"], "usd_per_month")


def test_an_end_of_several_keys_is_refused(tmp_path: Path) -> None:
    ledger = Ledger.open(tmp_path, "d", [Variant("v", "f", ("services.0.slo.grade=A", "services.1.slo.grade=B"))])
    with pytest.raises(InputError, match=r"'slo\.grade', the end of several columns"):
        pivot_of(ledger, ["slo.grade"], [], "usd_per_month")
