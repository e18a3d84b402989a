"""Hosts and their GPUs priced apart, as SkyPilot's file of Google Cloud does: put together into whole instances."""

from __future__ import annotations

from dataclasses import dataclass, field

from optimizer.errors import Fault, InputError
from optimizer.load.csv_files import parse_rows
from optimizer.load.layers import shipped_catalog_dir
from optimizer.load.text import decode, read_bytes
from optimizer.schema.base import Count, Name
from optimizer.schema.sourced import Sourced

TABLE = "gpu_hosts.csv"

Prices = dict[str, float | None]
"""Kind -> US dollars an hour."""


class GpuHost(Sourced):
    """An instance type that comes with GPUs, which a price list names without them."""

    instance: Name
    gpu: Name
    """The price list's name of the GPU."""
    gpu_count: Count


def read_gpu_hosts() -> dict[str, GpuHost]:
    """Read the shipped table: instance type -> its GPUs.

    Raises:
        InputError: the table is broken.
    """
    faults: list[Fault] = []
    label = f"catalogs/{TABLE}"
    rows = parse_rows(decode(read_bytes(shipped_catalog_dir() / TABLE, label), label), label, GpuHost, faults)
    if faults:
        raise InputError(faults)
    return {row.instance: row for row in rows}


@dataclass
class Apart:
    """Hosts and GPUs of one file, by the place where both stand."""

    known: dict[str, GpuHost]
    hosts: dict[tuple[str, str], tuple[str, str, Prices]] = field(default_factory=dict)
    """(instance, zone) -> line, region, prices."""
    gpus: dict[tuple[str, float, str], Prices] = field(default_factory=dict)
    """(GPU, count, zone) -> prices."""

    def whole(self, instance: str, zone: str) -> Prices | None:
        """Add the prices of a host and of its GPUs in its zone, kind by kind; None: the file has no such GPUs there."""
        host = self.known[instance]
        gpus = self.gpus.get((host.gpu, host.gpu_count, zone))
        if gpus is None:
            return None
        _, _, prices = self.hosts[instance, zone]
        both = {kind: (prices.get(kind), usd) for kind, usd in gpus.items()}
        return {kind: one + other if one is not None and other else None for kind, (one, other) in both.items()}
