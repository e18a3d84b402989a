"""Ids that one table of the catalog takes from another: do they name something, and if not, where do they stand."""

from __future__ import annotations

import csv
import difflib
from collections.abc import Callable, Collection, Iterator
from typing import TYPE_CHECKING

from optimizer.errors import Fault, InputError
from optimizer.load.faults import shown

if TYPE_CHECKING:
    from optimizer.load.catalog import Catalog
    from optimizer.load.layers import Layer

Placed = tuple[bool, Fault]
"""(whether the fault is an overlay's, the fault)"""

RowTest = Callable[[dict[str, str]], bool]

MOST_NAMED = 12
"""Ids that a fault lists in full; of more, only near ones."""


def among(found: str, known: Collection[str], table: str) -> str:
    """Say what is allowed in place of an unknown id.

    >>> among("l4", ["l4-24gb", "t4-16gb"], "gpus.csv"), among("x", map(str, range(20)), "gpus.csv")
    ("an id of gpus.csv: 'l4-24gb' (did you mean that?), or one of l4-24gb, t4-16gb", 'an id of gpus.csv')
    """
    names = sorted(known)
    close = difflib.get_close_matches(found, names, n=1) or [name for name in names if name.startswith(f"{found}-")][:1]
    hint = f"{close[0]!r} (did you mean that?)" if close else ""
    listed = f"one of {', '.join(names)}" if 0 < len(names) <= MOST_NAMED else ""
    rest = ", or ".join(part for part in (hint, listed) if part)
    return f"an id of {table}" + (f": {rest}" if rest else "")


def lines_of(text: str, matches: RowTest) -> Iterator[int]:
    """Find the lines of the rows that match; only ever read when something is wrong."""
    reader = csv.DictReader(text.splitlines(keepends=True))
    for row in reader:
        if matches({key: value or "" for key, value in row.items() if key}):
            yield reader.line_num


def _csv_places(layers: list[Layer], table: str, matches: RowTest) -> Iterator[tuple[Layer, str, int]]:
    """Find the rows of a table in all layers: (layer, file, line)."""
    for layer in layers:
        for file in layer.files:
            if file == table or file.startswith(f"{table}/"):
                try:
                    text = layer.text(file) or ""
                except InputError:
                    continue
                yield from ((layer, layer.shown(file), line) for line in lines_of(text, matches))


def _rows_faults(
    layers: list[Layer], table: str, key: str, value: str, allowed: str, only: RowTest = lambda _: True
) -> Iterator[Placed]:
    """Name every file, with its first line, in which rows have an id that names nothing."""
    counted: dict[str, tuple[Layer, int, int]] = {}
    for layer, file, line in _csv_places(layers, table, lambda row: row.get(key) == value and only(row)):
        first = counted.get(file, (layer, line, 0))
        counted[file] = (first[0], first[1], first[2] + 1)
    for file, (layer, line, count) in counted.items():
        more = f" in {count} rows" if count > 1 else ""
        yield layer.overlay, Fault(file, f"line {line}.{key}", f"{shown(value)}{more}", allowed)


def _stated_last(layers: list[Layer], catalog: Catalog, table: str, key: str) -> tuple[bool, str]:
    """Say whether a row of a YAML table is an overlay's, and name the file: the last layer that has one."""
    name, overlaid = "on_prem.yaml" if table == "owned" else f"{table}.yaml", catalog.is_overlaid(table, key)
    having = [layer for layer in layers if name in layer.files and layer.overlay == overlaid] or layers[:1]
    return overlaid, having[-1].shown(name)


NAMES = {"gpus": "gpus.csv", "engines": "engines.yaml", "precisions": "precisions.yaml", "models": "models.yaml",
         "owned": "on_prem.yaml, sites", "offers": "offers/, or of on_prem.yaml with its site"}
"""Table -> where its ids stand."""

POINT_KEYS = {"gpu_id": "gpus", "engine_id": "engines", "precision": "precisions", "model_id": "models"}
"""Column of measured rows -> table."""


