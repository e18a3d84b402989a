"""Whether a whole catalog holds together: what no single row can show, stated once for shipped rows and overlays alike.

What a row shows by itself (a price above 0 and within its range, a date, a finite number) its schema holds already, and
`load` refuses ids that name nothing. Here stand the rules between rows, and between rows and physics.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from statistics import median
from typing import Any, Literal

from optimizer.costs.owned import owned_offer_id
from optimizer.costs.plausible import Market, too_many_gpus
from optimizer.costs.plausible_api import ApiMarket
from optimizer.costs.rented import hourly_factor
from optimizer.engines import refusal
from optimizer.load import Catalog
from optimizer.load.architecture.names import billions_named
from optimizer.load.catalog import point_key
from optimizer.memory import weights_bytes
from optimizer.schema.catalog import Figure, LlmModel, OwnedNode, Part, RentedOffer, ThroughputPoint
from optimizer.throughput.curve import Question
from optimizer.throughput.estimated import least_tpot_ms, replica_of
from optimizer.throughput.measured import curves_of
from optimizer.units import GIB, exact

Severity = Literal["error", "warning"]

FALL_WARNING, FALL_ERROR = 0.10, 0.50
"""TPOT that falls by more than this while requests in flight rise: noise of a run explains no more."""

IDENTITY_WARNING, IDENTITY_ERROR = 0.05, 0.15
"""Distance from the closed-loop identity, whose own rows keep it to 5.6% in nine of ten cases."""

TIGHT_FRACTION = 0.90
"""Weights above this share of the usable memory leave a cache that an error of 1-2 GiB would decide."""

SHAPE_TOLERANCE = 0.01
"""Vocabulary and parameters of models that run alike may differ by this: padding, tied weights counted or not."""

SHAPE = ("layers", "hidden_size", "attention_heads", "kv_heads", "head_dim", "attention", "mla_kv_values_per_layer",
         "experts", "experts_per_token")
"""Facts that models must share to run alike; parameters that no text token passes (a vision tower) are left out."""

WINDOWS = ("full_attention_layers", "sliding_window_layers", "sliding_window_tokens")
"""Facts that matter only for contexts longer than the window."""

NO_TERM, ONE_MONTH = 0, 1
"""A price as quoted, without commitment."""

POINT_KEY_LENGTH = 11
"""Parts of the key of a measured row (`point_key`)."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing wrong, or worth a look, with one row."""

    severity: Severity
    table: str
    key: str
    message: str
    from_overlay: bool = False
    """Whether a row of an overlay takes part."""


@dataclass(frozen=True, slots=True)
class TableSize:
    """How many rows a table has."""

    table: str
    rows: int
    from_overlay: int


@dataclass(frozen=True)
class Findings:
    """What a check of a whole catalog found: errors first."""

    found: tuple[Finding, ...]
    tables: tuple[TableSize, ...]
    overlaid: tuple[tuple[str, str], ...]
    """(table, id) of every row that an overlay supplied."""
    overlays: tuple[str, ...]
    sha256: str

    @property
    def errors(self) -> tuple[Finding, ...]:
        """What makes the catalog unfit."""
        return tuple(finding for finding in self.found if finding.severity == "error")

    @property
    def warnings(self) -> tuple[Finding, ...]:
        """What a reader should know."""
        return tuple(finding for finding in self.found if finding.severity == "warning")

    @property
    def from_overlay(self) -> bool:
        """Whether any error lies in rows of an overlay."""
        return any(finding.from_overlay for finding in self.errors)


