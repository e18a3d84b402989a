"""The facts a plan rests on: GPUs, models, engines, prices and measured speeds, each with its source."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from optimizer.schema.base import (
    SHORTEST_LIFE_YEARS,
    Count,
    CountOrZero,
    Currency,
    Fraction01,
    Frozen,
    Id,
    Name,
    NonNegative,
    Positive,
    PriceEvidence,
    Sold,
)
from optimizer.schema.engine import Engine, EngineOverhead, EnginePrecision, OlderOverhead, Reserved, Vendor
from optimizer.schema.layout import ReplicaLayout
from optimizer.schema.llm import LayerKind, LlmModel, Precision, StoredCopy, StoredWeights
from optimizer.schema.sourced import AsOf, Confidence, Sourced, SourceUrl

__all__ = [
    "ApiPrice", "AsOf", "CapacityRow", "Confidence", "Engine", "EngineOverhead", "EnginePrecision", "Figure", "FxRate",
    "Gpu", "LayerKind", "LlmModel", "OlderOverhead", "OwnedAssumptions", "OwnedNode", "Part", "Precision", "Product",
    "RentedOffer", "Reserved", "Site", "Source", "SourceUrl", "Sourced", "StoredCopy", "StoredWeights",
    "ThroughputPoint",
]


class Gpu(Sourced):
    """One accelerator type."""

    gpu_id: Id
    name: Name
    vendor: Vendor
    form_factor: str = ""
    architecture: str = ""
    compute_capability: Positive | None = None
    memory_gib: Positive
    memory_usable_gib: Positive
    """What a process really sees."""
    memory_bandwidth_gb_per_s: Positive
    memory_kind: Literal["gddr", "hbm", "lpddr"]
    fp16_tflops: Positive | None = None
    """Dense, 16-bit tensor arithmetic."""
    fp8_tflops: Positive | None = None
    int8_tops: Positive | None = None
    link: str = ""
    link_gb_per_s: Positive | None = None
    """To the other GPUs of its node, one way."""
    peer_to_peer: bool = True
    """Whether GPUs reach each other without passing through the host's memory."""
    max_gpus_per_node: Count | None = None
    tdp_watts: Positive | None = None
    aliases: str = ""

    @model_validator(mode="after")
    def _engines_can_tell(self) -> Self:
        if self.vendor == "nvidia" and self.compute_capability is None:
            raise ValueError("compute_capability: found nothing; allowed: a number such as 8.6 for an nvidia GPU")
        if self.memory_usable_gib > self.memory_gib:
            most = f"at most memory_gib = {self.memory_gib:g}"
            raise ValueError(f"memory_usable_gib: found {self.memory_usable_gib:g}; allowed: {most}")
        return self


def _check_range(
    name: str, low: float | None, value: float, high: float | None, low_name: str = "low", high_name: str = "high"
) -> None:
    """Hold that low <= value <= high where they are stated."""
    if low is not None and low > value:
        raise ValueError(f"{low_name}: found {low:g}; allowed: at most {name} = {value:g}")
    if high is not None and high < value:
        raise ValueError(f"{high_name}: found {high:g}; allowed: at least {name} = {value:g}")


class Product(Sourced):
    """The life of a GPU as something to buy."""

    gpu_id: Id
    sold: Sold
    """How it can be had now."""
    licensed_for_data_centres: bool = True
    """Whether its driver's licence allows data centres; that of GeForce cards does not."""
    support_until: AsOf | None = None
    """End of the maker's support, where it is known."""
    lead_time_weeks: NonNegative | None = None
    """Weeks from order to delivery, where they are known."""


class ApiPrice(Sourced):
    """What a hosted API asks for the tokens of one model, in US dollars a million."""

    provider: Id
    api_model: Name
    """The provider's own name of the model."""
    model_id: Id
    """The model of the catalog that it serves: the same weights; the provider may quantise them."""
    input_usd_per_million: NonNegative
    cached_usd_per_million: NonNegative | None = None
    """Input tokens that the provider has in its cache; absent: as other input."""
    output_usd_per_million: NonNegative
    tokens_per_s: Positive | None = None
    """Output tokens/s that a user is promised, where the provider promises any."""
    requests_per_minute: Positive | None = None
    """Rate limit, where it is known."""
    context_tokens: Count | None = None


