"""Everything known about one id of the catalog."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from optimizer.costs import PricedOffer
from optimizer.costs.owned import owned_offer_id
from optimizer.documents.cells import Link, Number
from optimizer.documents.document import Document, Piece, Records, Table, bullets, document, paragraph, section, table
from optimizer.errors import Fault, InputError
from optimizer.load import Catalog
from optimizer.messages import Message
from optimizer.reports.catalog_tables import PLAIN_PROBLEM, TABLES, Row, facts_of, flat, priced
from optimizer.reports.wording import sources_of
from optimizer.schema.catalog import Gpu, LlmModel, OwnedNode, RentedOffer, ThroughputPoint
from optimizer.units import usd, usd_per_month


@dataclass(frozen=True)
class _Sheet:
    """Everything known about one id."""

    table: str
    name: str
    facts: Row
    layer: str
    source_url: str
    as_of: str
    tables: dict[str, list[Row]] = field(default_factory=dict)
    """What belongs to it: key of JSON -> rows."""


def _layer(catalog: Catalog, name: str, key: str) -> str:
    """Say which layer a row came from."""
    return f"overlay ({', '.join(catalog.overlays)})" if catalog.is_overlaid(name, key) else "catalog"


def _find(catalog: Catalog, name: str) -> tuple[str, str]:
    """Find the table and key of an id, or of another name of a model.

    Raises:
        InputError: nothing bears the name.
    """
    nodes = catalog.owned.items()
    owned = {owned_offer_id(node_id, site): node_id for node_id, node in nodes for site in node.sites}
    for where, keys in (("gpus", catalog.gpus), ("models", catalog.models), ("engines", catalog.engines),
                        ("precisions", catalog.precisions), ("offers", catalog.offers), ("owned", catalog.owned)):
        if name in keys:
            return where, name
    if name.lower() in catalog.model_names:
        return "models", catalog.model_names[name.lower()]
    if name in owned:
        return "owned", owned[name]
    every = [*catalog.gpus, *catalog.models, *catalog.engines, *catalog.precisions, *catalog.offers, *catalog.owned]
    close = difflib.get_close_matches(name, every, n=3, cutoff=0.5)
    hint = f"did you mean {', '.join(map(repr, close))}? " if close else ""
    allowed = f"{hint}An id of gpus, models, engines, precisions, offers or owned (gpumix catalog list TABLE)"
    raise InputError([Fault("catalog show", "ID", repr(name), allowed)])


def _measured_of_model(catalog: Catalog, model: LlmModel) -> list[Row]:
    """Count the measured rows of a model's shape by GPU and engine."""
    groups: dict[tuple[str, str], list[ThroughputPoint]] = {}
    for point in catalog.points:
        if catalog.models[point.model_id].runs_like == model.runs_like:
            groups.setdefault((point.gpu_id, point.engine_id), []).append(point)
    return [_measured_row({"gpu_id": gpu, "engine_id": engine}, points)
            for (gpu, engine), points in sorted(groups.items())]


def _measured_of_gpu(catalog: Catalog, gpu_id: str) -> list[Row]:
    groups: dict[tuple[str, str], list[ThroughputPoint]] = {}
    for point in catalog.points:
        if point.gpu_id == gpu_id:
            groups.setdefault((point.model_id, point.engine_id), []).append(point)
    return [_measured_row({"model_id": model, "engine_id": engine}, points)
            for (model, engine), points in sorted(groups.items())]


def _measured_row(named: Row, points: list[ThroughputPoint]) -> Row:
    curve = [point for point in points if point.use == "curve"]
    return {**named, "curve_rows": len(curve), "other_rows": len(points) - len(curve),
            "precisions": " ".join(sorted({point.precision or "?" for point in points}))}


def _price_row(offer: PricedOffer) -> Row:
    low, high = offer.range_micro_usd_per_hour
    return {"offer_id": offer.offer_id, "usd_per_hour": usd(offer.micro_usd_per_hour),
            "usd_per_month": round(usd_per_month(offer.micro_usd_per_hour), 2),
            "low_usd_per_month": round(usd_per_month(low), 2), "high_usd_per_month": round(usd_per_month(high), 2),
            "price_evidence": offer.price_evidence, "price_as_of": offer.price_as_of}


def _offers_of_gpu(catalog: Catalog, gpu_id: str) -> list[Row]:
    """Return the cheapest offer of a GPU by provider, a GPU-hour each, the cheapest provider first."""
    ids = [name for name, offer in catalog.offers.items() if offer.gpu_id == gpu_id]
    ids += [owned_offer_id(n.offer_id, site) for n in catalog.owned.values() if n.gpu_id == gpu_id for site in n.sites]
    by_provider: dict[str, list[tuple[float, PricedOffer]]] = {}
    for name in ids:
        offer = priced(catalog, name)
        by_provider.setdefault(offer.provider, []).append((usd(offer.micro_usd_per_hour) / offer.gpu_count, offer))
    best = {name: min(found, key=lambda item: (item[0], item[1].offer_id)) for name, found in by_provider.items()}
    return [
        {"provider": provider, "offers": len(by_provider[provider]), "cheapest_usd_per_gpu_hour": round(price, 4),
         "cheapest_offer_id": offer.offer_id}
        for provider, (price, offer) in sorted(best.items(), key=lambda item: (item[1][0], item[0]))
    ]


