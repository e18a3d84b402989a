"""The catalog: shipped facts, with the user's own laid over them."""

from __future__ import annotations

import difflib
import hashlib
import os
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import cached_property
from operator import attrgetter
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from optimizer.errors import CatalogError, Fault, InputError
from optimizer.load.csv_files import parse_rows
from optimizer.load.faults import faults_of, shown
from optimizer.load.references import lines_of, unresolved
from optimizer.load.text import decode, read_bytes
from optimizer.load.yaml_files import parse_mapping
from optimizer.schema.calibration import Calibration
from optimizer.schema.catalog import (
    CapacityRow,
    Engine,
    FxRate,
    Gpu,
    LlmModel,
    OwnedAssumptions,
    OwnedNode,
    Precision,
    RentedOffer,
    Site,
    ThroughputPoint,
)

Item = TypeVar("Item", bound=BaseModel)

CSV_TABLES = ("gpus.csv", "fx.csv", "capacities.csv")
ON_PREM = "on_prem.yaml"
YAML_TABLES = ("models.yaml", "engines.yaml", "precisions.yaml", ON_PREM, "calibration.yaml")
FOLDERS = ("offers", "throughput")
REQUIRED = ("gpus.csv", "models.yaml", "engines.yaml", "precisions.yaml")
"""Without these a catalog could answer nothing, and would seem to prove that nothing can be had."""


@dataclass(frozen=True)
class Layer:
    """One folder of catalog files."""

    path: Path
    label: str
    shipped: bool
    overlay: bool

    @cached_property
    def files(self) -> dict[str, bytes]:
        """Every file of the layer that gpumix knows, by its name inside the folder."""
        names = [name for name in (*CSV_TABLES, *YAML_TABLES) if (self.path / name).exists()]
        for folder in FOLDERS:
            names += sorted(f"{folder}/{found.name}" for found in (self.path / folder).glob("*.csv"))
        raws: dict[str, bytes] = {}
        faults: list[Fault] = []
        for name in sorted(names):
            try:
                raws[name] = read_bytes(self.path / name, self.shown(name))
            except InputError as error:
                faults += error.faults
        if faults:
            raise self.error(faults)
        return raws

    def error(self, faults: list[Fault]) -> InputError:
        """Return the error that faults of this layer are: bad input in an overlay, else a broken catalog."""
        return InputError(faults) if self.overlay else CatalogError(faults)

    def misnamed(self) -> list[Fault]:
        """List files that nobody would read because their name is nearly, but not quite, one of the catalog's."""
        known = {*CSV_TABLES, *YAML_TABLES, *FOLDERS}
        present = sorted(found.name for found in self.path.iterdir())
        faults = []
        for name in present:
            stem = name.removesuffix(".yml").removesuffix(".csv").removesuffix(".yaml")
            close = difflib.get_close_matches(stem, sorted({one.partition(".")[0] for one in known}), n=1, cutoff=0.8)
            if close and name not in known:
                meant = next(one for one in sorted(known) if one.partition(".")[0] == close[0])
                faults.append(Fault(self.shown(name), "", "a name that is not read", f"{meant}{'/*.csv' if meant in FOLDERS else ''}"))
        return faults

    def shown(self, name: str) -> str:
        """Name a file of this layer the way a fault shows it."""
        return f"{self.label}/{name}"

    def text(self, name: str) -> str | None:
        """Return the text of a file, or None when the layer has none of that name."""
        raw = self.files.get(name)
        return None if raw is None else decode(raw, self.shown(name))


PointKey = tuple[str, str | None, str, int, str, str, str, int | None, int | None, int | None, str]


def point_key(point: ThroughputPoint) -> PointKey:
    """Return what makes a measured row the same row in an overlay."""
    return (point.model_id, point.precision, point.gpu_id, point.gpu_count, point.layout, point.engine_id,
            point.engine_version, point.isl_tokens, point.osl_tokens, point.concurrency, point.use)