def _unknown_in_rows(catalog: Catalog, layers: list[Layer], known: dict[str, Collection[str]]) -> Iterator[Placed]:
    """Check the ids in offers, measured rows and stated capacities."""
    gpus = known.get("gpus", {offer.gpu_id for offer in catalog.offers.values()})
    for gpu in sorted({offer.gpu_id for offer in catalog.offers.values()} - set(gpus)):
        using = {offer_id for offer_id, offer in catalog.offers.items() if offer.gpu_id == gpu}
        yield from _rows_faults(layers, "offers", "gpu_id", gpu, among(gpu, gpus, NAMES["gpus"]),
                                lambda row, ids=using: row.get("offer_id") in ids)  # type: ignore[misc]
    for key, table in POINT_KEYS.items():
        if table in known:
            values = {getattr(point, key) for point in catalog.points} - {None}
            for value in sorted(values - set(known[table])):
                yield from _rows_faults(layers, "throughput", key, value, among(value, known[table], NAMES[table]))
    for model in sorted({price.model_id for price in catalog.apis.values()} - set(known.get("models", ()))):
        if "models" in known:
            yield from _rows_faults(layers, "apis", "model_id", model, among(model, known["models"], NAMES["models"]))
    for key, table in (("offer_id", "offers"), ("engine_id", "engines")):
        if table in known:
            values = {getattr(row, key) for row in catalog.capacities.values()} - {""}
            for value in sorted(values - set(known[table])):
                yield from _rows_faults(layers, "capacities.csv", key, value, among(value, known[table], NAMES[table]))


def _unknown_in_facts(catalog: Catalog, layers: list[Layer], known: dict[str, Collection[str]]) -> Iterator[Placed]:
    """Check the ids in models, engines, precisions and owned nodes."""

    def check(rows: str, row: str, key: str, value: str, table: str) -> Iterator[Placed]:
        if table in known and value not in known[table]:
            overlaid, file = _stated_last(layers, catalog, rows, row)
            yield overlaid, Fault(file, f"{row}.{key}", shown(value), among(value, known[table], NAMES[table]))

    for model_id, model in catalog.models.items():
        yield from check("models", model_id, "native_precision", model.native_precision, "precisions")
        for copy in model.copies:
            yield from check("models", model_id, "copies", copy.precision, "precisions")
    for engine_id, engine in catalog.engines.items():
        for name in engine.precisions:
            yield from check("engines", engine_id, "precisions", name, "precisions")
    for precision_id, precision in catalog.precisions.items():
        yield from check("precisions", precision_id, "runs_like", precision.runs_like, "precisions")
    for node_id, node in catalog.owned.items():
        yield from check("owned", node_id, "gpu_id", node.gpu_id, "gpus")
        for site in node.sites:
            yield from check("owned", node_id, "sites", site, "owned")
            if f"{node_id}.{site}" in catalog.offers:
                overlaid, file = _stated_last(layers, catalog, "owned", node_id)
                found = shown(f"{node_id}.{site}")
                yield overlaid, Fault(file, f"{node_id}.offer_id", found, "an id that no rented offer has")
        gpu = catalog.gpus.get(node.gpu_id)
        if gpu is not None and gpu.tdp_watts is None:
            overlaid, file = _stated_last(layers, catalog, "owned", node_id)
            allowed = "a GPU whose tdp_watts stands in gpus.csv: its power is paid for"
            yield overlaid, Fault(file, f"{node_id}.gpu_id", shown(node.gpu_id), allowed)


def unresolved(
    catalog: Catalog, layers: list[Layer], known_models: Collection[str], faulty: Collection[str]
) -> list[Placed]:
    """List every id that names nothing, with the file and line or key where it stands.

    Args:
        faulty: tables that could not be read whole; ids that name their rows are left alone.
    """
    owned = (f"{node_id}.{site}" for node_id, node in catalog.owned.items() for site in node.sites)
    known: dict[str, Collection[str]] = {
        "gpus": catalog.gpus, "engines": catalog.engines, "precisions": catalog.precisions, "models": known_models,
        "owned": catalog.sites, "offers": {*catalog.offers, *owned},
    }
    sound = {table: ids for table, ids in known.items() if table not in faulty}
    if "owned" in faulty:
        sound.pop("offers", None)
    facts = list(_unknown_in_facts(catalog, layers, sound))
    if any(fault.key.endswith(".sites") for _, fault in facts):
        sound.pop("offers", None)
    return [*facts, *_unknown_in_rows(catalog, layers, sound)]