class RentedOffer(Sourced):
    """A node that can be rented."""

    offer_id: Id
    provider: Id
    region: Name
    instance_type: str = ""
    gpu_id: Id
    gpu_count: Annotated[int, Field(ge=1, le=1024)]
    kind: Literal["on_demand", "reserved", "spot", "marketplace"]
    term_months: Annotated[int, Field(ge=0, le=120)] = 0
    price: Positive
    """Price of the whole node in the currency it was quoted in."""
    currency: Currency = "USD"
    per: Literal["hour", "month"] = "hour"
    tax_included_fraction: Fraction01 = 0.0
    """Consumption tax inside the price; plans leave tax out."""
    upfront_fraction: Fraction01 = 0.0
    stock: CountOrZero | None = None
    platform: str = "linux"
    price_evidence: PriceEvidence = "list"
    price_low: Positive | None = None
    price_high: Positive | None = None

    @model_validator(mode="after")
    def _term_belongs_to_reserved(self) -> Self:
        if (self.kind == "reserved") != (self.term_months > 0):
            found = f"{self.term_months} with kind {self.kind}"
            raise ValueError(f"term_months: found {found}; allowed: 1 or more for reserved, else 0")
        _check_range("price", self.price_low, self.price, self.price_high, "price_low", "price_high")
        return self


class Figure(Frozen):
    """One assumption with its range and origin."""

    value: NonNegative
    low: NonNegative | None = None
    high: NonNegative | None = None
    unit: str = ""
    evidence: PriceEvidence = "assumed"
    confidence: Confidence | Literal["assumed"] = "low"
    source_url: str = ""
    as_of: AsOf
    notes: str = ""

    @model_validator(mode="after")
    def _in_its_range(self) -> Self:
        _check_range("value", self.low, self.value, self.high)
        return self


class Part(Frozen):
    """One line of what an owned node is bought from."""

    item: Name
    count: Count = 1
    unit_price: Positive | None = None
    fraction_of_parts: Fraction01 | None = None
    currency: Currency = "USD"
    evidence: PriceEvidence = "assumed"
    low: NonNegative | None = None
    high: NonNegative | None = None
    confidence: Confidence | Literal["assumed"] = "low"
    source_url: str = ""
    as_of: AsOf
    notes: str = ""

    @model_validator(mode="after")
    def _has_one_price(self) -> Self:
        if (self.unit_price is None) == (self.fraction_of_parts is None):
            raise ValueError("found both or none of unit_price, fraction_of_parts; allowed: exactly one")
        if self.unit_price is not None:
            _check_range("unit_price", self.low, self.unit_price, self.high)
        if self.fraction_of_parts is not None:
            _check_range("fraction_of_parts", self.low, self.fraction_of_parts, self.high)
        return self


class Site(Frozen):
    """Where owned nodes stand."""

    name: Name
    country: str
    electricity_usd_per_kwh: Figure | None = None
    electricity_jpy_per_kwh: Figure | None = None
    electricity_eur_per_kwh: Figure | None = None
    pue: Figure
    colocation_usd_per_kw_month: Figure | None = None
    colocation_jpy_per_kw_month: Figure | None = None
    colocation_eur_per_kw_month: Figure | None = None
    staff_usd_per_fte_year: Figure | None = None
    """Yearly cost of one full-time person here, in place of the assumptions' figure."""
    staff_jpy_per_fte_year: Figure | None = None
    staff_eur_per_fte_year: Figure | None = None
    grid_g_co2e_per_kwh: Figure | None = None
    """Emissions of the electricity taken from the grid, in grams of CO2 equivalent a kWh."""

    @model_validator(mode="after")
    def _prices_are_stated_once(self) -> Self:
        for stem, unit in (("electricity", "kwh"), ("colocation", "kw_month")):
            given = [c for c in ("usd", "jpy", "eur") if getattr(self, f"{stem}_{c}_per_{unit}") is not None]
            if len(given) != 1:
                keys = f"{stem}_{{usd,jpy,eur}}_per_{unit}"
                raise ValueError(f"{stem}: found {len(given)} prices; allowed: exactly one of {keys}")
        if min(self.pue.value, self.pue.low or self.pue.value) < 1:
            raise ValueError("pue: found less than 1; allowed: total power / IT power, 1 or more")
        return self


