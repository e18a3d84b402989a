"""The planning question as a user writes it: one YAML file, one `Problem`."""

from datetime import date
from math import prod
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from optimizer.schema.base import (
    GRADE_TOKENS_PER_S,
    HUGE,
    SHORTEST_LIFE_YEARS,
    Count,
    CountOrZero,
    Currency,
    Evidence,
    Fraction01,
    Frozen,
    Grade,
    Id,
    Kind,
    Name,
    NonNegative,
    Positive,
)

Tokens = Annotated[int, Field(ge=1, le=10_000_000)]


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


class Slo(Frozen):
    """What every user is promised at the peak."""

    grade: Grade | None = None
    """A (70), B (30) or C (15 output tokens/s per user); with a number beside it, the stricter holds."""
    tokens_per_s_per_user: Positive | None = None
    """Least output tokens/s each user sees: 1000 / TPOT."""
    ttft_ms: Positive | None = None
    """Longest time to first token, in milliseconds, for streamed responses."""
    response: Literal["streaming", "whole"] = "streaming"
    """`streaming` sends tokens as they come; `whole` sends the finished response (then `e2e_ms`)."""
    e2e_ms: Positive | None = None
    """Longest time for a whole response, in milliseconds: TTFT + (OSL - 1) x TPOT."""

    @property
    def target_tokens_per_s(self) -> float:
        """The stricter of grade and number; 0 when neither is set."""
        grade = GRADE_TOKENS_PER_S[self.grade] if self.grade else 0.0
        return max(grade, self.tokens_per_s_per_user or 0.0)

    @model_validator(mode="after")
    def _whole_responses_state_their_limit(self) -> Self:
        if self.response == "whole" and self.e2e_ms is None:
            raise ValueError("e2e_ms: found nothing; allowed: a limit in ms when response is whole")
        if self.response == "streaming" and self.e2e_ms is not None:
            raise ValueError("e2e_ms: found a limit with response streaming; allowed: ttft_ms, or response: whole")
        return self


class RequestClass(Frozen):
    """One kind of request of a service."""

    isl_tokens: Tokens
    """Input tokens of a request (ISL)."""
    osl_tokens: Tokens
    """Output tokens of a request (OSL)."""
    share_fraction: Annotated[float, Field(gt=0, le=1)] = 1.0
    """Share of the service's requests that are of this class; the shares add up to 1."""


class Demand(Frozen):
    """How much comes at the peak: requests in flight, a rate, or users and their habits."""

    peak_concurrency: Count | None = None
    """Requests in flight at the peak."""
    peak_rps: Positive | None = None
    """Requests a second at the peak."""
    daily_active_users: Positive | None = None
    """Users who come on one day."""
    uses_per_user_per_day: Positive | None = None
    """How often each of them uses the service on that day."""
    requests_per_use: Positive | None = None
    """Requests sent in one use."""
    active_hours: Annotated[float, Field(gt=0, le=24)] | None = None
    """Hours a day over which the requests are spread."""
    peak_to_mean: Annotated[float, Field(ge=1, lt=HUGE)] | None = None
    """Rate at the peak over the mean rate in the active hours."""
    percentile: Annotated[float, Field(ge=0.5, le=0.999999)] | None = None
    """Share of moments in which a replica's requests in flight stay within its limit (Poisson); default 0.99."""

    @model_validator(mode="after")
    def _one_way_of_stating_it(self) -> Self:
        users = {
            "daily_active_users": self.daily_active_users,
            "uses_per_user_per_day": self.uses_per_user_per_day,
            "requests_per_use": self.requests_per_use,
            "active_hours": self.active_hours,
            "peak_to_mean": self.peak_to_mean,
        }
        given = [key for key, value in users.items() if value is not None]
        ways = [
            way
            for way, said in (
                ("peak_concurrency", self.peak_concurrency is not None),
                ("peak_rps", self.peak_rps is not None),
                ("daily_active_users", bool(given)),
            )
            if said
        ]
        if len(ways) != 1:
            raise ValueError(
                f"found {' and '.join(ways) or 'nothing'}; "
                "allowed: exactly one of peak_concurrency, peak_rps, or the daily_active_users group"
            )
        if given and len(given) < len(users):
            missing = [key for key in users if key not in given]
            raise ValueError(f"found {', '.join(given)}; allowed: with {', '.join(missing)} beside")
        if self.percentile is not None and self.peak_concurrency is not None:
            raise ValueError("percentile: found one beside peak_concurrency; allowed: only with a rate or users")
        if self.active_hours is not None:
            others = prod(value for key, value in users.items() if value is not None and key != "active_hours")
            rate = others / self.active_hours / 3600
            if not rate < HUGE:
                found = f"users that send {rate:.3g} requests/s at the peak"
                raise ValueError(f"found {found}; allowed: less than {HUGE:.0e}")
        return self


