"""The planning question as a user writes it: one YAML file, one `Problem`."""

from datetime import date
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from optimizer.schema.base import Currency, Frozen, Id, Positive
from optimizer.schema.problem.accounting import Accounting
from optimizer.schema.problem.assumptions import Assumptions
from optimizer.schema.problem.limits import Limits
from optimizer.schema.problem.roadmap import Roadmap
from optimizer.schema.problem.service import Service


def _day(value: object) -> object:
    """Take a date in quotes too."""
    try:
        return date.fromisoformat(value) if isinstance(value, str) else value
    except ValueError:
        return value


Day = Annotated[date, BeforeValidator(_day, json_schema_input_type=date)]


class Fx(Frozen):
    """A stated exchange rate."""

    rate_per_usd: Positive
    """Units of the problem's currency in one US dollar."""
    as_of: Day
    """The day the rate was read."""


class Problem(Frozen):
    """A planning question."""

    schema_version: Literal[1]
    """Version of this format."""
    name: Id
    """Name of the question."""
    description: str = ""
    """What it is about, in a sentence."""
    currency: Currency = "USD"
    """Currency that reports show beside US dollars."""
    language: Annotated[Literal["en", "ja"] | None, Field(exclude_if=lambda value: value is None)] = None
    """Language of answers about it, unless `--lang` or GPUMIX_LANG says another."""
    fx: Fx | None = None
    """Rate of that currency; absent: the catalog's."""
    services: Annotated[tuple[Service, ...], Field(min_length=1, max_length=1000)]
    """Services to place."""
    sharing: Annotated[Literal["none", "nodes"], Field(exclude_if=lambda value: value == "none")] = "none"
    """`nodes`: replicas of several services may share a node; `none`: a node serves one service at a time."""
    limits: Limits = Limits()
    """Rules that the plan must keep."""
    assumptions: Assumptions = Assumptions()
    """Own figures for what nodes cost."""
    accounting: Accounting = Accounting()
    """Fiscal year, depreciation and tax of the tables of expense."""
    roadmap: Roadmap | None = None
    """A budget plan over quarters: `gpumix solve` answers it, commands that look at one peak leave it out."""

    @model_validator(mode="after")
    def _service_ids_differ(self) -> Self:
        ids = [service.service_id for service in self.services]
        twice = sorted({name for name in ids if ids.count(name) > 1})
        if twice:
            raise ValueError(f"services: found service_id {', '.join(twice)} more than once; allowed: distinct ids")
        if self.currency == "USD" and self.fx is not None:
            raise ValueError("fx: found a rate with currency USD; allowed: only with JPY or EUR")
        return self
