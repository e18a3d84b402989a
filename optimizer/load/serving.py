"""How engines are started and watched as containers: read only by what needs it, never to solve."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from optimizer.errors import Fault
from optimizer.load.csv_files import parse_rows
from optimizer.load.importers.gpu_names import TABLE, GpuName
from optimizer.load.layers import Layer, layers_of, shipped_catalog_dir
from optimizer.load.tables import TableReader
from optimizer.load.text import decode, read_bytes
from optimizer.schema.serving import Companion, GpuLabel, Serving, SkyCloud

COMPANIONS = ("load_balancer", "prometheus", "grafana", "alertmanager")


@dataclass(frozen=True)
class ServingFacts:
    """Facts of containers."""

    engines: dict[str, Serving]
    """By engine id."""
    companions: dict[str, Companion]
    """By role: load_balancer, prometheus, grafana."""
    gpu_labels: dict[str, GpuLabel] = field(default_factory=dict)
    """By GPU id."""
    sky_clouds: dict[str, SkyCloud] = field(default_factory=dict)
    """By provider."""
    sky_names: tuple[GpuName, ...] = ()
    """SkyPilot's names of GPUs."""

    def accelerators(self, gpu_id: str, provider: str) -> tuple[str, ...]:
        """List SkyPilot's names of a GPU at a provider.

        Those that say the provider come alone; where none is known of the provider, those of others.
        """
        everywhere = [row for row in self.sky_names if row.gpu_id == gpu_id]
        rows = [row for row in everywhere if row.provider in ("", provider)]
        own = [row for row in rows if row.provider]
        return tuple(dict.fromkeys(row.name for row in own or rows or everywhere))


def read_serving(reader: TableReader) -> ServingFacts:
    """Read the facts of containers from all layers of a reader, faults noted there."""
    companions = reader.yaml_table("companions.yaml", "companions", Companion)
    for role in sorted(set(companions) - set(COMPANIONS)):
        overlaid = role in reader.from_overlay.get("companions", ())
        reader.faults[overlaid].append(Fault("companions.yaml", role, "an unknown key", ", ".join(COMPANIONS)))
    return ServingFacts(
        engines=reader.yaml_table("serving.yaml", "serving", Serving),
        companions=companions,
        gpu_labels=reader.csv_table("gpu_labels.csv", "gpu_labels", GpuLabel, "gpu_id"),
        sky_clouds=reader.csv_table("sky_clouds.csv", "sky_clouds", SkyCloud, "provider"),
        sky_names=sky_names(),
    )


def sky_names() -> tuple[GpuName, ...]:
    """Read SkyPilot's names of GPUs from the shipped table of foreign names."""
    label = f"catalogs/{TABLE}"
    text = decode(read_bytes(shipped_catalog_dir() / TABLE, label), label)
    return tuple(row for row in parse_rows(text, label, GpuName, []) if "skypilot" in row.source_url)


def load_serving(catalog_dir: Path | None = None, overlays: Iterable[Path] = ()) -> ServingFacts:
    """Read the facts of containers: the shipped ones, with those of a catalog in its place and of overlays above.

    A catalog in place of the shipped one states no containers where it needs none, so the shipped facts lie under it.

    Raises:
        CatalogError: the shipped catalog or `catalog_dir` is broken.
        InputError: an overlay is broken.
    """
    layers = layers_of(catalog_dir, overlays)
    if catalog_dir is not None:
        layers.insert(0, Layer(shipped_catalog_dir(), "catalogs", shipped=True, overlay=False))
    reader = TableReader(layers)
    facts = read_serving(reader)
    reader.raise_faults()
    return facts