class OwnedNode(Frozen):
    """A node that can be bought."""

    offer_id: Id
    name: Name
    gpu_id: Id
    gpu_count: Annotated[int, Field(ge=1, le=64)]
    form: Literal["workstation", "server"]
    sites: Annotated[tuple[Id, ...], Field(min_length=1)]
    colocated: bool
    host_watts: NonNegative
    """Draw of everything but the GPUs."""
    stock: CountOrZero | None = None
    sold: Sold | None = None
    """How the machine can be had; absent: as its GPU (products.csv)."""
    lead_time_weeks: NonNegative | None = None
    """Weeks from order to delivery; absent: those of its GPU."""
    parts: Annotated[tuple[Part, ...], Field(min_length=1)]
    notes: str = ""


class OwnedAssumptions(Frozen):
    """What the monthly cost of an owned node is computed from."""

    life_years: Figure
    discount_fraction_per_year: Figure
    residual_12_months_fraction: Figure
    residual_24_months_fraction: Figure
    residual_36_months_fraction: Figure
    residual_60_months_fraction: Figure
    maintenance_fraction_per_year: Figure
    utilisation_of_tdp_fraction: Figure
    staff_fte_per_gpu: Figure
    staff_usd_per_fte_year: Figure
    network_fraction_of_hardware: Figure
    """Network and cabling of a server."""
    network_fraction_of_workstation: Figure | None = None
    """The same of a workstation; absent: none."""
    space_usd_per_workstation_month: Figure | None = None
    """Office space of a workstation; absent: none. Servers pay colocation."""
    spares_fraction_of_hardware: Figure | None = None
    """Spare parts bought with a server or workstation, as a share of its price; absent: none."""
    idle_of_tdp_fraction: Figure | None = None
    """Draw without work as a share of the maximum; counts where a problem states `busy_fraction`."""
    active_of_tdp_fraction: Figure | None = None
    """Draw at work; the same."""
    licence_usd_per_gpu_year: Figure | None = None
    """Software licence; absent: none."""
    installation_usd_per_node: Figure | None = None
    """Delivery, racking and set-up, paid once; absent: none."""

    @model_validator(mode="after")
    def _figures_make_sense(self) -> Self:
        faults = []
        shortest = self.life_years.value if self.life_years.low is None else self.life_years.low
        if shortest < SHORTEST_LIFE_YEARS:
            faults.append(f"life_years: found {shortest:g}; allowed: at least {SHORTEST_LIFE_YEARS:g}")
        for name in type(self).model_fields:
            figure: Figure | None = getattr(self, name)
            if figure is not None and "fraction" in name and max(figure.value, figure.high or 0.0) > 1:
                largest = max(figure.value, figure.high or 0.0)
                faults.append(f"{name}: found {largest:g}; allowed: a fraction, at most 1")
        if faults:
            raise ValueError("\n".join(faults))
        return self


class FxRate(Sourced):
    """Units of a currency in one US dollar."""

    currency: Currency
    rate_per_usd: Positive


