"""gpuhunt's catalog: `<provider>.csv` of dstackai/gpuhunt, US dollars an hour of the whole instance."""

from __future__ import annotations

from optimizer.errors import Fault
from optimizer.load.csv_files import plain_rows
from optimizer.load.faults import shown
from optimizer.load.importers.gpu_names import GpuNames
from optimizer.load.importers.offers import Collector, Import, Origin, Quote, named, need_columns, number

COLUMNS = ("instance_name", "location", "price", "gpu_count", "gpu_name", "gpu_memory", "spot")


def read_gpuhunt(text: str, origin: Origin, names: GpuNames) -> Import:
    """Turn the rows of a file into offers on demand or spot, as each row says.

    Raises:
        InputError: with every fault of the file.
    """
    header, rows = plain_rows(text, origin.label)
    need_columns(header, COLUMNS, origin.label, "a file of gpuhunt's catalog")
    collector = Collector(origin, names)
    for row in rows:
        cells = named(header, row)
        count, memory, price = (
            number(cells, column, row.place, origin.label, collector.faults)
            for column in ("gpu_count", "gpu_memory", "price"))
        spot = {"true": True, "false": False}.get(cells["spot"].lower())
        if spot is None:
            collector.faults.append(
                Fault(origin.label, f"{row.place}, spot", shown(cells["spot"]), "True or False"))
        if not count or not cells["gpu_name"]:
            collector.leave_out(cells["instance_name"], "no GPU")
        else:
            collector.take(row.place, Quote(
                cells["instance_name"] or f"{count:g}x-{cells['gpu_name']}", cells["location"] or "unknown",
                cells["gpu_name"], count, memory, "spot" if spot else "on_demand", price))
    return collector.result(len(rows))
