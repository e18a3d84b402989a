"""genai-perf's profile_export_genai_perf.csv: a block of latencies and one of rates.

https://github.com/triton-inference-server/perf_analyzer/tree/main/genai-perf
"""

from __future__ import annotations

import csv
import io
import re

from optimizer.errors import Fault
from optimizer.load.faults import shown
from optimizer.loadtest.document import Document
from optimizer.loadtest.formats.aiperf import MILLISECONDS
from optimizer.loadtest.level import FoundLevel, Latency

TOOL = "genai-perf"

LABEL = re.compile(r"(?P<name>.*?)(?: \((?P<unit>[^)]*)\))?\Z")


def recognises(document: Document) -> bool:
    """Say whether the text begins with the head of the block of latencies."""
    return document.text.lstrip("\ufeff\r\n ").startswith("Metric,avg,min,max,p99,")


def _blocks(document: Document) -> tuple[dict[str, dict[str, str]], dict[str, str], dict[str, str]]:
    """Return latencies by metric, rates by metric, and the unit of each metric."""
    latencies: dict[str, dict[str, str]] = {}
    rates: dict[str, str] = {}
    units: dict[str, str] = {}
    head: list[str] = []
    for cells in csv.reader(io.StringIO(document.text.lstrip("\ufeff"), newline="")):
        if not cells or not cells[0].strip():
            continue
        if cells[0] == "Metric":
            head = cells
            continue
        label = LABEL.match(cells[0].strip())
        name = label["name"] if label else cells[0]
        units[name] = (label["unit"] if label else None) or ""
        if head[1:2] == ["Value"]:
            rates[name] = cells[1] if len(cells) > 1 else ""
        else:
            latencies[name] = dict(zip(head[1:], cells[1:], strict=False))
    return latencies, rates, units


class _Cells:
    """Reads cells as numbers, and notes those that are none."""

    def __init__(self, document: Document, faults: list[Fault]) -> None:
        self.latencies, self.rates, self.units = _blocks(document)
        self.label, self.faults = document.label, faults

    def number(self, place: str, cell: str | None) -> float | None:
        """Read a cell, thousands separators and all; an empty one or N/A is nothing."""
        if cell is None or cell.strip() in ("", "N/A"):
            return None
        try:
            value = float(cell.replace(",", ""))
        except ValueError:
            value = -1.0
        if not 0 <= value < float("inf"):
            self.faults.append(Fault(self.label, place, shown(cell), "a number of 0 or more"))
            return None
        return value

    def latency(self, name: str) -> Latency:
        """Return a metric in milliseconds; early versions print nanoseconds."""
        row, unit = self.latencies.get(name), self.units.get(name, "ms")
        if row is None:
            self.faults.append(Fault(self.label, name, "no such row", "a row with this metric (run with --streaming)"))
            return Latency()
        if unit not in MILLISECONDS:
            self.faults.append(Fault(self.label, name, f"the unit {shown(unit)}", ", ".join(MILLISECONDS)))
        columns = ("avg", "p50", "p90", "p99")
        figures = Latency(*(self.number(f"{name}.{column}", row.get(column)) for column in columns))
        return figures.times(MILLISECONDS.get(unit, 1.0))

    def mean(self, name: str) -> float | None:
        """Return the mean of a row of lengths."""
        row = self.latencies.get(name)
        if row is None:
            self.faults.append(Fault(self.label, name, "no such row", "a row with this metric"))
        return None if row is None else self.number(name, row.get("avg"))


def read(document: Document, faults: list[Fault]) -> list[FoundLevel]:
    """Read the one level."""
    cells = _Cells(document, faults)
    count = cells.number("Request Count", cells.rates.get("Request Count"))
    said = ["inter-token latency per request is taken as TPOT: it leaves the first token out"]
    unit = cells.units.get("Inter Token Latency", "ms")
    if unit != "ms":
        said.append(f"latencies converted from {unit} to ms")
    return [FoundLevel(
        tool=TOOL, place="", arrival="closed", users=None,
        isl_tokens=cells.mean("Input Sequence Length"), osl_tokens=cells.mean("Output Sequence Length"),
        ttft=cells.latency("Time To First Token"), tpot=cells.latency("Inter Token Latency"),
        output_tokens_per_s=cells.number("Output Token Throughput", cells.rates.get("Output Token Throughput")),
        requests_per_s=cells.number("Request Throughput", cells.rates.get("Request Throughput")),
        e2e_ms=cells.latency("Request Latency").mean if "Request Latency" in cells.latencies else None,
        completed=None if count is None else round(count), conversions=tuple(said),
    )]
