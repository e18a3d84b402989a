"""The catalog: shipped facts, with the user's own laid over them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from optimizer.errors import Fault
from optimizer.load.cache_choices import engines_with_caches, with_eight_bit_caches
from optimizer.load.csv_files import parse_rows
from optimizer.load.faults import faults_of, shown
from optimizer.load.layers import ON_PREM, SERVING_FILES, Layer, digest_of, layers_of, shipped_catalog_dir
from optimizer.load.model_names import as_named, find_model_id, names_in, stem
from optimizer.load.references import unresolved
from optimizer.load.tables import TableReader
from optimizer.load.yaml_files import parse_mapping
from optimizer.schema.calibration import Calibration, KinWeights
from optimizer.schema.catalog import (
    ApiPrice,
    CapacityRow,
    Engine,
    FxRate,
    Gpu,
    LlmModel,
    OwnedAssumptions,
    OwnedNode,
    Precision,
    Product,
    RentedOffer,
    Site,
    Source,
    ThroughputPoint,
)

PointKey = tuple[str, str | None, str, int, str, str, str, int | None, int | None, int | None, str]


def point_key(point: ThroughputPoint) -> PointKey:
    """Return what makes a measured row the same row in an overlay."""
    return (point.model_id, point.precision, point.gpu_id, point.gpu_count, point.layout_name, point.engine_id,
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
    apis: dict[tuple[str, str], ApiPrice] = field(default_factory=dict)
    """(provider, its name of the model) -> what a hosted API asks."""
    products: dict[str, Product] = field(default_factory=dict)
    """GPU -> its life as something to buy; a GPU without a row is taken as sold new."""
    kin_weights: dict[tuple[str, str], KinWeights] = field(default_factory=dict)
    """(group of models, quantity) -> what their measured rows weigh."""
    sources: dict[str, Source] = field(default_factory=dict)
    """Sources of measured rows that share a laboratory with others, or whose name is not their laboratory's."""

    def model(self, reference: str) -> LlmModel | None:
        """Return the model that a name stands for, at the precision that the name states; None where none bears it."""
        known: dict[str, LlmModel | None] = self.memo.setdefault("named_models", {})
        if reference not in known:
            found = find_model_id(self.models, self.model_names, reference)
            known[reference] = None if found is None else as_named(self.models[found], reference)
        return known[reference]

    def is_overlaid(self, table: str, key: Any) -> bool:
        """Say whether a row came from the user's overlay."""
        return key in self.from_overlay.get(table, frozenset())

    def laboratory(self, source_id: str) -> str:
        """Return who measured the rows of a source."""
        source = self.sources.get(source_id)
        return source.laboratory if source else source_id

    @cached_property
    def points_by_machine(self) -> dict[tuple[str, str, str], list[ThroughputPoint]]:
        """Measured rows by (the `runs_like` group of their model, gpu_id, engine_id)."""
        grouped: dict[tuple[str, str, str], list[ThroughputPoint]] = {}
        for point in self.points:
            model = self.models.get(point.model_id)
            group = model.runs_like if model else point.model_id
            grouped.setdefault((group, point.gpu_id, point.engine_id), []).append(point)
        return grouped

    @cached_property
    def memo(self) -> dict[str, Any]:
        """What later rooms work out once a catalog; a catalog with other rows starts anew."""
        return {}

    def points_on(self, runs_like: str, gpu_id: str, engine_id: str) -> list[ThroughputPoint]:
        """List the measured rows of a model group on a GPU with an engine."""
        return self.points_by_machine.get((runs_like, gpu_id, engine_id), [])


_BLOCK = re.compile(r"^(?=[A-Za-z0-9])", re.MULTILINE)
_RUNS_LIKE = re.compile(r"^  runs_like: *['\"]?([A-Za-z0-9._-]+)", re.MULTILINE)


def _shipped_model_blocks(text: str) -> dict[str, str]:
    """Split the shipped models.yaml at its ids, so that only the models asked for are parsed."""
    blocks = [block for block in _BLOCK.split(text) if ":" in block.split("\n", 1)[0]]
    return {block.split(":", 1)[0].strip("'\""): block for block in blocks}


def _select_models(
    blocks: dict[str, str], references: set[str], groups_asked: set[str]
) -> tuple[set[str], dict[str, str]]:
    """Find the ids asked for, by id or alias, and every id that runs like one of them or is of a group asked for."""
    groups = {name: (found.group(1) if (found := _RUNS_LIKE.search(block)) else name) for name, block in blocks.items()}
    wanted = {name for name in blocks if name in references}
    for reference in references - wanted:
        named = {name for name, block in blocks.items() if reference.lower() in block.lower()}
        wanted |= named or _named_loosely(blocks, reference)
    chosen = {groups[name] for name in wanted} | groups_asked
    return wanted, {name: group for name, group in groups.items() if group in chosen}


def _named_loosely(blocks: dict[str, str], reference: str) -> set[str]:
    """Find the ids that bear a name when marks of quantised copies and all but letters and digits are left out."""
    short = stem(reference)
    return {name for name, block in blocks.items() if any(stem(other) == short for other in names_in(block))}


def known_model_names() -> list[str]:
    """List the ids of all shipped models."""
    return list(_shipped_model_blocks((shipped_catalog_dir() / "models.yaml").read_text(encoding="utf-8")))


