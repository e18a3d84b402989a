"""Which of our GPUs a foreign name means: a table of names first, then ids and aliases of the GPUs themselves."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path

from optimizer.errors import Fault, InputError
from optimizer.load.csv_files import parse_rows
from optimizer.load.layers import shipped_catalog_dir
from optimizer.load.text import decode, read_bytes
from optimizer.schema.base import Name, Positive
from optimizer.schema.catalog import Gpu
from optimizer.schema.sourced import Sourced

TABLE = "gpu_names.csv"
MEMORY_TOLERANCE = 0.1
"""GB, GiB and rounding differ by less; two sizes of one GPU by more."""


class GpuName(Sourced):
    """One foreign name of a GPU, under the conditions that are given."""

    name: Name
    provider: str = ""
    """Only of this provider."""
    instance: str = ""
    """Only of instance types like this (`*` stands for any text)."""
    memory_gib: Positive | None = None
    """Only where the file states about this memory."""
    gpu_id: str = ""
    """Empty: known, and none of ours (`notes` says why)."""


def plain(name: str) -> str:
    """Reduce a name to what two spellings of it share.

    >>> plain("NVIDIA A100-SXM4-80GB"), plain("RTX_4090")
    ('a100sxm480gb', 'rtx4090')
    """
    return re.sub(r"[^a-z0-9]", "", re.sub(r"nvidia|geforce|tesla", "", name.lower()))


@dataclass(frozen=True)
class GpuNames:
    """Names to find GPUs by."""

    rows: tuple[GpuName, ...]
    gpus: Mapping[str, Gpu]

    def find_any(self, name: str, provider: str, instance: str, memories: Sequence[float]) -> tuple[str, str]:
        """Return what `find` does under the first memory that fits; several where a file may mean any of them."""
        found = [self.find(name, provider, instance, memory) for memory in memories or (None,)]
        return next((one for one in found if one[0]), found[0])

    @cached_property
    def _by_name(self) -> dict[str, list[GpuName]]:
        found: dict[str, list[GpuName]] = {}
        for row in self.rows:
            found.setdefault(plain(row.name), []).append(row)
        return found

    @cached_property
    def _called(self) -> dict[str, list[Gpu]]:
        """GPUs by id, name and alias, reduced."""
        found: dict[str, list[Gpu]] = {}
        for gpu in self.gpus.values():
            names = {plain(one) for one in (gpu.gpu_id, gpu.name, *gpu.aliases.split(";"))}
            for one in names - {""}:
                found.setdefault(one, []).append(gpu)
        return found

    def find(self, name: str, provider: str, instance: str, memory_gib: float | None) -> tuple[str, str]:
        """Return (GPU id, "") or ("", why it is none of ours)."""
        stated = [row for row in self._by_name.get(plain(name), ()) if _holds(row, provider, instance, memory_gib)]
        if stated:
            most = max(map(_conditions, stated))
            meant = {row.gpu_id: row for row in stated if _conditions(row) == most}
            if len(meant) > 1:
                return "", f"the name {name} means several GPUs: {', '.join(sorted(meant))}"
            ((gpu_id, row),) = meant.items()
            gpu = self.gpus.get(gpu_id)
            if gpu is None:
                return "", row.notes or f"{gpu_id} is no GPU of gpus.csv"
            if memory_gib is not None and not _about(memory_gib, gpu.memory_gib):
                return "", f"{name} with {memory_gib:g} GB: {gpu_id} has {gpu.memory_gib:g}"
            return gpu_id, ""
        called = self._called.get(plain(name), ())
        found = sorted(gpu.gpu_id for gpu in called if memory_gib is None or _about(memory_gib, gpu.memory_gib))
        if len(found) == 1:
            return found[0], ""
        if found:
            return "", f"the name {name} means several GPUs: {', '.join(found)}"
        if called:
            sizes = ", ".join(f"{gpu.gpu_id} has {gpu.memory_gib:g}" for gpu in called)
            return "", f"{name} with {memory_gib:g} GB: {sizes}"
        return self._by_parts(name, provider, instance, memory_gib)

    def _by_parts(self, name: str, provider: str, instance: str, memory_gib: float | None) -> tuple[str, str]:
        """Find a GPU by the parts of a name that no table has as it stands: model, form, memory.

        `H100_PCIE_BAREMETAL` is an H100 on PCIe, `A100-80G-PCIe-NVLink` an A100 with 80 GB on PCIe,
        `A100-80GB-320GB` an A100 with 80 GB of a node with 320.
        """
        parts = NameParts.of(name)
        memory = memory_gib if memory_gib is not None else parts.memory_gib
        alike = [
            gpu for gpu in self.gpus.values()
            if parts.model in _models_of(gpu) and (not parts.form or gpu_form(gpu) == parts.form)
        ]
        fit = sorted(gpu.gpu_id for gpu in alike if memory is None or _about(memory, gpu.memory_gib))
        if len(fit) == 1:
            return fit[0], ""
        if alike and not fit:
            sizes = ", ".join(f"{gpu.gpu_id} has {gpu.memory_gib:g}" for gpu in alike)
            return "", f"{name} with {memory:g} GB: {sizes}"
        shorter = parts.plain()
        if plain(shorter) != plain(name):
            gpu_id, reason = self.find(shorter, provider, instance, memory)
            if gpu_id or shorter != parts.model:
                return gpu_id, reason if "called" not in reason else f"no GPU of the catalog is called {name}"
        if fit:
            return "", f"the name {name} means several GPUs: {', '.join(fit)}"
        return "", f"no GPU of the catalog is called {name}"


FORMS = {
    "sxm": "sxm", "sxm2": "sxm", "sxm3": "sxm", "sxm4": "sxm", "sxm5": "sxm", "sxm6": "sxm", "hgx": "sxm",
    "pcie": "pcie", "pcle": "pcie", "nvl": "nvl", "oam": "oam",
}
"""Part of a name -> the form of the GPU."""

SAY_NOTHING = frozenset(
    ("nvidia", "amd", "tesla", "geforce", "instinct", "nvlink", "baremetal", "bare", "metal", "gpu", "ac", "hbm2",
     "hbm2e", "hbm3", "hbm3e", "ib", "dgx"))
"""Parts of a name that tell no two GPUs apart: makers, bridges, hosts."""

_MEMORY_PART = re.compile(r"([0-9]+)(?:g|gb|gib)")


@dataclass(frozen=True)
class NameParts:
    """A foreign name taken apart.

    >>> NameParts.of("H100_PCIE_BAREMETAL"), NameParts.of("A100-80G-PCIe-NVLink").plain()
    (NameParts(model='h100', form='pcie', memory_gib=None), 'a100-80gb-pcie')
    """

    model: str
    """`h100`, `rtx6000ada`: letters and digits, without form and memory."""
    form: str
    memory_gib: float | None
    """The smallest that the name states: of one GPU, where that of the node stands beside it."""

    @classmethod
    def of(cls, name: str) -> NameParts:
        """Take a name apart."""
        model, form, memories = "", "", []
        for part in re.findall(r"[a-z0-9]+", name.lower()):
            size = _MEMORY_PART.fullmatch(part)
            if size:
                memories.append(float(size.group(1)))
            elif part in FORMS:
                form = form or FORMS[part]
            elif part not in SAY_NOTHING:
                model += part
        return cls(model, form, min(memories) if memories else None)

    def plain(self) -> str:
        """Write the parts as a name in one spelling."""
        size = f"{self.memory_gib:g}gb" if self.memory_gib else ""
        return "-".join(part for part in (self.model, size, self.form) if part)


def gpu_form(gpu: Gpu) -> str:
    """Return the form of one of our GPUs as names write it: H100 NVL is a pair of PCIe cards, called `nvl`."""
    return "nvl" if "-nvl-" in gpu.gpu_id else gpu.form_factor


def _models_of(gpu: Gpu) -> frozenset[str]:
    """Return what the parts of a GPU's id and name call its model."""
    names = (gpu.gpu_id, gpu.name, *gpu.aliases.split(";"))
    return frozenset(NameParts.of(name).model for name in names) - {""}