class ThroughputPoint(Sourced):
    """One measured level: a model on one replica's GPUs at a number of requests in flight."""

    model_id: Id
    precision: Id | None = None
    kv_precision: str = ""
    gpu_id: Id
    gpu_count: Count
    """GPUs of one replica: its footprint."""
    tp_size: Count | None = None
    pp_size: Count | None = None
    """Pipeline-parallel size; absent: 1."""
    dp_size: Count | None = None
    """Data-parallel size of the attention; absent: 1."""
    ep_size: Count | None = None
    """Expert-parallel size; absent: 1."""
    nodes: Count | None = None
    """Nodes that the replica spans; absent: 1."""
    layout: str = ""
    """The same sizes in one word, such as tp1-dp8-ep8: either may be given, and both must agree."""
    engine_id: Id
    engine_version: str = ""
    isl_tokens: Count | None = None
    osl_tokens: Count | None = None
    concurrency: Count | None = None
    ttft_ms: Positive | None = None
    tpot_ms: Positive | None = None
    """First token excluded."""
    output_tokens_per_s: Positive | None = None
    ttft_p50_ms: Positive | None = None
    ttft_p90_ms: Positive | None = None
    ttft_p99_ms: Positive | None = None
    tpot_p50_ms: Positive | None = None
    tpot_p90_ms: Positive | None = None
    tpot_p99_ms: Positive | None = None
    ttft_error_fraction: NonNegative | None = None
    """Half-width of the 95% confidence interval of the mean TTFT, relative."""
    tpot_error_fraction: NonNegative | None = None
    """The same of the mean TPOT."""
    use: Literal["curve", "fit", "check", "ceiling", "speculative", "disaggregated"]
    """`curve` may be called measured; `fit` informs the estimate and is never called measured; `check` does neither;
    `ceiling` caps what estimates promise; `speculative` and `disaggregated` rows are kept, and nothing rests on them.
    """
    statistic: Literal["mean", "median"] | None = None
    arrivals: Literal["closed", "open", "burst", ""] = ""
    """`closed`: so many requests are always in flight; `open`: they come at a rate; `burst`: all come at once."""
    closed_loop: bool = False
    """Whether tokens/s = C x OSL / (TTFT + (OSL - 1) x TPOT) must hold."""
    precision_inferred: bool = False
    source_id: Name

    @property
    def waits(self) -> bool:
        """Whether requests mostly queue: TTFT above 60% of the time in flight proves nothing about what fits."""
        if self.ttft_ms is None or self.tpot_ms is None or self.osl_tokens is None:
            return False
        return self.ttft_ms > 0.6 * (self.ttft_ms + (self.osl_tokens - 1) * self.tpot_ms)

    @property
    def spread(self) -> ReplicaLayout | None:
        """How the replica spreads over its GPUs, None where its tensor parallelism is not known."""
        if self.layout:
            return ReplicaLayout.parse(self.layout)
        if self.tp_size is None:
            return None
        return ReplicaLayout(self.tp_size, self.pp_size or 1, self.dp_size or 1, self.ep_size or 1, self.nodes or 1)

    @property
    def layout_name(self) -> str:
        """Write the layout in one word, empty where it is not known."""
        return "" if (spread := self.spread) is None else spread.name

    @model_validator(mode="after")
    def _layout_and_sizes_agree(self) -> Self:
        if self.layout:
            read = ReplicaLayout.parse(self.layout)
            for name in ("tp_size", "pp_size", "dp_size", "ep_size", "nodes"):
                stated = getattr(self, name)
                if stated is not None and stated != getattr(read, name):
                    raise ValueError(f"layout: found {self.layout!r} beside {name} {stated}; allowed: the same sizes")
        return self

    @model_validator(mode="after")
    def _a_curve_point_is_complete(self) -> Self:
        if self.use in ("curve", "fit"):
            needed = {
                "isl_tokens": self.isl_tokens,
                "osl_tokens": self.osl_tokens,
                "concurrency": self.concurrency,
                "tpot_ms": self.tpot_ms,
                "tp_size": self.tp_size,
                "precision": self.precision,
            }
            missing = [key for key, value in needed.items() if value is None]
            if missing:
                raise ValueError(f"{', '.join(missing)}: found nothing; allowed: a value in a row of use {self.use}")
        if self.use == "ceiling" and self.output_tokens_per_s is None:
            raise ValueError("output_tokens_per_s: found nothing; allowed: a number in a row of use ceiling")
        return self


class Source(Sourced):
    """Where measured rows come from, and who measured them."""

    source_id: Name
    laboratory: Id
    """Who ran the machines: sources of one laboratory are left out together."""


class CapacityRow(Frozen):
    """A capacity measured elsewhere: it bypasses memory and speed."""

    service_id: Id
    offer_id: Id
    max_concurrency: Count
    """Requests in flight that one node carries within the promise."""
    engine_id: str = ""
    source_url: str = ""
    as_of: str = ""
    notes: str = ""
