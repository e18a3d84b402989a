"""The facts a plan rests on: GPUs, models, engines, prices and measured speeds, each with its source."""

from datetime import date
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, StringConstraints, model_validator

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
)


def _as_written(value: object) -> object:
    """Take the date or year that YAML reads where the quotes are left out."""
    if isinstance(value, date):
        return value.isoformat()
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


AsOf = Annotated[
    str,
    BeforeValidator(_as_written, json_schema_input_type=str),
    StringConstraints(pattern=r"^[0-9]{4}(-(0[1-9]|1[0-2])(-(0[1-9]|[12][0-9]|3[01]))?)?$"),
]
"""A day, month or year: 2026-08-21, 2026-08 or 2026."""

SourceUrl = Annotated[str, StringConstraints(min_length=1, max_length=1000)]
Confidence = Literal["high", "medium", "low"]


class Sourced(Frozen):
    """A fact with its origin."""

    source_url: SourceUrl
    """Where the figures were read; several addresses are joined with ` ; `."""
    as_of: AsOf
    """When they were true."""
    confidence: Confidence = "medium"
    """How far the source is to be trusted."""
    notes: str = ""
    """What a reader should know."""


class Gpu(Sourced):
    """One accelerator type."""

    gpu_id: Id
    name: Name
    vendor: Literal["nvidia", "amd"]
    form_factor: str = ""
    architecture: str = ""
    compute_capability: Positive | None = None
    memory_gib: Positive
    memory_usable_gib: Positive
    """What a process really sees."""
    memory_bandwidth_gb_per_s: Positive
    memory_kind: Literal["gddr", "hbm"]
    fp16_tflops: Positive | None = None
    """Dense, 16-bit tensor arithmetic."""
    fp8_tflops: Positive | None = None
    int8_tops: Positive | None = None
    link: str = ""
    link_gb_per_s: Positive | None = None
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


class StoredWeights(Frozen):
    """How quantised weights lie in memory."""

    weight_bytes: Positive
    """Effective bytes a parameter, scales included."""
    scale_bytes: NonNegative = 0.0
    """Of these, scales and zero points."""
    quantises: Literal["all", "matrices", "experts"] = "matrices"
    """What is stored so; the rest is 16-bit: all, all but embeddings and output head, or only the experts."""

    @model_validator(mode="after")
    def _scales_are_a_part(self) -> Self:
        if self.scale_bytes >= self.weight_bytes:
            found = f"{self.scale_bytes:g}; allowed: less than weight_bytes = {self.weight_bytes:g}"
            raise ValueError(f"scale_bytes: found {found}")
        return self


class StoredCopy(StoredWeights):
    """A model's published copy in one precision."""

    precision: Id


class LlmModel(Sourced):
    """The architecture facts of one LLM that memory and speed need."""

    name: Name
    hf_id: str | None = None
    aliases: tuple[str, ...] = ()
    family: Name
    runs_like: Id
    """Group of models with the same weights shape: a speed measured on one holds for all."""
    parameters_billion: Positive
    active_parameters_billion: Positive
    vision_parameters_billion: NonNegative = 0.0
    """Vision tower and projector beside parameters_billion: 16-bit whatever the precision, in memory only."""
    vision_split: bool = True
    """Whether tensor parallelism splits the vision tower; else every rank holds a copy."""
    layers: Count
    hidden_size: Count
    attention_heads: Count
    kv_heads: Count
    head_dim: Count
    attention: Literal["mha", "gqa", "mqa", "mla"]
    full_attention_layers: CountOrZero
    """Layers that keep the KV cache of the whole context."""
    sliding_window_layers: CountOrZero = 0
    sliding_window_tokens: Count | None = None
    mla_kv_values_per_layer: Count | None = None
    """MLA: compressed KV values a token and layer (kv_lora_rank + qk_rope_head_dim)."""
    state_layers: CountOrZero = 0
    """Linear-attention and state-space layers: a state of fixed size a request in place of a KV cache."""
    state_bytes_per_layer: NonNegative = 0.0
    """That state: recurrent part and convolution window of one layer, on all GPUs together."""
    vocabulary: Count
    tied_embeddings: bool
    experts: CountOrZero = 0
    experts_per_token: CountOrZero = 0
    expert_width: Count | None = None
    """Inner width of one expert; None: worked out from the parameters."""
    native_precision: Id
    copies: tuple[StoredCopy, ...] = ()
    """Precisions whose published copy is stored otherwise than the precision says."""
    context_limit_tokens: Count

    @model_validator(mode="after")
    def _shape_is_whole(self) -> Self:
        if self.attention == "mla" and self.mla_kv_values_per_layer is None:
            raise ValueError("mla_kv_values_per_layer: found nothing; allowed: a number when attention is mla")
        if self.active_parameters_billion > self.parameters_billion * 1.001:
            raise ValueError("active_parameters_billion: found more than parameters_billion; allowed: at most that")
        if self.full_attention_layers + self.sliding_window_layers + self.state_layers > self.layers:
            found = "more than layers, sliding_window_layers and state_layers included"
            raise ValueError(f"full_attention_layers: found {found}; allowed: at most layers")
        if self.experts_per_token > self.experts:
            found = f"{self.experts_per_token}; allowed: at most experts = {self.experts}"
            raise ValueError(f"experts_per_token: found {found}")
        if self.kv_heads > self.attention_heads:
            found = f"{self.kv_heads}; allowed: at most attention_heads = {self.attention_heads}"
            raise ValueError(f"kv_heads: found {found}")
        return self