def _owned_tables(catalog: Catalog, node: OwnedNode) -> dict[str, list[Row]]:
    offers = [priced(catalog, owned_offer_id(node.offer_id, site)) for site in node.sites]
    lines: list[Row] = [
        {"offer_id": offer.offer_id, **{line: round(amount, 2) for line, amount in offer.breakdown.items()}}
        for offer in offers
    ]
    parts: list[Row] = [{key: flat(value) for key, value in part.model_dump(mode="json").items()}
                        for part in node.parts]
    return {"price": [_price_row(offer) for offer in offers], "usd_per_month": lines, "parts": parts}


def _sheet(catalog: Catalog, name: str) -> _Sheet:
    """Gather everything known about an id."""
    where, key = _find(catalog, name)
    found: Any = dict(TABLES[where].rows(catalog))[key]
    facts = facts_of(found)
    url, as_of = str(facts.pop("source_url", "")), str(facts.pop("as_of", ""))
    tables: dict[str, list[Row]] = {}
    if isinstance(found, Gpu):
        tables = {"offers_by_provider": _offers_of_gpu(catalog, key),
                  "measured_models": _measured_of_gpu(catalog, key)}
    elif isinstance(found, LlmModel):
        group = (other for other, model in catalog.models.items() if model.runs_like == found.runs_like)
        facts["alike"] = sorted(other for other in group if other != key)
        tables = {"measured_on": _measured_of_model(catalog, found)}
    elif isinstance(found, RentedOffer):
        tables = {"price": [_price_row(priced(catalog, key))]}
    elif isinstance(found, OwnedNode):
        facts.pop("parts")
        tables = _owned_tables(catalog, found)
        url = " ; ".join(dict.fromkeys(part.source_url for part in found.parts if part.source_url))
        as_of = max(part.as_of for part in found.parts)
    return _Sheet(where, key, facts, _layer(catalog, where, key), url, as_of, tables)


def sheet_document(catalog: Catalog, name: str) -> Document:
    """Put everything known about one id into a document: facts, layer, what belongs to it, sources.

    Raises:
        InputError: nothing bears the name.
    """
    sheet = _sheet(catalog, name)
    belonging = [
        section(key, Message(f"catalog.{key.replace('_', '-')}", months=PLAIN_PROBLEM.limits.horizon_months),
                _rows(rows) or paragraph(Message("catalog.none"))) for key, rows in sheet.tables.items()]
    return document(
        Message("catalog.of-table", name=sheet.name, table=sheet.table),
        [section("facts", "", table(("", ""), _told(sheet))), *belonging,
         section("origins", Message("plan.sources"), bullets(map(Link, sources_of(sheet.source_url))))],
        records=Records(("section", "name", "value"), tuple(_records(sheet))), data=lambda: data(sheet))


def _rows(rows: list[Row]) -> Table | None:
    """Lay rows out under their column names."""
    columns = tuple(dict.fromkeys(column for row in rows for column in row))
    return table(columns, [[_cell(row.get(column)) for column in columns] for row in rows])


def _cell(value: object) -> Piece | None:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return Number(value, ",.10g")
    return str(value) if value not in (None, "") else None


def _told(sheet: _Sheet) -> list[tuple[str, str]]:
    """List the facts that say something, as text."""
    told = [(name, _spoken(value)) for name, value in sheet.facts.items() if flat(value) != ""]
    return [*told, ("as_of", sheet.as_of), ("layer", sheet.layer)]


def _spoken(value: object) -> str:
    """Write a fact, nested ones in brackets.

    >>> _spoken({"fp8": {"from": 8.9, "to": None}}), _spoken([1, 2])
    ('fp8 (from 8.9)', '1; 2')
    """
    if isinstance(value, list) and any(isinstance(inner, dict) for inner in value):
        return "; ".join(_spoken(inner) for inner in value)
    if not isinstance(value, dict):
        return str(flat(value))
    said = {name: f"({_spoken(inner)})" if isinstance(inner, dict) else _spoken(inner) for name, inner in value.items()}
    return ", ".join(f"{name} {inner}" for name, inner in said.items() if inner != "")


def data(sheet: _Sheet) -> Row:
    """Return everything for other programs."""
    return {"table": sheet.table, "id": sheet.name, "layer": sheet.layer, **sheet.facts,
            "source_url": sheet.source_url, "as_of": sheet.as_of, **sheet.tables}


def _records(sheet: _Sheet) -> Iterator[Row]:
    """Yield facts as rows (section, name, value); rows that belong to it are numbered."""
    for name, fact in _told(sheet):
        yield {"section": "facts", "name": name, "value": fact}
    yield {"section": "facts", "name": "source_url", "value": sheet.source_url}
    for key, found in sheet.tables.items():
        for number, row in enumerate(found, 1):
            for name, value in row.items():
                yield {"section": f"{key} {number}", "name": name, "value": flat(value)}
