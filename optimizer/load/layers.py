"""The folders of a catalog: the shipped one or another in its place, and overlays above it."""

from __future__ import annotations

import difflib
import hashlib
import os
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from optimizer.errors import CatalogError, Fault, InputError
from optimizer.load.text import decode, read_bytes

CSV_TABLES = ("gpus.csv", "products.csv", "fx.csv", "capacities.csv", "kin_weights.csv", "sources.csv",
              "gpu_labels.csv", "sky_clouds.csv")
ON_PREM = "on_prem.yaml"
YAML_TABLES = ("models.yaml", "engines.yaml", "precisions.yaml", ON_PREM, "calibration.yaml", "serving.yaml",
               "companions.yaml")
SERVING_FILES = ("serving.yaml", "companions.yaml", "gpu_labels.csv", "sky_clouds.csv")
"""Read only by what starts engines, never to solve."""

FOLDERS = ("offers", "throughput", "apis")
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
                faults.append(Fault(self.shown(name), "", "a name that is not read",
                    f"{meant}{'/*.csv' if meant in FOLDERS else ''}"))
        return faults

    def shown(self, name: str) -> str:
        """Name a file of this layer the way a fault shows it."""
        return f"{self.label}/{name}"

    def text(self, name: str) -> str | None:
        """Return the text of a file, or None when the layer has none of that name."""
        raw = self.files.get(name)
        return None if raw is None else decode(raw, self.shown(name))


def shipped_catalog_dir() -> Path:
    """Return the folder of the shipped catalog: inside the wheel, or beside the package in a checkout."""
    inside = Path(__file__).resolve().parent.parent / "catalogs"
    return inside if inside.is_dir() else inside.parent.parent / "catalogs"


def layers_of(catalog_dir: Path | None, overlays: Iterable[Path]) -> list[Layer]:
    """List the folders from the lowest to the highest.

    Raises:
        CatalogError: the catalog is no folder, has no file that gpumix reads, or lacks a required one.
        InputError: the same of an overlay.
    """
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


def digest_of(layers: list[Layer]) -> str:
    """Return the SHA-256 of every file's name and bytes, layer by layer."""
    digest = hashlib.sha256()
    for layer in layers:
        for name, raw in layer.files.items():
            digest.update(f"{name}\0{len(raw)}\0".encode())
            digest.update(raw)
        digest.update(b"\1")
    return digest.hexdigest()
