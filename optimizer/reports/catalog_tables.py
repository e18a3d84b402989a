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
from optimizer.documents.csv_rows import rows_as_csv
from optimizer.errors import Fault, InputError
from optimizer.load import Catalog
from optimizer.load.catalog import point_key
from optimizer.reports import json_report
from optimizer.reports.markdown import table as markdown_table
from optimizer.reports.terminal import BOLD, DIM, WIDTH, paint, table, wrap
from optimizer.reports.wording import counted, money
from optimizer.schema.catalog import Engine, Gpu, LlmModel, OwnedNode, Precision, RentedOffer, ThroughputPoint
from optimizer.schema.problem import Demand, Problem, RequestClass, Service, Slo
from optimizer.throughput.measured import curves_of
from optimizer.units import usd_per_month

Row = dict[str, object]
Cells = tuple[str, ...]

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
    right: tuple[int, ...] = ()


def _number(value: float | None, unit: str) -> str:
    return "" if value is None else f"{value:g} {unit}"


def _gpu_cells(_: Catalog, gpu: Gpu) -> Cells:
    return (_number(gpu.memory_gib, "GiB"), _number(gpu.memory_bandwidth_gb_per_s, "GB/s"),
            _number(gpu.fp16_tflops, "TFLOPS"), _number(gpu.tdp_watts, "W"))


def _model_cells(_: Catalog, model: LlmModel) -> Cells:
    active = f"/{model.active_parameters_billion:.3g}" if model.experts else ""
    size = f"{model.parameters_billion:.3g}{active} B"
    return (size, model.native_precision, f"{model.context_limit_tokens:,}")


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
    kind = f"reserved {offer.term_months} mo" if offer.kind == "reserved" else offer.kind.replace("_", " ")
    return (f"{offer.gpu_count} x {offer.gpu_id}", kind, quoted_price(offer))


def _owned_cells(catalog: Catalog, node: OwnedNode) -> Cells:
    price = priced(catalog, owned_offer_id(node.offer_id, node.sites[0]))
    month = f"{money(usd_per_month(price.micro_usd_per_hour))}/month"
    return (f"{node.gpu_count} x {node.gpu_id}", month, f"at {node.sites[0]}")


def _curve_cells(_: Catalog, point: ThroughputPoint) -> Cells:
    return (point.use, _number(point.tpot_ms, "ms/token"), _number(point.ttft_ms, "ms TTFT"),
            _number(point.output_tokens_per_s, "tokens/s"))


TABLES: dict[str, _Table] = {
    "gpus": _Table(Gpu, lambda catalog: catalog.gpus.items(), _gpu_cells, (1, 2, 3, 4)),
    "models": _Table(LlmModel, lambda catalog: catalog.models.items(), _model_cells, (1, 3)),
    "engines": _Table(Engine, lambda catalog: catalog.engines.items(), _engine_cells),
    "precisions": _Table(Precision, lambda catalog: catalog.precisions.items(), _precision_cells, (1,)),
    "offers": _Table(RentedOffer, lambda catalog: catalog.offers.items(), _offer_cells, (3,)),
    "owned": _Table(OwnedNode, lambda catalog: catalog.owned.items(), _owned_cells, (2,)),
    "throughput": _Table(
        ThroughputPoint, lambda catalog: ((point_key(point), point) for point in catalog.points), _curve_cells),
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


def listing(catalog: Catalog, name: str, form: str) -> str:
    """List a table: the facts a planner looks for as text, every fact in the other forms.

    Raises:
        InputError: there is no such table.
    """
    if name not in TABLES:
        close = difflib.get_close_matches(name, TABLES, n=1)
        hint = f"'{close[0]}' (did you mean that?), or " if close else ""
        raise InputError([Fault("catalog list", "TABLE", repr(name), f"{hint}one of {', '.join(TABLES)}")])
    if form == "text":
        return "\n".join(_text_listing(catalog, name)) + "\n"
    rows, columns = list(_all_facts(catalog, name)), _columns(name)
    if form == "json":
        return json_report.dumps(rows)
    if form == "csv":
        return rows_as_csv(columns, [{column: flat(row[column]) for column in columns} for row in rows])
    cells = [tuple(flat(row[column]) for column in columns) for row in rows]
    return "\n".join(markdown_table(columns, cells)) + "\n"


def _text_listing(catalog: Catalog, name: str) -> Iterator[str]:
    rows = list(TABLES[name].rows(catalog))
    yield paint(f"{name}: {counted(len(rows), 'row')}", BOLD)
    if name == "throughput":
        yield from _curve_lines(catalog)
        return
    cells = [(_shown_id(catalog, name, key), *TABLES[name].facts(catalog, row)) for key, row in rows]
    yield from _fitted(cells, TABLES[name].right)
    if any(catalog.is_overlaid(name, key) for key, _ in rows):
        yield paint("  * from your overlay", DIM)


def _shown_id(catalog: Catalog, name: str, key: str) -> str:
    return f"{key} *" if catalog.is_overlaid(name, key) else key


def _fitted(rows: list[Cells], right: tuple[int, ...] = ()) -> Iterator[str]:
    """Lay rows out in columns; where they are wider than the terminal, the facts stand under the ids."""
    if not rows:
        return
    lines = table(rows, right)
    if max(map(len, lines)) <= WIDTH:
        yield from lines
        return
    inner = table([row[1:] for row in rows], tuple(column - 1 for column in right))
    for row, line in zip(rows, inner, strict=True):
        yield f"  {row[0]}"
        yield from [f"    {line}"] if len(line) + 4 <= WIDTH else wrap(" ".join(line.split()), "        ", "      ")


def _curve_lines(catalog: Catalog) -> Iterator[str]:
    """Yield one line for each curve: what ran where, its lengths, its levels."""
    uses = {"curve": "measured curves", "check": "rows that only fit or check a model", "ceiling": "saturation rows"}
    for use, title in uses.items():
        curves = curves_of(point for point in catalog.points if point.use == use)
        rows = sum(len(curve) for curve in curves)
        yield paint(f"  {title}: {counted(rows, 'row')}", BOLD)
        yield from (line for curve in curves for line in wrap(_curve_text(catalog, curve), "        ", "    "))


def _curve_text(catalog: Catalog, curve: list[ThroughputPoint]) -> str:
    first = curve[0]
    levels = sorted({point.concurrency for point in curve if point.concurrency is not None})
    span = "" if not levels else f", C={levels[0]}" if len(levels) == 1 else f", C={levels[0]}..{levels[-1]}"
    lengths = f"{first.isl_tokens or '?'}/{first.osl_tokens or '?'}"
    own = " *" if any(catalog.is_overlaid("throughput", point_key(point)) for point in curve) else ""
    engine = f"{first.engine_id} {first.engine_version}".strip()
    machine = f"{first.gpu_count} x {first.gpu_id}, {engine}"
    rows = counted(len(curve), "row")
    return f"{first.model_id} {first.precision or '?'} on {machine}, {lengths} tokens{span} ({rows}){own}"
