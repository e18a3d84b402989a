"""The rows of a table of the catalog."""

from __future__ import annotations

import difflib
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from optimizer.costs import PricedOffer, price_of
from optimizer.costs.owned import owned_offer_id
from optimizer.documents.cells import Money, Number, Word
from optimizer.documents.document import Document, Piece, Records, Section, bullets, document, paragraph, section, table
from optimizer.errors import Fault, InputError
from optimizer.load import Catalog
from optimizer.load.catalog import point_key
from optimizer.messages import Message
from optimizer.reports.heads import heads
from optimizer.schema.catalog import Engine, Gpu, LlmModel, OwnedNode, Precision, RentedOffer, ThroughputPoint
from optimizer.schema.problem import Demand, Problem, RequestClass, Service, Slo
from optimizer.throughput.measured import curves_of
from optimizer.units import usd_per_month

Row = dict[str, object]
Cells = tuple[Piece | None, ...]

ORIGIN = ("confidence", "notes", "source_url", "as_of")
"""Facts about a fact."""

PLAIN_PROBLEM = Problem(
    schema_version=1, name="catalog",
    services=(Service(
        service_id="any", model="any", slo=Slo(grade="C"), demand=Demand(peak_concurrency=1),
        workload=(RequestClass(isl_tokens=1, osl_tokens=1),)),),
)
"""A problem that leaves every cost assumption at its default: what offers are priced for here."""


@dataclass(frozen=True)
class _Table:
    """One table: how its rows are named, found and told in a line."""

    row: type[BaseModel]
    rows: Callable[[Catalog], Iterable[tuple[Any, BaseModel]]]
    facts: Callable[[Catalog, Any], Cells]
    heads: tuple[str, ...] = ()
    """Headings of its id and of what it is told in a line."""


def _gpu_cells(_: Catalog, gpu: Gpu) -> Cells:
    return (Number(gpu.memory_gib, "g", "GiB"), Number(gpu.memory_bandwidth_gb_per_s, "g", "GB/s"),
            Number(gpu.fp16_tflops, "g", "TFLOPS"), Number(gpu.tdp_watts, "g", "W"))


def _model_cells(_: Catalog, model: LlmModel) -> Cells:
    active = f"/{model.active_parameters_billion:.3g}" if model.experts else ""
    size = f"{model.parameters_billion:.3g}{active} B"
    return (size, model.native_precision, Number(model.context_limit_tokens))


def _engine_cells(_: Catalog, engine: Engine) -> Cells:
    return (engine.version, "/".join(engine.platforms), " ".join(engine.precisions))


def _precision_cells(_: Catalog, precision: Precision) -> Cells:
    return (f"{precision.weight_bytes:g} bytes", precision.name)


def quoted_price(offer: RentedOffer) -> str:
    """Write a price as it was quoted.

    >>> quoted_price(RentedOffer(offer_id="a", provider="p", region="r", gpu_id="g", gpu_count=1, kind="spot",
    ...                          price=0.5, source_url="https://example.org", as_of="2026"))
    'USD 0.5/hour'
    """
    digits = f"{offer.price:,.0f}" if offer.price >= 1000 else f"{offer.price:.6g}"
    return f"{offer.currency} {digits}/{offer.per}"


def _offer_cells(_: Catalog, offer: RentedOffer) -> Cells:
    kind = Message("node.reserved", n=offer.term_months) if offer.kind == "reserved" else Word(offer.kind)
    return (f"{offer.gpu_count} x {offer.gpu_id}", kind, quoted_price(offer))


def _owned_cells(catalog: Catalog, node: OwnedNode) -> Cells:
    price = priced(catalog, owned_offer_id(node.offer_id, node.sites[0]))
    return (f"{node.gpu_count} x {node.gpu_id}", Money(usd_per_month(price.micro_usd_per_hour)), node.sites[0])


TABLES: dict[str, _Table] = {
    "gpus": _Table(Gpu, lambda catalog: catalog.gpus.items(), _gpu_cells,
                   ("gpu", "memory", "bandwidth", "fp16", "power")),
    "models": _Table(LlmModel, lambda catalog: catalog.models.items(), _model_cells,
                     ("model", "size", "precision", "context")),
    "engines": _Table(Engine, lambda catalog: catalog.engines.items(), _engine_cells,
                      ("engine", "version", "platforms", "precisions")),
    "precisions": _Table(Precision, lambda catalog: catalog.precisions.items(), _precision_cells,
                         ("precision", "weights", "name")),
    "offers": _Table(RentedOffer, lambda catalog: catalog.offers.items(), _offer_cells,
                     ("offer", "gpus-each", "kind", "quoted")),
    "owned": _Table(OwnedNode, lambda catalog: catalog.owned.items(), _owned_cells,
                    ("node", "gpus-each", "usd-month", "place")),
    "throughput": _Table(
        ThroughputPoint, lambda catalog: ((point_key(point), point) for point in catalog.points),
        lambda _, __: ()),
}
"""By the name that `gpumix catalog list` takes."""