class _Noting:
    """Makes findings that know whether an overlay takes part."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog

    def __call__(self, severity: Severity, table: str, key: Any, message: str, *others: tuple[str, Any]) -> Finding:
        """Make a finding about a row; `others` are the (table, key) of rows that it also rests on."""
        overlaid = any(self.catalog.is_overlaid(t, k) for t, k in ((table, key), *others))
        return Finding(severity, table, shown_key(key), message, overlaid)


def shown_key(key: Any) -> str:
    """Write the key of a row: an id, or what names a measured row.

    >>> shown_key("aws"), shown_key(("chat", "aws"))
    ('aws', 'chat, aws')
    >>> shown_key(("m", "fp8", "l4", 2, "tp2", "vllm", "0.9", 512, 256, 8, "curve"))
    'm fp8 on 2 x l4, vllm 0.9 tp2, 512/256 tokens, C=8, curve'
    """
    if not isinstance(key, tuple):
        return str(key)
    if len(key) != POINT_KEY_LENGTH:
        return ", ".join(str(part) for part in key)
    model, precision, gpu, count, layout, engine, version, isl, osl, concurrency, use = (
        "?" if part is None else part for part in key)
    how = " ".join(part for part in (engine, version, layout) if part)
    return f"{model} {precision} on {count} x {gpu}, {how}, {isl}/{osl} tokens, C={concurrency}, {use}"


def about(point: ThroughputPoint) -> tuple[tuple[str, Any], ...]:
    """List the rows of other tables that a measured row's checks rest on."""
    return (("models", point.model_id), ("gpus", point.gpu_id), ("precisions", point.precision))


Check = Callable[[Catalog], Iterator[Finding]]


def ids_are_referred_to(catalog: Catalog) -> Iterator[Finding]:
    """Every GPU has an offer or a measured row, every model's shape a measured row, every site a node."""
    note = _Noting(catalog)
    nodes: Iterable[RentedOffer | OwnedNode] = (*catalog.offers.values(), *catalog.owned.values())
    gpus = {node.gpu_id for node in nodes} | {point.gpu_id for point in catalog.points}
    shapes = {catalog.models[point.model_id].runs_like for point in catalog.points if point.model_id in catalog.models}
    used: tuple[tuple[str, Iterable[str], str], ...] = (
        ("gpus", (g for g in catalog.gpus if g not in gpus), "no offer, owned node or measured row names it"),
        ("models", (m for m, model in catalog.models.items() if model.runs_like not in shapes),
         "no measured row of its shape: every speed is an estimate"),
        ("engines", set(catalog.engines) - {point.engine_id for point in catalog.points}, "no measured row names it"),
        ("sites", set(catalog.sites) - {s for node in catalog.owned.values() for s in node.sites}, "no node there"),
    )
    for table, ids, message in used:
        yield from (note("warning", table, name, message) for name in sorted(ids))


def ids_inside_facts_exist(catalog: Catalog) -> Iterator[Finding]:
    """Precisions that models and engines name, offers that capacities name, and rates of currencies used exist."""
    note = _Noting(catalog)
    for model_id, model in catalog.models.items():
        if model.native_precision not in catalog.precisions:
            message = f"native_precision {model.native_precision!r} is not in precisions.yaml"
            yield note("error", "models", model_id, message)
    for engine_id, engine in catalog.engines.items():
        for name in engine.precisions:
            if name not in catalog.precisions:
                yield note("error", "engines", engine_id, f"precision {name!r} is not in precisions.yaml")
    for name, precision in catalog.precisions.items():
        if precision.runs_like not in catalog.precisions:
            yield note("error", "precisions", name, f"runs_like {precision.runs_like!r} is not in precisions.yaml")
    owned = {owned_offer_id(node.offer_id, site) for node in catalog.owned.values() for site in node.sites}
    for key, row in catalog.capacities.items():
        if row.offer_id not in catalog.offers and row.offer_id not in owned:
            yield note("error", "capacities", key, f"offer_id {row.offer_id!r} is no offer")
    for offer_id, offer in catalog.offers.items():
        if offer.currency not in (*catalog.fx, "USD"):
            yield note("error", "offers", offer_id, f"fx.csv has no rate for {offer.currency}")


def names_are_clear(catalog: Catalog) -> Iterator[Finding]:
    """No name stands for two models of different shape."""
    note = _Noting(catalog)
    owner: dict[str, str] = {model_id: model_id for model_id in catalog.models}
    for model_id, model in catalog.models.items():
        for name in dict.fromkeys(alias.lower() for alias in (*model.aliases, model.hf_id or model_id)):
            first = owner.setdefault(name, model_id)
            if first != model_id:
                message = f"its other name {name!r} also stands for {first}"
                yield note("warning", "models", model_id, message, ("models", first))


