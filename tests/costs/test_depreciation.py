"""Straight-line tables and fiscal years, worked out by hand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimizer.costs.depreciation import fiscal_year_of, fiscal_years, months_in_years, straight_line


def test_a_server_of_five_million_yen_in_japan() -> None:
    # bought in July 2027, the fiscal year begins in April: nine months of the first year;
    # 5,000,000 / 60 = 83,333.33 a month: 750,000, then 1,000,000 four times, then the last three months 250,000
    years = fiscal_years(5_000_000.0, 40_000.0, 0.0, "2027-07", 4, 60, 5)
    assert [year.name for year in years] == ["FY2027", "FY2028", "FY2029", "FY2030", "FY2031", "FY2032"]
    assert [round(year.depreciation) for year in years] == [750_000, *[1_000_000] * 4, 250_000]
    assert [round(year.book_value) for year in years] == [4_250_000, 3_250_000, 2_250_000, 1_250_000, 250_000, 0]
    assert [year.operating_expense for year in years] == [360_000.0, *[480_000.0] * 4, 120_000.0]
    assert [year.capital_expense for year in years] == [5_000_000.0, 0, 0, 0, 0, 0]


def test_a_node_sold_before_it_is_written_off_leaves_its_book_value() -> None:
    # 36 of 60 months: 1,200 x 36 / 60 = 720 written off, 480 on the books, sold for 300
    years = fiscal_years(1200.0, 0.0, 300.0, "2027-04", 4, 36, 5)
    assert sum(year.depreciation for year in years) == pytest.approx(720.0)
    assert years[-1].book_value == pytest.approx(480.0)
    assert [year.resale for year in years] == [0.0, 0.0, 300.0]


@given(
    st.floats(1, 1e9), st.integers(1, 12), st.integers(1, 12), st.integers(1, 180), st.integers(1, 10),
    st.integers(2000, 2090),
)
def test_what_is_written_off_and_what_is_left_are_the_cost(
    outlay: float, month: int, first: int, months: int, life: int, year: int
) -> None:
    years = fiscal_years(outlay, 1.0, 0.0, f"{year}-{month:02d}", first, months, life)
    assert sum(one.months for one in years) == months
    assert all(1 <= one.months <= 12 for one in years)
    assert sum(one.depreciation for one in years) + years[-1].book_value == pytest.approx(outlay, rel=1e-6, abs=1e-4)
    assert years[0].name == f"FY{fiscal_year_of(year, month, first)}"
    if months >= life * 12:
        assert years[-1].book_value == pytest.approx(0.0, abs=1e-4 + outlay * 1e-9)


def test_months_of_service_by_year() -> None:
    assert months_in_years(3, 4, 13) == (1, 12)
    assert straight_line(100.0, 0.0, 1, months_in_years(3, 4, 13)) == pytest.approx((100 / 12, 1100 / 12))
