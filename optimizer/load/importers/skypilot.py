"""SkyPilot's catalog: `<cloud>/vms.csv` of skypilot-org/skypilot-catalog, US dollars an hour of the whole instance."""

from __future__ import annotations

from optimizer.load.csv_files import plain_rows
from optimizer.load.importers.gpu_names import GpuNames
from optimizer.load.importers.offers import Collector, Import, Origin, Quote, named, need_columns, number

COLUMNS = ("InstanceType", "AcceleratorName", "AcceleratorCount", "Region", "Price")
"""Columns without which a row means nothing; SpotPrice and others may be absent."""


def read_skypilot(text: str, origin: Origin, names: GpuNames) -> Import:
    """Turn the rows of a file into offers on demand and spot.

    Raises:
        InputError: with every fault of the file.
    """
    header, rows = plain_rows(text, origin.label)
    need_columns(header, COLUMNS, origin.label, "a vms.csv of SkyPilot's catalog")
    collector = Collector(origin, names)
    for row in rows:
        cells = named(header, row)
        count = number(cells, "AcceleratorCount", row.place, origin.label, collector.faults)
        prices = {
            kind: number(cells, column, row.place, origin.label, collector.faults)
            for kind, column in (("on_demand", "Price"), ("spot", "SpotPrice")) if column in header
        }
        instance, gpu = cells["InstanceType"], cells["AcceleratorName"]
        if not gpu or not count:
            collector.leave_out(instance, "no GPU")
        elif not instance:
            collector.leave_out(gpu, "the price of GPUs without their host: no node")
        else:
            for kind, price in prices.items():
                collector.take(row.place, Quote(instance, cells["Region"], gpu, count, None, kind, price))
    return collector.result(len(rows))