@dataclass(frozen=True)
class Catalog:
    """All facts of one run. Tables are keyed by id; an overlay's row replaces the shipped one of the same id."""

    gpus: dict[str, Gpu]
    models: dict[str, LlmModel]
    engines: dict[str, Engine]
    precisions: dict[str, Precision]
    offers: dict[str, RentedOffer]
    owned: dict[str, OwnedNode]
    owned_assumptions: OwnedAssumptions | None
    sites: dict[str, Site]
    fx: dict[str, FxRate]
    capacities: dict[tuple[str, str], CapacityRow]
    points: tuple[ThroughputPoint, ...]
    calibration: Calibration | None
    sha256: str
    model_names: dict[str, str] = field(default_factory=dict)
    """Alias or Hugging Face name in lower case -> model id."""
    from_overlay: dict[str, frozenset[Any]] = field(default_factory=dict)
    """Table -> ids (point keys for `throughput`) that an overlay supplied."""
    overlays: tuple[str, ...] = ()

    def is_overlaid(self, table: str, key: Any) -> bool:
        """Say whether a row came from the user's overlay."""
        return key in self.from_overlay.get(table, frozenset())

    @cached_property
    def points_by_machine(self) -> dict[tuple[str, str, str], list[ThroughputPoint]]:
        """Measured rows by (the `runs_like` group of their model, gpu_id, engine_id)."""
        grouped: dict[tuple[str, str, str], list[ThroughputPoint]] = {}
        for point in self.points:
            model = self.models.get(point.model_id)
            group = model.runs_like if model else point.model_id
            grouped.setdefault((group, point.gpu_id, point.engine_id), []).append(point)
        return grouped

    def points_on(self, runs_like: str, gpu_id: str, engine_id: str) -> list[ThroughputPoint]:
        """List the measured rows of a model group on a GPU with an engine."""
        return self.points_by_machine.get((runs_like, gpu_id, engine_id), [])


def shipped_catalog_dir() -> Path:
    """Return the folder of the shipped catalog: inside the wheel, or beside the package in a checkout."""
    inside = Path(__file__).resolve().parent.parent / "catalogs"
    return inside if inside.is_dir() else inside.parent.parent / "catalogs"


def _layers(catalog_dir: Path | None, overlays: Iterable[Path]) -> list[Layer]:
    base = catalog_dir or shipped_catalog_dir()
    layers = [Layer(base, str(catalog_dir) if catalog_dir else "catalogs", shipped=catalog_dir is None, overlay=False)]
    layers += [Layer(Path(path), str(path), shipped=False, overlay=True) for path in overlays]
    for layer in layers:
        if not os.path.isdir(layer.path):
            found = "a file" if os.path.exists(layer.path) else "no such folder"
            raise layer.error([Fault(layer.label, "", found, "a folder of catalog files")])
        faults = [] if layer.shipped else layer.misnamed()
        if not layer.files and not faults:
            allowed = ", ".join((*CSV_TABLES, *YAML_TABLES, *(f"{name}/*.csv" for name in FOLDERS)))
            faults = [Fault(layer.label, "", "no catalog file", f"at least one of {allowed}")]
        elif not layer.overlay:
            faults += [Fault(layer.shown(name), "", "no such file", f"a catalog has {', '.join(REQUIRED)}")
                       for name in REQUIRED if name not in layer.files]
        if faults:
            raise layer.error(faults)
    return layers


def _digest(layers: list[Layer]) -> str:
    digest = hashlib.sha256()
    for layer in layers:
        for name, raw in layer.files.items():
            digest.update(f"{name}\0{len(raw)}\0".encode())
            digest.update(raw)
        digest.update(b"\1")
    return digest.hexdigest()