def _about(one: float, other: float) -> bool:
    return abs(one - other) <= MEMORY_TOLERANCE * other


def _conditions(row: GpuName) -> int:
    return bool(row.provider) + bool(row.instance) + (row.memory_gib is not None)


def _holds(row: GpuName, provider: str, instance: str, memory_gib: float | None) -> bool:
    """Say whether a row's conditions hold."""
    if row.memory_gib is not None and (memory_gib is None or not _about(memory_gib, row.memory_gib)):
        return False
    known = not row.instance or fnmatchcase(instance.lower(), row.instance.lower())
    return known and row.provider in ("", provider)


def read_gpu_names(gpus: Mapping[str, Gpu], own: Path | None = None) -> GpuNames:
    """Read the shipped table; the rows of an own one take the place of those of the same name.

    Raises:
        InputError: with every fault of the own table.
    """
    rows = _rows(shipped_catalog_dir() / TABLE, f"catalogs/{TABLE}")
    if own is not None:
        mine = _rows(own, str(own))
        taken = {plain(row.name) for row in mine}
        rows = [*mine, *(row for row in rows if plain(row.name) not in taken)]
    return GpuNames(tuple(rows), gpus)


def _rows(path: Path, label: str) -> list[GpuName]:
    faults: list[Fault] = []
    rows = parse_rows(decode(read_bytes(path, label), label), label, GpuName, faults)
    if faults:
        raise InputError(faults)
    return rows
