"""Locust's _stats.csv: usable only where the script fired events named TTFT and TPOT, in milliseconds.

https://docs.locust.io/en/stable/retrieving-stats.html: means are exact, percentiles are rounded to two digits.
"""

from __future__ import annotations

import csv
import io

from optimizer.errors import Fault
from optimizer.load.faults import shown
from optimizer.loadtest.document import Document
from optimizer.loadtest.level import FoundLevel, Latency

TOOL = "Locust statistics"

HEAD = "Type,Name,Request Count,Failure Count,Median Response Time,Average Response Time,"

COUNT, FAILURES, MEAN, RATE = "Request Count", "Failure Count", "Average Response Time", "Requests/s"


def recognises(document: Document) -> bool:
    """Say whether the text begins with the statistics' head."""
    return document.text.lstrip("\ufeff\r\n ").startswith(HEAD)


def _number(row: dict[str, str], column: str, document: Document, faults: list[Fault]) -> float | None:
    try:
        value = float(row.get(column) or "")
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        key = f"{row.get('Type')} {row.get('Name')}.{column}"
        faults.append(Fault(document.label, key, shown(row.get(column)), "a number of 0 or more"))
        return None
    return value


def read(document: Document, faults: list[Fault]) -> list[FoundLevel]:
    """Read the level whose TTFT and TPOT stand as events; the aggregated row mixes events and means nothing."""
    rows = [row for row in csv.DictReader(io.StringIO(document.text.lstrip("\ufeff"), newline="")) if row.get("Name")]
    by_type: dict[str, list[dict[str, str]]] = {}
    for row in rows:
        by_type.setdefault(row.get("Type") or "", []).append(row)
    ttft, tpot = by_type.get("TTFT", []), by_type.get("TPOT", [])
    if len(ttft) != 1 or len(tpot) != 1:
        allowed = "one event TTFT and one event TPOT in ms; else import the raw records: a response time is no TTFT"
        faults.append(Fault(document.label, "Type", f"{len(ttft)} rows TTFT, {len(tpot)} rows TPOT", allowed))
        return []
    count = _number(tpot[0], COUNT, document, faults)
    failed = sum(_number(row, FAILURES, document, faults) or 0 for row in rows if row.get("Type") in ("POST", "GET"))
    return [FoundLevel(
        tool=TOOL, place="", arrival="closed", users=None, isl_tokens=None, osl_tokens=None,
        ttft=Latency(_number(ttft[0], MEAN, document, faults)), tpot=Latency(_number(tpot[0], MEAN, document, faults)),
        requests_per_s=_number(tpot[0], RATE, document, faults), completed=None if count is None else round(count),
        failed=round(failed),
        conversions=("means are taken: percentiles of these statistics are rounded to two digits",
                     "the events TTFT and TPOT are taken as milliseconds, TPOT without the first token"),
    )]