class EnginePrecision(Frozen):
    """On which GPUs an engine runs a precision."""

    min_compute_capability: NonNegative | None = None
    max_compute_capability: Positive | None = None
    """Above this compute capability the engine has no kernels for it."""
    weight_only_below: Positive | None = None
    """Below this compute capability the weights are stored so, but the arithmetic is 16-bit."""
    amd: bool = True
    """Whether AMD GPUs run it too, where the engine runs on AMD."""
    pads_hidden_to: Count = 1
    """The hidden side of an expert's matrices is padded to a multiple of this ..."""
    pads_width_to: Count = 1
    """... and a rank's share of its inner width to a multiple of this."""

    @model_validator(mode="after")
    def _capabilities_leave_a_range(self) -> Self:
        most, least = self.max_compute_capability, self.min_compute_capability or 0.0
        if most is not None and most < least:
            raise ValueError(f"max_compute_capability: found {most:g}; allowed: at least {least:g}")
        return self


class Reserved(Frozen):
    """What an engine keeps free of weights and cache on GPUs up to a size."""

    below_gib: Positive
    """Nominal memory that the row stops before; the last row holds for all larger ones too."""
    gib: NonNegative


class EngineOverhead(Frozen):
    """Memory that an engine takes beside weights and KV cache, per GPU, and how it deals out the cache."""

    activation_bytes_per_sequence_and_vocabulary: NonNegative
    """Logits and the sampler's copies of them: this x maximum sequences x vocabulary."""
    activation_floor_gib: NonNegative
    """Activations are never less than this."""
    activation_base_gib: NonNegative = 0.0
    """What the step keeps beside logits, hidden states and the experts' workspace."""
    vision_activation_bytes_per_token: NonNegative = 0.0
    """What a vision tower needs beside that for each token of a step."""
    batched_tokens: CountOrZero = 0
    """Tokens of one step when nothing is set: hidden states and the experts' workspace are held for so many."""
    batched_tokens_large: CountOrZero = 0
    """The same on large GPUs."""
    non_torch_gib: NonNegative
    """CUDA context and the like on a single GPU."""
    non_torch_parallel_gib: NonNegative
    """The same with tensor parallelism (communication buffers)."""
    non_torch_parallel_large_gib: NonNegative
    """The same on large GPUs."""
    default_max_num_seqs: Count
    """Maximum sequences when nothing is set."""
    default_max_num_seqs_large: Count
    """The same on large GPUs."""
    large_gpu_gib: Positive
    """GPUs from this size on are large ..."""
    large_gpu_except: tuple[str, ...] = ()
    """... but not those of these architectures."""
    reserved: tuple[Reserved, ...] = ()
    """Rows of rising size: what is kept free in place of all the terms above (SGLang); () where they hold."""
    reserved_gib_per_gpu: NonNegative = 0.0
    """On each GPU, for each GPU of the replica, beside that."""
    error_gib: NonNegative = 0.0
    """How far the figures may be off: assumed where nothing was measured, else what logs showed."""
    grouped_cache: bool = False
    """Whether layers of several kinds share one pool of blocks, in groups (vLLM's hybrid allocator): a window then
    takes its own length only, and a state takes whole blocks. Else every layer keeps the whole context."""
    state_blocks: Count = 1
    """Blocks that one request's state takes in a group of layers."""


