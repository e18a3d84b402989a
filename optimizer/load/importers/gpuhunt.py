"""gpuhunt's catalog: `<provider>.csv` of dstackai/gpuhunt, US dollars an hour of the whole instance."""

from __future__ import annotations

from optimizer.load.faults import shown
from optimizer.load.importers.foreign_table import foreign_rows
from optimizer.load.importers.gpu_names import GpuNames
from optimizer.load.importers.offers import Collector, Import, Origin, Quote

COLUMNS = ("instance_name", "location", "price", "gpu_count", "gpu_name", "gpu_memory", "spot")


def read_gpuhunt(text: str, origin: Origin, names: GpuNames) -> Import:
    """Turn the rows of a file into offers on demand or spot; a row that is none is left out with its reason.

    Raises:
        InputError: the file lacks a column.
    """
    collector = Collector(origin, names)
    rows = 0
    for row in foreign_rows(text, COLUMNS, origin.label, "a file of gpuhunt's catalog"):
        rows += 1
        count, memory, price = row.number("gpu_count"), row.number("gpu_memory"), row.number("price")
        instance, gpu = row.cells.get("instance_name", ""), row.cells.get("gpu_name", "")
        spot = {"true": True, "false": False}.get(row.cells.get("spot", "").lower())
        if spot is None and not row.fault:
            row.fault = f"spot {shown(row.cells['spot'])} is neither True nor False"
        if collector.broken(row, instance):
            continue
        if not count or not gpu:
            collector.leave_out(instance, "no GPU")
        else:
            collector.take(row.place, Quote(
                instance or f"{count:g}x-{gpu}", row.cells["location"] or "unknown", gpu, count,
                () if memory is None else (memory,), "spot" if spot else "on_demand", price))
    return collector.result(rows)