def nodes_hold_their_gpus(catalog: Catalog) -> Iterator[Finding]:
    """No node has more GPUs than a node of that type can; an owned node's GPU has a power limit to be billed for."""
    note = _Noting(catalog)
    groups: tuple[tuple[str, dict[str, Any]], ...] = (("offers", catalog.offers), ("owned", catalog.owned))
    for table, nodes in groups:
        for offer_id, node in nodes.items():
            gpu, of_gpu = catalog.gpus[node.gpu_id], ("gpus", node.gpu_id)
            if reason := too_many_gpus(node, catalog):
                yield note("error", table, offer_id, reason, of_gpu)
            if table == "owned" and gpu.tdp_watts is None:
                message = f"{node.gpu_id} states no tdp_watts, so its power cannot be billed"
                yield note("error", table, offer_id, message, of_gpu)


def prices_are_plausible(catalog: Catalog) -> Iterator[Finding]:
    """No price is far from what others ask for the same GPU and kind, or that of the same node with Windows."""
    note, market = _Noting(catalog), Market(catalog)
    for offer_id, offer in catalog.offers.items():
        yield from (note("warning", "offers", offer_id, reason) for reason in market.price_doubts(offer))


def api_prices_are_plausible(catalog: Catalog) -> Iterator[Finding]:
    """No price of a hosted API contradicts itself, costs less than its arithmetic, or is far from what others ask."""
    note, market = _Noting(catalog), ApiMarket(catalog)
    for key, price in catalog.apis.items():
        yield from (note("warning", "apis", key, reason) for reason in market.doubts(price))


def usd_per_hour(offer: RentedOffer, catalog: Catalog) -> Fraction | None:
    """Return the quoted price in exact US dollars an hour, without tax; None without a rate."""
    rate = Fraction(1) if offer.currency == "USD" else None
    if offer.currency in catalog.fx:
        rate = exact(catalog.fx[offer.currency].rate_per_usd)
    if rate is None:
        return None
    return exact(offer.price) * hourly_factor(offer.per, offer.tax_included_fraction, rate, NO_TERM, ONE_MONTH)


def commitments_are_cheaper(catalog: Catalog) -> Iterator[Finding]:
    """A reserved or spot node costs no more than the same instance on demand."""
    note = _Noting(catalog)
    on_demand: dict[tuple[object, ...], list[RentedOffer]] = {}
    for offer in catalog.offers.values():
        if offer.kind == "on_demand" and offer.instance_type:
            on_demand.setdefault(_same_node(offer), []).append(offer)
    for offer_id, offer in catalog.offers.items():
        if offer.kind not in ("reserved", "spot"):
            continue
        for plain in on_demand.get(_same_node(offer), ()):
            price, most = usd_per_hour(offer, catalog), usd_per_hour(plain, catalog)
            if price is not None and most is not None and price > most:
                message = f"${float(price):,.4f} an hour, above ${float(most):,.4f} on demand ({plain.offer_id})"
                yield note("error", "offers", offer_id, message, ("offers", plain.offer_id))


def _same_node(offer: RentedOffer) -> tuple[object, ...]:
    return (offer.provider, offer.instance_type, offer.region, offer.gpu_id, offer.gpu_count)


