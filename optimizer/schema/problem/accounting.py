"""How purchases stand in the books."""

from typing import Annotated, Literal

from pydantic import Field

from optimizer.schema.base import Currency, Fraction01, Frozen

FIRST_MONTH = {"JPY": 4}
"""First month of the fiscal year by currency: April is the rule in Japan; elsewhere January is taken."""

TAX = {"JPY": 0.10}
"""Consumption tax by currency: Japan's is 10% since 2019-10-01 (https://www.gsic.titech.ac.jp/kyodou/kakin)."""

SERVER_LIFE_YEARS = 5
"""Statutory useful life of servers in Japan: Ordinance of the Ministry of Finance No. 15 of 1965, Appended Table 1,
computers other than PCs (https://www.tkcnf.or.jp/zeimuqa/rank/GrHpPostQA.aspx?whence=19); a PC has 4 years."""


class Accounting(Frozen):
    """Fiscal year, depreciation and tax; tables of expense use them, no plan's cost does."""

    fiscal_year_start_month: Annotated[int, Field(ge=1, le=12)] | None = None
    """First month of the fiscal year; absent: April when the problem's currency is JPY, else January."""
    start: Annotated[str, Field(pattern=r"^[0-9]{4}-(0[1-9]|1[0-2])$")] = "2027-04"
    """Month in which nodes come into service."""
    depreciation_years: Annotated[int, Field(ge=1, le=50)] = SERVER_LIFE_YEARS
    """Useful life of purchases, written off by the straight line; servers have 5 years in Japan, PCs 4."""
    tax: Literal["excluded", "included"] = "excluded"
    """Whether the tables of expense include consumption tax (staff bears none)."""
    tax_fraction: Fraction01 | None = None
    """Rate of that tax; absent: 0.1 when the problem's currency is JPY, else 0."""

    def first_month(self, currency: Currency) -> int:
        """Return the first month of the fiscal year."""
        return self.fiscal_year_start_month or FIRST_MONTH.get(currency, 1)

    def tax_added(self, currency: Currency) -> float:
        """Return the share that tax adds to amounts without it; 0 when the tables leave it out."""
        rate = TAX.get(currency, 0.0) if self.tax_fraction is None else self.tax_fraction
        return rate if self.tax == "included" else 0.0