class _Reader:
    """Collects the tables of all layers, and every fault on the way."""

    def __init__(self, layers: list[Layer]) -> None:
        self.layers = layers
        self.faults: dict[bool, list[Fault]] = {True: [], False: []}
        self.from_overlay: dict[str, set[Any]] = {}
        self.faulty: set[str] = set()
        """Tables with faults: ids that they seem not to have prove nothing."""

    def count(self) -> int:
        """Return the number of faults so far."""
        return sum(map(len, self.faults.values()))

    def mark(self, table: str, before: int) -> None:
        """Remember that a table has faults, when there are more than before it was read."""
        if self.count() > before:
            self.faulty.add(table)

    def text(self, layer: Layer, name: str) -> str | None:
        """Return the text of a file, or None when there is none or it cannot be read."""
        try:
            return layer.text(name)
        except InputError as error:
            self.faults[layer.overlay].extend(error.faults)
            return None

    def mapping(self, layer: Layer, name: str) -> dict[str, Any]:
        """Return a YAML file as a mapping, empty when there is none or it cannot be read."""
        text = self.text(layer, name)
        try:
            return {} if text is None else parse_mapping(text, layer.shown(name))
        except InputError as error:
            self.faults[layer.overlay].extend(error.faults)
            return {}

    def csv_table(self, name: str, table: str, model: type[Item], *columns: str) -> dict[Any, Item]:
        """Read `name` (a file, or every csv of a folder) from all layers into one table, keyed by columns."""
        key = attrgetter(*columns)
        before = self.count()
        merged: dict[Any, Item] = {}
        for layer in self.layers:
            files = [found for found in layer.files if found == name or found.startswith(f"{name}/")]
            seen: dict[Any, str] = {}
            for file in files:
                faults = self.faults[layer.overlay]
                text = self.text(layer, file)
                for row in () if text is None else parse_rows(text, layer.shown(file), model, faults):
                    identity = key(row)
                    if identity in seen:
                        self.note_twice(layer, file, seen[identity], columns, identity)
                    seen[identity] = file
                    merged[identity] = row
            if layer.overlay:
                self.from_overlay.setdefault(table, set()).update(seen)
        self.mark(table, before)
        return merged

    def note_twice(self, layer: Layer, file: str, first: str, columns: tuple[str, ...], identity: Any) -> None:
        """Note an id that stands a second time, with its line."""
        wanted = identity if isinstance(identity, tuple) else (identity,)
        *_, line = lines_of(self.text(layer, file) or "", lambda row: tuple(row.get(column) for column in columns) == wanted)
        found = f"{shown(', '.join(wanted))} twice (also in {first})"
        self.faults[layer.overlay].append(Fault(layer.shown(file), f"line {line}.{', '.join(columns)}", found, "each id once"))

    def yaml_table(self, name: str, table: str, model: type[Item]) -> dict[str, Item]:
        """Read a YAML mapping id -> facts from all layers."""
        before = self.count()
        merged: dict[str, Item] = {}
        for layer in self.layers:
            data = self.mapping(layer, name)
            for identity, facts in data.items():
                self.check_id(layer, name, identity)
                built = self.build(model, facts, layer, name, identity)
                if built is not None:
                    merged[identity] = built
            if layer.overlay:
                self.from_overlay.setdefault(table, set()).update(data)
        self.mark(table, before)
        return merged

    def check_id(self, layer: Layer, name: str, identity: str, prefix: str = "") -> None:
        """Note an id that is none."""
        if not _ID.match(identity):
            self.faults[layer.overlay].append(Fault(
                layer.shown(name), f"{prefix}{identity}", f"the id {shown(identity)}",
                "lower-case letters, digits, '.', '_' and '-', first a letter or digit, at most 120"))

    def build(self, model: type[Item], facts: Any, layer: Layer, name: str, prefix: str) -> Item | None:
        """Validate one mapping, or note its faults."""
        try:
            return model.model_validate(facts)
        except ValidationError as error:
            self.faults[layer.overlay].extend(faults_of(error, layer.shown(name), model, prefix))
            return None

    def raise_faults(self) -> None:
        """Raise all faults at once: the user's own files as bad input, the catalog's as a broken catalog."""
        if self.faults[True]:
            raise InputError([*self.faults[True], *self.faults[False]])
        if self.faults[False]:
            raise CatalogError(self.faults[False])


_ID = re.compile(r"[a-z0-9][a-z0-9._-]{0,119}\Z")
NEVER_ANSWERS = ",check,"
"""Rows of this use answer no question of a plan, so that a shipped one that holds it is not even parsed to solve."""

_BLOCK = re.compile(r"^(?=[A-Za-z0-9])", re.MULTILINE)
_RUNS_LIKE = re.compile(r"^  runs_like: *['\"]?([A-Za-z0-9._-]+)", re.MULTILINE)


def _shipped_model_blocks(text: str) -> dict[str, str]:
    """Split the shipped models.yaml at its ids, so that only the models asked for are parsed."""
    return {block.split(":", 1)[0].strip("'\""): block for block in _BLOCK.split(text) if ":" in block.split("\n", 1)[0]}


