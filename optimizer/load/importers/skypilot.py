"""SkyPilot's catalog: `<cloud>/vms.csv` of skypilot-org/skypilot-catalog, US dollars an hour of the whole instance."""

from __future__ import annotations

import re

from optimizer.load.importers.apart import Apart, Prices, read_gpu_hosts
from optimizer.load.importers.foreign_table import ForeignRow, foreign_rows
from optimizer.load.importers.gpu_names import GpuNames
from optimizer.load.importers.offers import Collector, Import, Origin, Quote

COLUMNS = ("InstanceType", "AcceleratorName", "AcceleratorCount", "Region", "Price")
"""Columns without which a row means nothing; SpotPrice and others may be absent."""

MEMORY = re.compile(r"SizeInMiB\W+([0-9]+)")
"""The memory in `GpuInfo`, which some files write as Python, others as JSON."""

MIB_PER_GIB = 1024


def read_skypilot(text: str, origin: Origin, names: GpuNames) -> Import:
    """Turn the rows of a file into offers on demand and spot; a row that is none is left out with its reason.

    Raises:
        InputError: the file lacks a column.
    """
    collector, apart = Collector(origin, names), Apart(read_gpu_hosts())
    rows = 0
    for row in foreign_rows(text, COLUMNS, origin.label, "a vms.csv of SkyPilot's catalog"):
        rows += 1
        instance, gpu = row.cells.get("InstanceType", ""), row.cells.get("AcceleratorName", "")
        count = row.number("AcceleratorCount")
        prices = {
            kind: row.number(column)
            for kind, column in (("on_demand", "Price"), ("spot", "SpotPrice")) if column in row.cells
        }
        if collector.broken(row, instance):
            continue
        zone = row.cells.get("AvailabilityZone") or row.cells["Region"]
        if instance in apart.known and not gpu:
            apart.hosts.setdefault((instance, zone), (row.place, row.cells["Region"], prices))
        elif gpu and count and not instance:
            apart.gpus.setdefault((gpu, count, zone), prices)
        elif not gpu or not count:
            collector.leave_out(instance, "no GPU")
        else:
            _take(collector, row.place, instance, row.cells["Region"], gpu, count, memory_gib(row, count), prices)
    _put_together(collector, apart)
    return collector.result(rows)


def _take(
    collector: Collector, place: str, instance: str, region: str, gpu: str, count: float,
    memory: tuple[float, ...], prices: Prices,
) -> None:
    """Take both prices of an instance; a spot price that is not stated is none left out."""
    for kind, price in prices.items():
        if price or kind == "on_demand":
            collector.take(place, Quote(instance, region, gpu, count, memory, kind, price))


def _put_together(collector: Collector, apart: Apart) -> None:
    """Take hosts with the GPUs that are priced apart from them, and leave out what finds no partner."""
    used = set()
    for (instance, zone), (place, region, _) in apart.hosts.items():
        host, prices = apart.known[instance], apart.whole(instance, zone)
        if prices is None:
            collector.leave_out(f"{instance} in {zone}", f"no price of its GPUs ({host.gpu_count} x {host.gpu}) there")
        else:
            used.add((host.gpu, host.gpu_count, zone))
            _take(collector, place, instance, region, host.gpu, host.gpu_count, (), prices)
    for gpu, count, zone in sorted(set(apart.gpus) - used):
        collector.leave_out(f"{count:g} x {gpu} in {zone}", "the price of GPUs without their host: no node")


def memory_gib(row: ForeignRow, count: float) -> tuple[float, ...]:
    """Return what `GpuInfo` may say of one GPU's memory, in GiB.

    The figure is MiB of one GPU in most files, of all GPUs in older ones, and GiB in the broker Shadeform's.
    """
    found = MEMORY.search(row.cells.get("GpuInfo", ""))
    if found is None:
        return ()
    figure = float(found.group(1))
    one = figure if figure < MIB_PER_GIB else figure / MIB_PER_GIB
    return (one, one / count) if count > 1 else (one,)