def members_run_alike(catalog: Catalog) -> Iterator[Finding]:
    """Models of one `runs_like` group have one shape."""
    note = _Noting(catalog)
    first: dict[str, tuple[str, LlmModel]] = {}
    for model_id, model in sorted(catalog.models.items(), key=lambda item: (item[0] != item[1].runs_like, item[0])):
        head_id, head = first.setdefault(model.runs_like, (model_id, model))
        sizes = ("vocabulary", "active_parameters_billion", *(("parameters_billion",) if model.experts else ()))
        differing = [name for name in SHAPE if getattr(model, name) != getattr(head, name)]
        differing += [name for name in sizes if abs(getattr(model, name) / getattr(head, name) - 1) > SHAPE_TOLERANCE]
        if differing:
            message = f"runs_like {model.runs_like}, but not like {head_id} in {', '.join(differing)}"
            yield note("error", "models", model_id, message, ("models", head_id))
        elif any(getattr(model, name) != getattr(head, name) for name in WINDOWS):
            window = min(m.sliding_window_tokens or m.context_limit_tokens for m in (model, head))
            message = f"runs like {head_id} only up to {window:,} tokens: their attention windows differ"
            yield note("warning", "models", model_id, message, ("models", head_id))


def shapes_make_sense(catalog: Catalog) -> Iterator[Finding]:
    """Heads divide by KV heads, and windows have a width."""
    note = _Noting(catalog)
    for model_id, model in catalog.models.items():
        if model.attention_heads % model.kv_heads:
            message = f"{model.kv_heads} KV heads do not divide {model.attention_heads} heads"
            yield note("error", "models", model_id, message)
        if model.sliding_window_layers and model.sliding_window_tokens is None:
            yield note("error", "models", model_id, "sliding_window_layers without sliding_window_tokens")


TOTAL_TOLERANCE = 0.03
"""A count and the published total that are further apart are not of one model."""

NAME_TOLERANCE = 0.5
"""Names round more, and small ones leave embeddings and towers out: a model named 2B may have 3 billion."""


def sizes_agree(catalog: Catalog) -> Iterator[Finding]:
    """Parameters are those published, near the size in the name, and the kinds of layers those that are counted."""
    note = _Noting(catalog)
    for model_id, model in catalog.models.items():
        total = model.parameters_billion + model.vision_parameters_billion
        published, named = model.published_parameters_billion, billions_named(model.hf_id or model_id)
        if published is not None and abs(total / published - 1) > TOTAL_TOLERANCE:
            yield note("error", "models", model_id, f"{total:.2f} billion parameters, {published:g} are published")
        if named is not None and abs(total / named - 1) > NAME_TOLERANCE:
            yield note("warning", "models", model_id, f"{total:.2f} billion parameters, its name says {named:g}")
        kept = sum(kind.layers for kind in model.kinds if kind.grows or (kind.window_tokens and kind.values_per_token))
        if model.layer_kinds and kept != model.full_attention_layers + model.sliding_window_layers:
            yield note("error", "models", model_id, f"layer_kinds keep a cache in {kept} layers, counted are "
                       f"{model.full_attention_layers + model.sliding_window_layers}")


def curves_rise(catalog: Catalog) -> Iterator[Finding]:
    """Within one measured curve TPOT does not fall as requests in flight rise."""
    note = _Noting(catalog)
    for curve in curves_of(point for point in catalog.points if point.use == "curve"):
        by_level: dict[int, list[ThroughputPoint]] = {}
        for point in curve:
            by_level.setdefault(point.concurrency or 0, []).append(point)
        slowest, deepest = (0, 0.0), (0.0, "", curve[0])
        for concurrency in sorted(by_level):
            tpot = median(point.tpot_ms or 0.0 for point in by_level[concurrency])
            fall = 1 - tpot / slowest[1] if slowest[1] else 0.0
            if fall > deepest[0]:
                text = f"TPOT falls from {slowest[1]:g} ms at C={slowest[0]} to {tpot:g} ms at C={concurrency}"
                deepest = (fall, text, by_level[concurrency][0])
            if tpot > slowest[1]:
                slowest = (concurrency, tpot)
        if deepest[0] > FALL_WARNING:
            severity: Severity = "error" if deepest[0] > FALL_ERROR else "warning"
            others = [("throughput", point_key(point)) for point in curve]
            yield note(severity, "throughput", point_key(deepest[2]), f"{deepest[1]} ({deepest[0]:.0%})", *others)