class Deadline(Frozen):
    """Work of an asynchronous service and the window it must be done in."""

    requests: Positive | None = None
    """Requests to finish in the window."""
    output_tokens: Positive | None = None
    """Output tokens to produce in the window, instead of requests."""
    start_hour: Annotated[float, Field(ge=0, lt=24)]
    """Hour of the day at which the work may start."""
    end_hour: Annotated[float, Field(ge=0, le=48)]
    """Hour at which it must be done; smaller than the start means the next day."""

    @property
    def window_hours(self) -> float:
        """Length of the window in hours."""
        span = self.end_hour - self.start_hour
        return span if span > 0 else span + 24

    @model_validator(mode="after")
    def _work_is_stated_once(self) -> Self:
        if (self.requests is None) == (self.output_tokens is None):
            raise ValueError("found both or none of requests, output_tokens; allowed: exactly one of them")
        if self.window_hours * 3600 < 1 or self.end_hour == self.start_hour:
            raise ValueError(f"end_hour: found {self.end_hour:g}, the start itself; allowed: at least a second later")
        return self


class Service(Frozen):
    """One LLM service with its promise, its requests and its demand."""

    service_id: Id
    """Name of the service."""
    model: Name
    """Catalog id of the model, or path to a Hugging Face config.json."""
    precisions: Annotated[tuple[Id, ...], Field(min_length=1)] | None = None
    """Precisions that may be served; absent: the model's own."""
    engines: Annotated[tuple[Id, ...], Field(min_length=1)] | None = None
    """Engines that may serve it; absent: all that fit."""
    kind: Literal["sync", "async"] = "sync"
    """`sync` answers users who wait; `async` works off a batch before a deadline."""
    slo: Slo = Slo()
    """What every user is promised."""
    workload: Annotated[tuple[RequestClass, ...], Field(min_length=1, max_length=64)]
    """Request classes, usually one."""
    context_tokens: Tokens | None = None
    """Longest context one request may use; default: the longest ISL + OSL of the workload."""
    demand: Demand | None = None
    """Requests at the peak (sync)."""
    deadline: Deadline | None = None
    """Work and window (async)."""
    headroom_fraction: Annotated[float, Field(ge=0, le=10)] = 0.2
    """Reserve added to the demand; printed as a choice."""

    @property
    def full_context_tokens(self) -> int:
        """Tokens that one full-length request holds."""
        longest = max(request.isl_tokens + request.osl_tokens for request in self.workload)
        return self.context_tokens or longest

    @model_validator(mode="after")
    def _parts_belong_together(self) -> Self:
        faults = []
        if self.kind == "sync" and self.demand is None:
            faults.append("demand: found nothing; allowed: a demand for a sync service")
        if self.kind == "sync" and self.deadline is not None:
            faults.append("deadline: found one on a sync service; allowed: only with kind: async")
        if self.kind == "async" and self.deadline is None:
            faults.append("deadline: found nothing; allowed: a deadline for an async service")
        if self.kind == "async" and self.demand is not None:
            faults.append("demand: found one on an async service; allowed: only with kind: sync")
        if self.kind == "sync" and self.slo.target_tokens_per_s == 0 and self.slo.e2e_ms is None:
            faults.append("slo: found no speed; allowed: grade, tokens_per_s_per_user, or e2e_ms for whole responses")
        total = sum(request.share_fraction for request in self.workload)
        if abs(total - 1) > 1e-6:
            faults.append(f"workload: found shares that add up to {total:g}; allowed: a sum of 1")
        longest = max(request.isl_tokens + request.osl_tokens for request in self.workload)
        if self.context_tokens is not None and self.context_tokens < longest:
            faults.append(f"context_tokens: found {self.context_tokens}; allowed: at least ISL + OSL = {longest}")
        if faults:
            raise ValueError("\n".join(faults))
        return self


class Budget(Frozen):
    """A cost cap."""

    amount: Positive
    """Most that may be spent."""
    currency: Currency = "USD"
    """Currency of the amount; JPY and EUR use the problem's fx, else the catalog's rate."""
    per: Literal["hour", "month", "year"] = "month"
    """A month is 730 hours, a year 12 months."""