def _select_models(blocks: dict[str, str], references: set[str], groups_asked: set[str]) -> tuple[set[str], dict[str, str]]:
    """Find the ids asked for, by id or alias, and every id that runs like one of them or is of a group asked for."""
    groups = {name: (found.group(1) if (found := _RUNS_LIKE.search(block)) else name) for name, block in blocks.items()}
    wanted = {name for name in blocks if name in references}
    for reference in references - wanted:
        wanted |= {name for name, block in blocks.items() if reference.lower() in block.lower()}
    chosen = {groups[name] for name in wanted} | groups_asked
    return wanted, {name: group for name, group in groups.items() if group in chosen}


def _read_models(reader: _Reader, references: set[str] | None) -> tuple[dict[str, LlmModel], set[str] | None, set[str]]:
    """Read the models asked for; return them, the ids whose measured rows are wanted (None: all), and every known id."""
    shipped = reader.layers[0]
    text = reader.text(shipped, "models.yaml") if shipped.shipped else None
    if references is None or text is None:
        everything = reader.yaml_table("models.yaml", "models", LlmModel)
        return everything, None, set(everything)
    above = _Reader(reader.layers[1:])
    overlaid = above.yaml_table("models.yaml", "models", LlmModel)
    reader.faults[True] += above.faults[True]
    reader.faulty |= above.faulty
    reader.from_overlay |= above.from_overlay
    names = _names_of(overlaid)
    own = {overlaid[found] for name in references if (found := name if name in overlaid else names.get(name.lower()))}
    blocks = _shipped_model_blocks(text)
    parsed, alike = _select_models(blocks, references, {model.runs_like for model in own})
    data = parse_mapping("".join(blocks[name] for name in sorted(parsed)) or "{}", shipped.shown("models.yaml"))
    before = reader.count()
    models: dict[str, LlmModel] = {}
    for name in alike:
        if name in data:
            built = reader.build(LlmModel, data[name], shipped, "models.yaml", name)
            if built is not None:
                models[name] = built
    for name in sorted(set(alike) - set(models)):
        twin = next((model for model in (*models.values(), *own) if model.runs_like == alike[name]), None)
        if twin is not None:  # same weights shape: enough to group measured rows
            models[name] = twin
    models |= overlaid
    reader.mark("models", before)
    return models, set(alike), set(blocks) | set(models)


def _read_points(reader: _Reader, wanted: set[str] | None) -> tuple[ThroughputPoint, ...]:
    points: dict[PointKey, list[ThroughputPoint]] = {}
    for layer in reader.layers:
        selective = wanted if layer.shipped else None
        fresh: dict[PointKey, list[ThroughputPoint]] = {}
        for file in layer.files:
            if not file.startswith("throughput/"):
                continue
            keep = None if selective is None else (lambda line, ids=selective: line.split(",", 1)[0] in ids and NEVER_ANSWERS not in line)
            text = reader.text(layer, file)
            for row in () if text is None else parse_rows(text, layer.shown(file), ThroughputPoint, reader.faults[layer.overlay], keep):
                fresh.setdefault(point_key(row), []).append(row)
        if layer.overlay:
            reader.from_overlay.setdefault("throughput", set()).update(fresh)
        points |= fresh
    return tuple(row for rows in points.values() for row in rows)


def _read_on_prem(reader: _Reader) -> tuple[OwnedAssumptions | None, dict[str, Site], dict[str, OwnedNode]]:
    figures: dict[str, Any] = {}
    stated_in: dict[str, Layer] = {}
    sites: dict[str, Site] = {}
    nodes: dict[str, OwnedNode] = {}
    before, whole = reader.count(), True
    for layer in (layer for layer in reader.layers if ON_PREM in layer.files):
        data = reader.mapping(layer, ON_PREM)
        whole = whole and bool(data)
        reader.faults[layer.overlay] += [
            Fault(layer.shown(ON_PREM), key, "an unknown key", "assumptions, sites, nodes")
            for key in data if key not in {"assumptions", "sites", "nodes"}
        ]
        own = _mapping_or_fault(reader, layer, "assumptions", data.get("assumptions"))
        figures |= own
        stated_in |= dict.fromkeys(own, layer)
        for name, facts in _mapping_or_fault(reader, layer, "sites", data.get("sites")).items():
            reader.check_id(layer, ON_PREM, name, "sites.")
            site = reader.build(Site, facts, layer, ON_PREM, f"sites.{name}")
            if site:
                sites[name] = site
        nodes |= _read_nodes(reader, layer, data.get("nodes"))
    reader.mark("owned", before)
    return _assumptions(reader, figures, stated_in) if whole else None, sites, nodes