def _read_models(
    reader: TableReader, references: set[str] | None
) -> tuple[dict[str, LlmModel], set[str] | None, set[str]]:
    """Read the models asked for; return them, the ids whose measured rows are wanted (None: all), and all known ids."""
    shipped = reader.layers[0]
    text = reader.text(shipped, "models.yaml") if shipped.shipped else None
    if references is None or text is None:
        everything = reader.yaml_table("models.yaml", "models", LlmModel)
        return everything, None, set(everything)
    above = TableReader(reader.layers[1:])
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


NEVER_ANSWERS = (",check,", ",speculative,", ",disaggregated,")
"""Rows of these uses answer no question of a plan, so shipped rows that hold them are not even parsed to solve."""


def _answers(wanted: set[str]) -> Callable[[str], bool]:
    """Return whether a raw line is of a wanted model and may answer a question."""
    return lambda line: line.split(",", 1)[0] in wanted and not any(use in line for use in NEVER_ANSWERS)


def _read_points(reader: TableReader, wanted: set[str] | None) -> tuple[ThroughputPoint, ...]:
    points: dict[PointKey, list[ThroughputPoint]] = {}
    for layer in reader.layers:
        keep = _answers(wanted) if layer.shipped and wanted is not None else None
        fresh: dict[PointKey, list[ThroughputPoint]] = {}
        for file in layer.files:
            if not file.startswith("throughput/"):
                continue
            text = reader.text(layer, file)
            if text is None:
                continue
            for row in parse_rows(text, layer.shown(file), ThroughputPoint, reader.faults[layer.overlay], keep):
                fresh.setdefault(point_key(row), []).append(row)
        if layer.overlay:
            reader.from_overlay.setdefault("throughput", set()).update(fresh)
        points |= fresh
    return tuple(row for rows in points.values() for row in rows)


def _read_on_prem(reader: TableReader) -> tuple[OwnedAssumptions | None, dict[str, Site], dict[str, OwnedNode]]:
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


def _read_nodes(reader: TableReader, layer: Layer, listed: Any) -> dict[str, OwnedNode]:
    """Read the owned nodes of one layer."""
    faults = reader.faults[layer.overlay]
    nodes: dict[str, OwnedNode] = {}
    if listed is not None and not isinstance(listed, tuple):
        faults.append(Fault(layer.shown(ON_PREM), "nodes", shown(listed), "a list of owned nodes"))
        return nodes
    for index, facts in enumerate(listed or ()):
        node = reader.build(OwnedNode, facts, layer, ON_PREM, f"nodes.{index}")
        if node and node.offer_id in nodes:
            key, found = f"nodes.{index}.offer_id", f"{node.offer_id} twice"
            faults.append(Fault(layer.shown(ON_PREM), key, found, "each id once"))
        if node:
            nodes[node.offer_id] = node
    if layer.overlay:
        reader.from_overlay.setdefault("owned", set()).update(nodes)
    return nodes


def _assumptions(reader: TableReader, figures: dict[str, Any], stated_in: dict[str, Layer]) -> OwnedAssumptions | None:
    """Build the assumptions of all layers together; a fault is that of the layer which stated the figure."""
    if not figures:
        return None
    try:
        return OwnedAssumptions.model_validate(figures)
    except ValidationError as error:
        first = next(iter(stated_in.values()))
        for fault in faults_of(error, ON_PREM, OwnedAssumptions):
            layer = stated_in.get(fault.key.partition(".")[0], first)
            placed = replace(fault, file=layer.shown(ON_PREM), key=f"assumptions.{fault.key}")
            reader.faults[layer.overlay].append(placed)
        return None


def _mapping_or_fault(reader: TableReader, layer: Layer, key: str, value: Any) -> dict[str, Any]:
    if value is None or isinstance(value, dict):
        return value or {}
    reader.faults[layer.overlay].append(Fault(layer.shown(ON_PREM), key, shown(value), "a mapping of keys to values"))
    return {}


def _read_calibration(reader: TableReader) -> Calibration | None:
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
    layers = layers_of(catalog_dir, overlays)
    reader = TableReader(layers)
    models, wanted, known_models = _read_models(reader, None if references is None else set(references))
    assumptions, sites, owned = _read_on_prem(reader)
    precisions = with_eight_bit_caches(reader.yaml_table("precisions.yaml", "precisions", Precision))
    catalog = Catalog(
        gpus=reader.csv_table("gpus.csv", "gpus", Gpu, "gpu_id"),
        models=models,
        engines=engines_with_caches(reader.yaml_table("engines.yaml", "engines", Engine), precisions),
        precisions=precisions,
        offers=reader.csv_table("offers", "offers", RentedOffer, "offer_id"),
        owned=owned,
        owned_assumptions=assumptions,
        sites=sites,
        fx=reader.csv_table("fx.csv", "fx", FxRate, "currency"),
        capacities=reader.csv_table("capacities.csv", "capacities", CapacityRow, "service_id", "offer_id"),
        points=_read_points(reader, wanted),
        calibration=_read_calibration(reader),
        sha256=digest_of(layers),
        model_names=_names_of(models),
        from_overlay={table: frozenset(ids) for table, ids in reader.from_overlay.items()},
        overlays=tuple(layer.label for layer in layers[1:]),
        apis=reader.csv_table("apis", "apis", ApiPrice, "provider", "api_model"),
        products=reader.csv_table("products.csv", "products", Product, "gpu_id"),
        kin_weights=reader.csv_table("kin_weights.csv", "kin_weights", KinWeights, "runs_like", "quantity"),
        sources=reader.csv_table("sources.csv", "sources", Source, "source_id"),
    )
    if any(file in layer.files for layer in layers if not layer.shipped for file in SERVING_FILES):
        from optimizer.load.serving import read_serving

        read_serving(reader)  # a catalog that is named is validated whole
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