def closed_loop_tokens_per_s(point: ThroughputPoint) -> float | None:
    """Return C x OSL / (TTFT + (OSL - 1) x TPOT), what a closed loop must produce; None where a figure is missing."""
    if point.concurrency is None or point.osl_tokens is None or point.ttft_ms is None or point.tpot_ms is None:
        return None
    return 1000 * point.concurrency * point.osl_tokens / (point.ttft_ms + (point.osl_tokens - 1) * point.tpot_ms)


def closed_loops_close(catalog: Catalog) -> Iterator[Finding]:
    """Rows of closed loops obey tokens/s = C x OSL / (TTFT + (OSL - 1) x TPOT)."""
    note = _Noting(catalog)
    for point in catalog.points:
        expected = closed_loop_tokens_per_s(point)
        if not point.closed_loop or point.output_tokens_per_s is None or expected is None:
            continue
        off = point.output_tokens_per_s / expected - 1
        if abs(off) > IDENTITY_WARNING:
            severity: Severity = "error" if abs(off) > IDENTITY_ERROR else "warning"
            message = f"{point.output_tokens_per_s:g} tokens/s, but its TTFT and TPOT give {expected:.4g} ({off:+.0%})"
            yield note(severity, "throughput", point_key(point), message)


def user_ms_per_token(point: ThroughputPoint) -> float | None:
    """Return the time per output token that a row claims, from TPOT or else from throughput."""
    if point.tpot_ms is not None:
        return point.tpot_ms
    if point.output_tokens_per_s is None or point.concurrency is None:
        return None
    return 1000 * point.concurrency / point.output_tokens_per_s


def nothing_beats_bandwidth(catalog: Catalog) -> Iterator[Finding]:
    """No row is faster than its active weights can be read at the full bandwidth of all its GPUs."""
    note = _Noting(catalog)
    for point in catalog.points:
        precision, claimed = catalog.precisions.get(point.precision or ""), user_ms_per_token(point)
        if precision is None or claimed is None:
            continue
        question = Question(
            catalog.models[point.model_id], point.precision or "", precision, catalog.gpus[point.gpu_id],
            point.engine_id, catalog.engines[point.engine_id], point.tp_size or point.gpu_count, point.gpu_count,
            point.isl_tokens or 1, point.osl_tokens or 1)
        least = least_tpot_ms(replica_of(question), 1)
        if claimed < least:
            message = f"{claimed:.4g} ms a token, but reading its weights takes {least:.4g} ms at full bandwidth"
            yield note("error", "throughput", point_key(point), message, *about(point))


def weights_fit(catalog: Catalog) -> Iterator[Finding]:
    """Where a row claims that a model ran, its weights fit."""
    note = _Noting(catalog)
    for point in catalog.points:
        precision, gpu = catalog.precisions.get(point.precision or ""), catalog.gpus[point.gpu_id]
        if precision is None:
            continue
        weights = weights_bytes(catalog.models[point.model_id], precision) / GIB
        usable = gpu.memory_usable_gib * point.gpu_count
        if weights > usable * TIGHT_FRACTION:
            severity: Severity = "error" if weights > usable else "warning"
            message = f"weights of {weights:.1f} GiB on {usable:.1f} GiB of usable memory"
            yield note(severity, "throughput", point_key(point), message, *about(point))


def measured_rows_are_candidates(catalog: Catalog) -> Iterator[Finding]:
    """What was measured as a curve is not ruled out by the engine's own facts."""
    note = _Noting(catalog)
    seen: set[tuple[object, ...]] = set()
    for point in catalog.points:
        what = (point.model_id, point.precision, point.gpu_id, point.engine_id, point.tp_size)
        if point.use != "curve" or point.tp_size is None or what in seen:
            continue
        seen.add(what)
        engine, model = catalog.engines[point.engine_id], catalog.models[point.model_id]
        why = refusal(engine, model, point.precision or "", catalog.gpus[point.gpu_id], point.tp_size)
        if why:
            others = (*about(point), ("engines", point.engine_id))
            message = f"measured, but never a candidate: {why}"
            yield note("warning", "throughput", point_key(point), message, *others)


