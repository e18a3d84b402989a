"""Ids that one table of the catalog takes from another: do they name something, and if not, where do they stand."""

from __future__ import annotations

import csv
import difflib
from collections.abc import Callable, Collection, Iterator
from typing import TYPE_CHECKING

from optimizer.errors import Fault, InputError
from optimizer.load.faults import shown

if TYPE_CHECKING:
    from optimizer.load.catalog import Catalog, Layer

Placed = tuple[bool, Fault]
"""(whether the fault is an overlay's, the fault)"""

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


def _csv_places(layers: list[Layer], table: str, matches: Callable[[dict[str, str]], bool]) -> Iterator[tuple[Layer, str, int]]:
    """Find rows again: (layer, file, line); only ever read when something is wrong."""
    for layer in layers:
        for file in layer.files:
            if file == table or file.startswith(f"{table}/"):
                try:
                    text = layer.text(file) or ""
                except InputError:
                    continue
                reader = csv.DictReader(text.splitlines(keepends=True))
                for row in reader:
                    if matches({key: value or "" for key, value in row.items() if key}):
                        yield layer, layer.shown(file), reader.line_num


def _rows_faults(
    layers: list[Layer], table: str, key: str, value: str, allowed: str, only: Callable[[dict[str, str]], bool] = lambda _: True
) -> Iterator[Placed]:
    """Name every file, with its first line, in which rows have an id that names nothing."""
    counted: dict[str, tuple[Layer, int, int]] = {}
    for layer, file, line in _csv_places(layers, table, lambda row: row.get(key) == value and only(row)):
        first = counted.get(file, (layer, line, 0))
        counted[file] = (first[0], first[1], first[2] + 1)
    for file, (layer, line, count) in counted.items():
        more = f" in {count} rows" if count > 1 else ""
        yield layer.overlay, Fault(file, f"line {line}.{key}", f"{shown(value)}{more}", allowed)


def _stated_last(layers: list[Layer], catalog: Catalog, table: str, key: str, name: str) -> tuple[bool, str]:
    """Say whether a row of a YAML table is an overlay's, and name the file: the last layer that has one."""
    overlaid = catalog.is_overlaid(table, key)
    having = [layer for layer in layers if name in layer.files and layer.overlay == overlaid] or layers[:1]
    return overlaid, having[-1].shown(name)


def _unknown_in_rows(catalog: Catalog, layers: list[Layer], known_models: Collection[str]) -> Iterator[Placed]:
    """Check the ids in offers, measured rows and stated capacities."""
    gpus, engines = catalog.gpus, catalog.engines
    for gpu in sorted({offer.gpu_id for offer in catalog.offers.values()} - set(gpus)):
        using = {offer_id for offer_id, offer in catalog.offers.items() if offer.gpu_id == gpu}
        yield from _rows_faults(layers, "offers", "gpu_id", gpu, among(gpu, gpus, "gpus.csv"),
                                lambda row, ids=using: row.get("offer_id") in ids)  # type: ignore[misc]
    for key, known, table in (("gpu_id", gpus, "gpus.csv"), ("engine_id", engines, "engines.yaml"),
                              ("precision", catalog.precisions, "precisions.yaml"), ("model_id", known_models, "models.yaml")):
        values = {getattr(point, key) for point in catalog.points} - {None}
        for value in sorted(values - set(known)):
            yield from _rows_faults(layers, "throughput", key, value, among(value, known, table))
    offers = set(catalog.offers) | {f"{node_id}.{site}" for node_id, node in catalog.owned.items() for site in node.sites}
    for key, names, table in (("offer_id", offers, "offers/ or on_prem.yaml (node.site)"), ("engine_id", set(engines) | {""}, "engines.yaml")):
        for value in sorted({getattr(row, key) for row in catalog.capacities.values()} - names):
            yield from _rows_faults(layers, "capacities.csv", key, value, among(value, names - {""}, table))


def _unknown_in_facts(catalog: Catalog, layers: list[Layer]) -> Iterator[Placed]:
    """Check the ids in models, engines, precisions and owned nodes."""
    precisions = catalog.precisions

    def fault(table: str, name: str, row: str, key: str, value: str, allowed: str) -> Placed:
        overlaid, file = _stated_last(layers, catalog, table, row, name)
        return overlaid, Fault(file, f"{row}.{key}", shown(value), allowed)

    for model_id, model in catalog.models.items():
        if model.native_precision not in precisions:
            yield fault("models", "models.yaml", model_id, "native_precision", model.native_precision,
                        among(model.native_precision, precisions, "precisions.yaml"))
    for engine_id, engine in catalog.engines.items():
        for name in engine.precisions:
            if name not in precisions:
                yield fault("engines", "engines.yaml", engine_id, "precisions", name, among(name, precisions, "precisions.yaml"))
    for precision_id, precision in precisions.items():
        if precision.runs_like not in precisions:
            yield fault("precisions", "precisions.yaml", precision_id, "runs_like", precision.runs_like,
                        among(precision.runs_like, precisions, "precisions.yaml"))
    for node_id, node in catalog.owned.items():
        gpu = catalog.gpus.get(node.gpu_id)
        if gpu is None:
            yield fault("owned", "on_prem.yaml", node_id, "gpu_id", node.gpu_id, among(node.gpu_id, catalog.gpus, "gpus.csv"))
        elif gpu.tdp_watts is None:
            yield fault("owned", "on_prem.yaml", node_id, "gpu_id", node.gpu_id, "a GPU whose tdp_watts stands in gpus.csv: its power is paid for")
        for site in node.sites:
            if site not in catalog.sites:
                yield fault("owned", "on_prem.yaml", node_id, "sites", site, among(site, catalog.sites, "on_prem.yaml, sites"))
            if f"{node_id}.{site}" in catalog.offers:
                yield fault("owned", "on_prem.yaml", node_id, "offer_id", f"{node_id}.{site}", "an id that no rented offer has")


def unresolved(catalog: Catalog, layers: list[Layer], known_models: Collection[str]) -> list[Placed]:
    """List every id that names nothing, with the file and line or key where it stands."""
    return [*_unknown_in_facts(catalog, layers), *_unknown_in_rows(catalog, layers, known_models)]