class OlderOverhead(Frozen):
    """What an engine took before a version."""

    before_version: Annotated[str, StringConstraints(pattern=r"^[0-9]+([.][0-9]+)*$")]
    """The first version that it does not hold for."""
    until: AsOf
    """Logs that name no version are taken for these up to this month: a release is in wide use after some weeks."""
    overhead: EngineOverhead


class Engine(Sourced):
    """One inference engine."""

    name: Name
    version: str
    default: bool = True
    """False: a candidate only when the problem names it."""
    platforms: Annotated[tuple[str, ...], Field(min_length=1)]
    vendors: Annotated[tuple[Literal["nvidia", "amd"], ...], Field(min_length=1)]
    min_compute_capability: NonNegative
    precisions: Annotated[dict[Id, EnginePrecision], Field(min_length=1)]
    families: tuple[str, ...] | None = None
    unsupported_families: tuple[str, ...] = ()
    tp_sizes: Annotated[tuple[Count, ...], Field(min_length=1)]
    heads_divisible: bool = True
    """Whether the attention heads must divide by the tensor-parallel size."""
    memory_fraction: Annotated[float, Field(gt=0, le=1)]
    """Share of the GPU's memory that it takes."""
    share_of: Literal["memory", "free"] = "memory"
    """What memory_fraction is a share of: the whole memory, or (for the cache) what weights and activations leave."""
    overhead: EngineOverhead
    older_overheads: tuple[OlderOverhead, ...] = ()
    """Oldest first."""

    @model_validator(mode="after")
    def _oldest_first(self) -> Self:
        versions = [tuple(map(int, older.before_version.split("."))) for older in self.older_overheads]
        if versions != sorted(set(versions)):
            found = ", ".join(older.before_version for older in self.older_overheads)
            raise ValueError(f"older_overheads: found before_version {found}; allowed: rising, each once")
        return self


class Precision(StoredWeights):
    """How the weights are stored."""

    name: Name
    runs_like: Id
    """Precision whose measured speeds hold for this one too."""
    kv_bytes: Positive = 2.0
    weight_only: bool = False
    source_url: SourceUrl
    as_of: AsOf
    confidence: Confidence = "medium"
    notes: str = ""


def _check_range(
    name: str, low: float | None, value: float, high: float | None, low_name: str = "low", high_name: str = "high"
) -> None:
    """Hold that low <= value <= high where they are stated."""
    if low is not None and low > value:
        raise ValueError(f"{low_name}: found {low:g}; allowed: at most {name} = {value:g}")
    if high is not None and high < value:
        raise ValueError(f"{high_name}: found {high:g}; allowed: at least {name} = {value:g}")


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

    @model_validator(mode="after")
    def _figures_make_sense(self) -> Self:
        faults = []
        shortest = self.life_years.value if self.life_years.low is None else self.life_years.low
        if shortest < SHORTEST_LIFE_YEARS:
            faults.append(f"life_years: found {shortest:g}; allowed: at least {SHORTEST_LIFE_YEARS:g}")
        for name in type(self).model_fields:
            figure: Figure = getattr(self, name)
            if "fraction" in name and max(figure.value, figure.high or 0.0) > 1:
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
    layout: str = ""
    engine_id: Id
    engine_version: str = ""
    isl_tokens: Count | None = None
    osl_tokens: Count | None = None
    concurrency: Count | None = None
    ttft_ms: Positive | None = None
    tpot_ms: Positive | None = None
    """First token excluded."""
    output_tokens_per_s: Positive | None = None
    use: Literal["curve", "check", "ceiling"]
    """`curve` may be called measured, `check` only fits or checks a model, `ceiling` caps what estimates promise."""
    statistic: Literal["mean", "median"] | None = None
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

    @model_validator(mode="after")
    def _a_curve_point_is_complete(self) -> Self:
        if self.use == "curve":
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
                raise ValueError(f"{', '.join(missing)}: found nothing; allowed: a value in a row of use curve")
        if self.use == "ceiling" and self.output_tokens_per_s is None:
            raise ValueError("output_tokens_per_s: found nothing; allowed: a number in a row of use ceiling")
        return self


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