class Selection(Frozen):
    """Names that are allowed or forbidden; an empty `allow` means all."""

    allow: tuple[Name, ...] = ()
    """Only these."""
    forbid: tuple[Name, ...] = ()
    """None of these."""

    def refuses(self, name: str) -> str | None:
        """Say why a name is out, or None when it is in."""
        if self.allow and name not in self.allow:
            return f"{name} is not among those allowed"
        return f"{name} is forbidden" if name in self.forbid else None


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


class Limits(Frozen):
    """Rules that the plan must keep."""

    budget: Budget | None = None
    """Cost cap for everything together."""
    kinds: Annotated[tuple[Kind, ...], Field(min_length=1)] = ("on_demand", "reserved", "owned")
    """How nodes may be obtained; spot and marketplace only when named."""
    max_term_months: CountOrZero = 12
    """Longest commitment of a reserved offer."""
    gpus: Selection = Selection()
    """GPU types."""
    providers: Selection = Selection()
    """Providers; owned nodes have the provider `owned`."""
    regions: Selection = Selection()
    """Regions by the provider's own code; owned nodes have the region of their site."""
    stock: dict[str, CountOrZero] = Field(default_factory=dict)
    """Nodes obtainable, by offer id; what is not named has the catalog's stock, or no cap."""
    at_least: dict[str, Count] = Field(default_factory=dict)
    """Nodes that the plan must hold, by offer id: what is bought or committed already."""
    max_gpu_types: Count | None = None
    """Most different GPU types."""
    nodes: NodeCount = NodeCount()
    """Fewest and most nodes."""
    engine_policy: Literal["any", "fleet", "per_gpu"] = "any"
    """`fleet`: one engine everywhere; `per_gpu`: one engine for each GPU type."""
    survive: Survive = Survive()
    """Losses to survive."""
    power_kw: NonNegative | None = None
    """Cap on the electrical power that all owned nodes together may draw at full load."""
    evidence: Evidence = "estimated"
    """Worst evidence of a speed that may be used."""
    speed_confidence: Annotated[float, Field(ge=0.5, lt=1)] | None = None
    """Plan with the slow end of the error bar at this confidence instead of the middle."""
    horizon_months: Annotated[int, Field(ge=1, le=120)] = 12
    """How long the nodes are needed: what is bought or reserved for longer is paid in full over this time."""


class Assumptions(Frozen):
    """Own figures for the cost of owned nodes, in place of the catalog's."""

    life_years: Annotated[float, Field(ge=SHORTEST_LIFE_YEARS, le=100)] | None = None
    """Years a node stays in use."""
    discount_fraction_per_year: Fraction01 | None = None
    """Yearly cost of capital."""
    residual_fraction: Fraction01 | None = None
    """Share of the purchase price got back at the end of the horizon."""
    maintenance_fraction_per_year: Fraction01 | None = None
    """Yearly maintenance as a share of the purchase price."""
    utilisation_of_tdp_fraction: Fraction01 | None = None
    """Mean power draw as a share of the maximum."""
    staff_fte_per_gpu: NonNegative | None = None
    """Staff needed per GPU, in full-time people."""
    staff_usd_per_fte_year: NonNegative | None = None
    """Yearly cost of one full-time person."""
    network_fraction_of_hardware: Fraction01 | None = None
    """Network and cabling of servers as a share of their hardware price."""
    electricity_usd_per_kwh: NonNegative | None = None
    """Price of electricity."""
    pue: Annotated[float, Field(ge=1, le=5)] | None = None
    """Power usage effectiveness of the place."""
    colocation_usd_per_kw_month: NonNegative | None = None
    """Space and power capacity per kW of IT load and month."""
    price_end: Literal["value", "low", "high"] = "value"
    """Which end of the range of assumed prices to plan with."""
    purchase_price_usd: dict[str, Positive] = Field(default_factory=dict)
    """Whole purchase price by owned offer id: your own quotation."""


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
    fx: Fx | None = None
    """Rate of that currency; absent: the catalog's."""
    services: Annotated[tuple[Service, ...], Field(min_length=1, max_length=64)]
    """Services to place."""
    limits: Limits = Limits()
    """Rules that the plan must keep."""
    assumptions: Assumptions = Assumptions()
    """Own figures for owned nodes."""

    @model_validator(mode="after")
    def _service_ids_differ(self) -> Self:
        ids = [service.service_id for service in self.services]
        twice = sorted({name for name in ids if ids.count(name) > 1})
        if twice:
            raise ValueError(f"services: found service_id {', '.join(twice)} more than once; allowed: distinct ids")
        if self.currency == "USD" and self.fx is not None:
            raise ValueError("fx: found a rate with currency USD; allowed: only with JPY or EUR")
        return self
