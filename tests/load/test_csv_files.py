"""Rows of a table, with the line on which each begins."""

from __future__ import annotations

from optimizer.errors import Fault
from optimizer.load.csv_files import columns_of, parse_rows
from optimizer.schema.base import Count, Frozen, Id, Positive
from optimizer.schema.catalog import FxRate


class Fruit(Frozen):
    """A tiny table."""

    fruit_id: Id
    price: Positive
    count: Count = 1
    ripe: bool = False
    notes: str = ""


def rows(text: str, keep: str = "") -> tuple[list[Fruit], list[Fault]]:
    faults: list[Fault] = []
    return parse_rows(text, "fruit.csv", Fruit, faults, (lambda line: line.startswith(keep)) if keep else None), faults


def test_cells_become_values_and_blank_ones_defaults() -> None:
    found, faults = rows("fruit_id,price,count,ripe,notes\napple,1.5,3,true,\npear, 2 ,,,\"soft, sweet\"\n")
    assert not faults
    assert found == [Fruit(fruit_id="apple", price=1.5, count=3, ripe=True),
        Fruit(fruit_id="pear", price=2.0, notes="soft, sweet")]


def test_columns_may_stand_in_any_order_and_optional_ones_be_left_out() -> None:
    found, faults = rows("price,fruit_id\n1,apple\n")
    assert (found, faults) == ([Fruit(fruit_id="apple", price=1.0)], [])


def test_blank_lines_are_passed_over_and_counted() -> None:
    found, faults = rows("fruit_id,price\n\napple,1\n,\nplum,x\n")
    assert [one.fruit_id for one in found] == ["apple"]
    assert [fault.key for fault in faults] == ["line 5.price"]


def test_a_cell_over_several_lines_does_not_shift_the_places() -> None:
    found, faults = rows('fruit_id,price,notes\napple,1,"red\nand round"\nplum,x,"a\nb"\npear,-1,\n')
    assert [one.notes for one in found] == ["red\nand round"]
    assert [fault.key for fault in faults] == ["line 4.price", "line 6.price"]  # where the row begins


def test_lines_that_are_not_wanted_are_not_read() -> None:
    found, faults = rows("fruit_id,price\nplum,x\napple,1\nplum,y\napple,z\n", keep="apple")
    assert [one.price for one in found] == [1.0]
    assert [fault.key for fault in faults] == ["line 5.price"]


def test_a_header_alone_is_an_empty_table() -> None:
    assert rows("fruit_id,price\n") == ([], [])


def test_a_header_with_faults_ends_the_reading() -> None:
    found, faults = rows("fruit_id,prise,fruit_id\napple,1,x\n")
    assert not found
    assert [(fault.key, fault.found) for fault in faults] == [
        ("line 1", "the unknown column 'prise'"), ("line 1", "the column 'fruit_id' twice"),
            ("line 1", "no column price")]


def test_the_table_s_own_columns_are_named_first() -> None:
    assert columns_of(FxRate) == ["currency", "rate_per_usd", "source_url", "as_of", "confidence", "notes"]