def rows_stand_once(catalog: Catalog) -> Iterator[Finding]:
    """No measured row stands twice: distinct runs that agree say so in their notes."""
    note = _Noting(catalog)
    figures = Counter((point_key(point), point.model_dump_json()) for point in catalog.points)
    for (key, _), count in figures.items():
        if count > 1:
            yield note("warning", "throughput", key, f"the same row {count} times")


def rows_are_sourced(catalog: Catalog) -> Iterator[Finding]:
    """Every row has a source and a date; an assumed figure without a source has a range or a word of explanation."""
    note = _Noting(catalog)
    tables: tuple[tuple[str, Iterable[tuple[Any, Any]]], ...] = (
        ("gpus", catalog.gpus.items()), ("models", catalog.models.items()), ("engines", catalog.engines.items()),
        ("precisions", catalog.precisions.items()), ("offers", catalog.offers.items()), ("fx", catalog.fx.items()),
        ("throughput", ((point_key(point), point) for point in catalog.points)),
        ("capacities", catalog.capacities.items()),
    )
    for table, rows in tables:
        for key, row in rows:
            missing = [name for name in ("source_url", "as_of") if not getattr(row, name).strip()]
            if missing:
                severity: Severity = "warning" if table == "capacities" else "error"
                yield note(severity, table, key, f"no {' and no '.join(missing)}")
    for table, key, name, figure in _money_figures(catalog):
        bare = not figure.source_url.strip()
        if bare and figure.evidence != "assumed":
            yield note("error", table, key, f"{name}: {figure.evidence}, but no source_url")
        elif bare and not figure.notes.strip():
            yield note("warning", table, key, f"{name}: assumed, without source or notes")


def _money_figures(catalog: Catalog) -> Iterator[tuple[str, str, str, Figure | Part]]:
    """Yield (table, id, name, figure) of everything that the cost of owned nodes is computed from."""
    for node_id, node in catalog.owned.items():
        yield from (("owned", node_id, part.item, part) for part in node.parts)
    groups: list[tuple[str, str, Any]] = [("sites", name, site) for name, site in catalog.sites.items()]
    if catalog.owned_assumptions is not None:
        groups.append(("on_prem", "assumptions", catalog.owned_assumptions))
    for table, key, facts in groups:
        for name in type(facts).model_fields:
            if isinstance(figure := getattr(facts, name), Figure):
                yield table, key, name, figure


CHECKS: tuple[Check, ...] = (
    rows_are_sourced, ids_are_referred_to, ids_inside_facts_exist, names_are_clear, nodes_hold_their_gpus,
    prices_are_plausible, api_prices_are_plausible, commitments_are_cheaper, members_run_alike, shapes_make_sense,
    sizes_agree, curves_rise, closed_loops_close, nothing_beats_bandwidth, weights_fit, measured_rows_are_candidates,
    rows_stand_once,
)
"""Every rule, in the order in which it is reported."""


def table_sizes(catalog: Catalog) -> tuple[TableSize, ...]:
    """Count the rows of every table, and those that an overlay supplied."""
    tables: tuple[tuple[str, Iterable[Any]], ...] = (
        ("gpus", catalog.gpus), ("models", catalog.models), ("engines", catalog.engines),
        ("precisions", catalog.precisions), ("offers", catalog.offers), ("owned", catalog.owned),
        ("sites", catalog.sites), ("fx", catalog.fx),
        ("throughput", [point_key(point) for point in catalog.points]), ("capacities", catalog.capacities),
    )
    return tuple(TableSize(name, len(keys := list(rows)), sum(catalog.is_overlaid(name, key) for key in keys))
                 for name, rows in tables)


def check_catalog(catalog: Catalog) -> Findings:
    """Check a catalog that was read whole."""
    found = [finding for check in CHECKS for finding in check(catalog)]
    found.sort(key=lambda finding: finding.severity != "error")
    overlaid = sorted((table, shown_key(key)) for table, keys in catalog.from_overlay.items() for key in keys)
    return Findings(tuple(found), table_sizes(catalog), tuple(overlaid), catalog.overlays, catalog.sha256)