def _read_nodes(reader: _Reader, layer: Layer, listed: Any) -> dict[str, OwnedNode]:
    """Read the owned nodes of one layer."""
    faults = reader.faults[layer.overlay]
    nodes: dict[str, OwnedNode] = {}
    if listed is not None and not isinstance(listed, tuple):
        faults.append(Fault(layer.shown(ON_PREM), "nodes", shown(listed), "a list of owned nodes"))
        return nodes
    for index, facts in enumerate(listed or ()):
        node = reader.build(OwnedNode, facts, layer, ON_PREM, f"nodes.{index}")
        if node and node.offer_id in nodes:
            faults.append(Fault(layer.shown(ON_PREM), f"nodes.{index}.offer_id", f"{node.offer_id} twice", "each id once"))
        if node:
            nodes[node.offer_id] = node
    if layer.overlay:
        reader.from_overlay.setdefault("owned", set()).update(nodes)
    return nodes


def _assumptions(reader: _Reader, figures: dict[str, Any], stated_in: dict[str, Layer]) -> OwnedAssumptions | None:
    """Build the assumptions of all layers together; a fault is that of the layer which stated the figure."""
    if not figures:
        return None
    try:
        return OwnedAssumptions.model_validate(figures)
    except ValidationError as error:
        first = next(iter(stated_in.values()))
        for fault in faults_of(error, ON_PREM, OwnedAssumptions):
            layer = stated_in.get(fault.key.partition(".")[0], first)
            reader.faults[layer.overlay].append(replace(fault, file=layer.shown(ON_PREM), key=f"assumptions.{fault.key}"))
        return None


def _mapping_or_fault(reader: _Reader, layer: Layer, key: str, value: Any) -> dict[str, Any]:
    if value is None or isinstance(value, dict):
        return value or {}
    reader.faults[layer.overlay].append(Fault(layer.shown(ON_PREM), key, shown(value), "a mapping of keys to values"))
    return {}


def _read_calibration(reader: _Reader) -> Calibration | None:
    calibration = None
    for layer in reader.layers:
        facts = reader.mapping(layer, "calibration.yaml")
        if facts:
            calibration = reader.build(Calibration, facts, layer, "calibration.yaml", "")
    return calibration


def load_catalog(
    catalog_dir: Path | None = None, overlays: Iterable[Path] = (), references: Iterable[str] | None = None
) -> Catalog:
    """Read the catalog.

    Args:
        catalog_dir: a folder in place of the shipped catalog.
        overlays: folders laid over it, the later above.
        references: names of the models of a problem, so that only their rows are read; None reads everything.

    Raises:
        CatalogError: the shipped catalog or `catalog_dir` is broken.
        InputError: an overlay is broken.
    """
    layers = _layers(catalog_dir, overlays)
    reader = _Reader(layers)
    models, wanted, known_models = _read_models(reader, None if references is None else set(references))
    assumptions, sites, owned = _read_on_prem(reader)
    catalog = Catalog(
        gpus=reader.csv_table("gpus.csv", "gpus", Gpu, "gpu_id"),
        models=models,
        engines=reader.yaml_table("engines.yaml", "engines", Engine),
        precisions=reader.yaml_table("precisions.yaml", "precisions", Precision),
        offers=reader.csv_table("offers", "offers", RentedOffer, "offer_id"),
        owned=owned,
        owned_assumptions=assumptions,
        sites=sites,
        fx=reader.csv_table("fx.csv", "fx", FxRate, "currency"),
        capacities=reader.csv_table("capacities.csv", "capacities", CapacityRow, "service_id", "offer_id"),
        points=_read_points(reader, wanted),
        calibration=_read_calibration(reader),
        sha256=_digest(layers),
        model_names=_names_of(models),
        from_overlay={table: frozenset(ids) for table, ids in reader.from_overlay.items()},
        overlays=tuple(layer.label for layer in layers[1:]),
    )
    for overlay, fault in unresolved(catalog, layers, known_models, reader.faulty):
        reader.faults[overlay].append(fault)
    reader.raise_faults()
    return catalog


def _names_of(models: dict[str, LlmModel]) -> dict[str, str]:
    names: dict[str, str] = {}
    for model_id, model in models.items():
        for name in (*model.aliases, *([model.hf_id] if model.hf_id else ())):
            names.setdefault(name.lower(), model_id)
    return names