IDS_INSIDE = ("offers", "owned", "gpus", "throughput")
"""Tables whose rows state their own id."""


def priced(catalog: Catalog, offer_id: str) -> PricedOffer:
    """Price an offer that exists, at the defaults of a problem."""
    found = price_of(offer_id, catalog, PLAIN_PROBLEM)
    if found is None:
        raise KeyError(offer_id)
    return found


def facts_of(row: BaseModel) -> Row:
    """Return every fact of a row: its own first, where it comes from last."""
    facts: Row = row.model_dump(mode="json")
    return {name: facts[name] for name in sorted(facts, key=_origin_last)}


def _origin_last(name: str) -> int:
    return ORIGIN.index(name) + 1 if name in ORIGIN else 0


def flat(value: object) -> object:
    """Write a nested fact into one cell."""
    if isinstance(value, list) and all(isinstance(item, str | int | float) for item in value):
        return "; ".join(str(item) for item in value)
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False)
    return "" if value is None else value


def _columns(name: str) -> tuple[str, ...]:
    """Name every fact of a table: the id first, the layer last."""
    fields = sorted(TABLES[name].row.model_fields, key=_origin_last)
    key = () if name in IDS_INSIDE else (f"{name.removesuffix('s')}_id",)
    return (*key, *fields, "from_overlay")


def _all_facts(catalog: Catalog, name: str) -> Iterator[Row]:
    """Yield every fact of every row, in the order of the columns."""
    for key, row in TABLES[name].rows(catalog):
        named = {} if name in IDS_INSIDE else {f"{name.removesuffix('s')}_id": key}
        yield {**named, **facts_of(row), "from_overlay": catalog.is_overlaid(name, key)}


def listing_document(catalog: Catalog, name: str) -> Document:
    """Put a table into a document: the facts that a planner looks for; its rows have every fact.

    Raises:
        InputError: there is no such table.
    """
    if name not in TABLES:
        close = difflib.get_close_matches(name, TABLES, n=1)
        hint = f"'{close[0]}' (did you mean that?), or " if close else ""
        raise InputError([Fault("catalog list", "TABLE", repr(name), f"{hint}one of {', '.join(TABLES)}")])
    rows, columns = list(TABLES[name].rows(catalog)), _columns(name)
    if name == "throughput":
        parts = list(_curve_sections(catalog))
    else:
        cells = [(_shown_id(catalog, name, key), *TABLES[name].facts(catalog, row)) for key, row in rows]
        parts = [section("rows", "", table(heads(*TABLES[name].heads), cells))]
    if any(catalog.is_overlaid(name, key) for key, _ in rows):
        parts.append(section("overlay", "", paragraph(Message("catalog.star"), style="small")))
    found = Records(columns, tuple(
        {column: flat(row[column]) for column in columns} for row in _all_facts(catalog, name)))
    return document(Message("catalog.list", table=name, n=len(rows)), parts, records=found,
                    data=lambda: list(_all_facts(catalog, name)))


def _shown_id(catalog: Catalog, name: str, key: str) -> str:
    return f"{key} *" if catalog.is_overlaid(name, key) else key


def _curve_sections(catalog: Catalog) -> Iterator[Section]:
    """Yield one line for each curve: what ran where, its lengths, its levels."""
    for use in ("curve", "check", "ceiling"):
        curves = curves_of(point for point in catalog.points if point.use == use)
        yield section(use, Message(f"catalog.use-{use}", n=sum(len(curve) for curve in curves)),
                      bullets(_curve_text(catalog, curve) for curve in curves))


def _curve_text(catalog: Catalog, curve: list[ThroughputPoint]) -> Message:
    first = curve[0]
    levels = sorted({point.concurrency for point in curve if point.concurrency is not None})
    span = "" if not levels else f", C={levels[0]}" if len(levels) == 1 else f", C={levels[0]}..{levels[-1]}"
    own = " *" if any(catalog.is_overlaid("throughput", point_key(point)) for point in curve) else ""
    return Message("catalog.curve", model=first.model_id, precision=first.precision or "?", count=first.gpu_count,
                   gpu=first.gpu_id, engine=f"{first.engine_id} {first.engine_version}".strip(),
                   isl=first.isl_tokens or "?", osl=first.osl_tokens or "?", span=span, n=len(curve), own=own)
