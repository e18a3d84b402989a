"""The rules that a plan must keep."""

from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from optimizer.schema.base import (
    Count,
    CountOrZero,
    Currency,
    Evidence,
    Frozen,
    Id,
    Name,
    NonNegative,
    Positive,
    Supplied,
)
from optimizer.schema.problem.contracts import Contract


class Budget(Frozen):
    """A cost cap."""

    amount: Positive
    """Most that may be spent."""
    currency: Currency = "USD"
    """Currency of the amount; JPY and EUR use the problem's fx, else the catalog's rate."""
    per: Literal["hour", "month", "year"] = "month"
    """A month is 730 hours, a year 12 months."""


class Cap(Frozen):
    """A cap on a sum of money."""

    amount: NonNegative
    """Most that may be paid."""
    currency: Currency = "USD"
    """Currency of the amount; JPY and EUR use the problem's fx, else the catalog's rate."""


class Selection(Frozen):
    """Names that are allowed or forbidden; an empty `allow` means all."""

    allow: tuple[Name, ...] = ()
    """Only these."""
    forbid: tuple[Name, ...] = ()
    """None of these."""

    def refuses(self, name: str) -> Literal["not-allowed", "forbidden"] | None:
        """Say why a name is out, or None when it is in."""
        if self.allow and name not in self.allow:
            return "not-allowed"
        return "forbidden" if name in self.forbid else None


def _as_names(value: object) -> object:
    """Take one name for a list of one."""
    return (value,) if isinstance(value, str) else value


def _as_selection(value: object) -> object:
    """Take a list of names as those that are allowed."""
    return {"allow": tuple(value)} if isinstance(value, list | tuple) else value


class NodeCount(Frozen):
    """How many nodes the plan may have."""

    min: CountOrZero = 0
    """Fewest nodes."""
    max: Count | None = None
    """Most nodes; absent: no cap."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.max is not None and self.min > self.max:
            raise ValueError(f"min: found {self.min}; allowed: at most max = {self.max}")
        return self


class Survive(Frozen):
    """Losses after which every service still gets its demand."""

    nodes: Annotated[int, Field(ge=0, le=100)] = 0
    """Any so many nodes lost at once."""
    provider: bool = False
    """Any one provider lost."""
    region: bool = False
    """Any one region of a provider (or owned site) lost."""
    by: Annotated[Literal["spare", "replacement"] | None, Field(exclude_if=lambda value: value is None)] = None
    """How a loss is made good. `spare`: every service keeps nodes of its own that carry all of its demand at once, also
    after the loss. `replacement`: replicas of all services are placed again on the nodes left, which is cheaper but
    takes the minutes of a restart. Absent: `spare` where nodes are not shared, `replacement` where they are."""

    def is_replaced(self, sharing: str) -> bool:
        """Say whether replicas are placed again after a loss."""
        return sharing == "nodes" if self.by is None else self.by == "replacement"


class Limits(Frozen):
    """Rules that the plan must keep."""

    budget: Budget | None = None
    """Cost cap for everything together."""
    purchases: Annotated[Cap | None, Field(exclude_if=lambda value: value is None)] = None
    """Most that may be paid for purchases within `horizon_months`, as the sum to approve shows them."""
    cash_per_year: Annotated[Cap | None, Field(exclude_if=lambda value: value is None)] = None
    """Most cash that may be paid in any fiscal year of `horizon_months`, purchases and upfront payments with it."""
    co2_kg_per_month: Annotated[NonNegative | None, Field(exclude_if=lambda value: value is None)] = None
    """Most kg of CO2 equivalent a month that owned nodes may emit, by the grid of their site; rented ones are left out,
    as no provider states their draw."""
    kinds: Annotated[tuple[Supplied, ...], Field(min_length=1)] = ("on_demand", "reserved", "owned")
    """How capacity may be obtained; spot, marketplace and api only when named. `api`: hosted APIs of the same model may
    carry any part of a demand, paid by the token; the data then leaves the house."""
    used: Annotated[bool, Field(exclude_if=lambda value: value is False)] = False
    """Whether nodes whose GPU is no longer sold new may be bought used; those of `at_least` are there already."""
    allow_geforce_in_datacenter: Annotated[bool, Field(exclude_if=lambda value: value is False)] = False
    """Whether owned servers and colocated machines may hold GPUs whose driver is not licensed for data centres."""
    max_term_months: CountOrZero = 12
    """Longest commitment of a reserved offer."""
    gpus: Selection = Selection()
    """GPU types."""
    providers: Selection = Selection()
    """Providers; owned nodes have the provider `owned`."""
    country: Annotated[
        tuple[Name, ...], BeforeValidator(_as_names, json_schema_input_type=Name | tuple[Name, ...]),
        Field(exclude_if=lambda value: not value),
    ] = ()
    """Only nodes in these countries, by ISO code or name: JP, Japan, 日本."""
    regions: Annotated[
        Selection, BeforeValidator(_as_selection, json_schema_input_type=Selection | tuple[Name, ...])] = Selection()
    """Places: cities (tokyo, 東京), countries, or regions by the provider's own code; a plain list allows only these.
    Owned nodes have the region of their site; a city takes own rooms in its country."""
    stock: dict[str, CountOrZero] = Field(default_factory=dict)
    """Nodes obtainable, by offer id; what is not named has the catalog's stock, or no cap."""
    at_least: dict[str, Count] = Field(default_factory=dict)
    """Nodes that the plan must hold, by offer id: what is bought or committed already."""
    max_gpu_types: Count | None = None
    """Most different GPU types."""
    max_gpu_types_in: Annotated[Literal["plan", "period"], Field(exclude_if=lambda value: value == "plan")] = "plan"
    """`plan`: counted over the whole plan; `period`: in each hour or quarter alone, so types may follow each other."""
    nodes: NodeCount = NodeCount()
    """Fewest and most nodes."""
    engine_policy: Literal["any", "fleet", "per_gpu"] = "any"
    """`fleet`: one engine everywhere; `per_gpu`: one engine for each GPU type."""
    survive: Survive = Survive()
    """Losses to survive."""
    spot_share_fraction: Annotated[float, Field(ge=0, lt=1)] | None = None
    """Most of each service's demand that may rest on spot nodes: should all of them be taken away at once, the others
    still carry the rest of it at the promised speed."""
    contracts: dict[Id, Contract] = Field(default_factory=dict)
    """What was agreed with a provider about all its nodes together, by its id: minimum, fee, volume tiers."""
    power_kw: NonNegative | None = None
    """Cap on the electrical power that all owned nodes together may draw at full load."""
    evidence: Evidence = "estimated"
    """Worst evidence of a speed that may be used."""
    speed_confidence: Annotated[float, Field(ge=0.5, lt=1)] | None = None
    """Plan with the slow end of the error bar at this confidence instead of the middle."""
    max_utilisation_fraction: Annotated[float, Field(ge=0.01, le=1, exclude_if=lambda value: value == 1)] = 1.0
    """Share of what the nodes of a service carry that its demand may fill; 1: all of it."""
    simplicity_fraction: Annotated[float, Field(ge=0, le=1, exclude_if=lambda value: value == 0.03)] = 0.03
    """A plan of one kind of node is recommended in place of one of several kinds that costs at most this part less."""
    horizon_months: Annotated[int, Field(ge=1, le=120)] = 12
    """How long the nodes are needed: what is bought or reserved for longer is paid in full over this time."""
