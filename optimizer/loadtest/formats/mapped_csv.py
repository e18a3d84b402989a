"""Any CSV, or JSON of flat mappings, whose columns the user names: `--map COLUMN=FIELD`."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any

from optimizer.errors import Fault, InputError
from optimizer.load.references import among
from optimizer.loadtest.document import Document, Facts
from optimizer.loadtest.level import FoundLevel, Latency, Stated

TOOL = "mapped columns"

LATENCIES = {f"{name}_{column}{unit}" if column != "mean" else f"{name}{unit}": (name, column, factor)
             for name in ("ttft", "tpot") for column in ("mean", "p50", "p90", "p99")
             for unit, factor in (("_ms", 1.0), ("_s", 1000.0))}
"""Field -> (latency, statistic, what makes milliseconds of it); TPOT leaves the first token out."""

NUMBERS = ("concurrency", "isl_tokens", "osl_tokens", "output_tokens_per_s", "requests_per_s", "completed", "failed",
           "e2e_ms", "e2e_s", "tokens_per_s_per_user", "request_rate", "gpu_count", "tp_size")

TEXTS = ("model", "engine", "engine_version", "gpu", "layout", "precision", "day")

FIELDS = (*NUMBERS, *LATENCIES, *TEXTS)


def mapping_of(given: Sequence[str]) -> dict[str, str]:
    """Read `COLUMN=FIELD` options into field -> column.

    Raises:
        InputError: one names no field, or a field twice.

    >>> mapping_of(["avg TTFT (s)=ttft_s", "users=concurrency"])
    {'ttft_s': 'avg TTFT (s)', 'concurrency': 'users'}
    """
    found: dict[str, str] = {}
    faults = []
    for text in given:
        column, _, name = text.rpartition("=")
        if not column or name not in FIELDS:
            faults.append(Fault("options", "--map", repr(text), f"COLUMN=FIELD, with a field of {', '.join(FIELDS)}"))
        elif name in found:
            faults.append(Fault("options", "--map", repr(text), f"one column for {name}"))
        else:
            found[name] = column
    if faults:
        raise InputError(faults)
    return found


def _figure(cell: str | None) -> Any:
    """Read a cell: nothing, a number with or without thousands separators, else its text."""
    text = (cell or "").strip()
    try:
        return float(text.replace(",", "")) if text else None
    except ValueError:
        return text


def read_mapped(document: Document, columns: Mapping[str, str], faults: list[Fault]) -> list[FoundLevel]:
    """Read one level a row.

    Args:
        columns: field -> column.
        faults: what is wrong is appended.
    """
    rows: list[dict[str, Any]] = list(document.objects)
    if not rows and document.whole is None:
        text = document.text.lstrip("\ufeff\r\n ")
        head = text.partition("\n")[0]
        delimiter = max(",;\t", key=head.count)
        rows = [{key.strip(): _figure(cell if isinstance(cell, str) else None) for key, cell in row.items() if key}
                for row in csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter)]
    known = list(dict.fromkeys(key for row in rows for key in row))
    for name, column in columns.items():
        if column not in known:
            allowed = among(column, known, "the file's columns")
            faults.append(Fault(document.label, "--map", f"{column}={name}", allowed))
    if faults:
        return []
    return [_level(Facts({name: row.get(column) for name, column in columns.items()}, document.label, f"row {number}",
                         faults)) for number, row in enumerate(rows, 1)]


def _latency(facts: Facts, name: str) -> Latency:
    figures: dict[str, float | None] = {}
    for field, (latency, column, factor) in LATENCIES.items():
        value = facts.number(field) if latency == name else None
        if value is not None:
            figures[column] = factor * value
    return Latency(**figures)


def _level(facts: Facts) -> FoundLevel:
    """Read one row."""
    tpot, speed = _latency(facts, "tpot"), facts.number("tokens_per_s_per_user")
    said = ["columns as named by --map; TPOT is taken to leave the first token out"]
    if tpot.mean is None and speed:
        tpot = Latency(1000 / speed)
        said.append("TPOT is 1000 / tokens/s a user")
    e2e, rate = facts.number("e2e_ms"), facts.rate("request_rate")
    seconds = facts.number("e2e_s")
    texts: dict[str, Any] = {name: None if facts.raw(name) is None else str(facts.raw(name)) for name in TEXTS}
    unlimited = rate is None or rate == float("inf")
    return FoundLevel(
        tool=TOOL, place=facts.place, arrival="closed" if unlimited else "open", users=facts.number("concurrency"),
        isl_tokens=facts.number("isl_tokens"), osl_tokens=facts.number("osl_tokens"), ttft=_latency(facts, "ttft"),
        tpot=tpot, output_tokens_per_s=facts.number("output_tokens_per_s"),
        requests_per_s=facts.number("requests_per_s"), asked_rps=None if unlimited else rate,
        e2e_ms=1000 * seconds if e2e is None and seconds is not None else e2e, completed=facts.count("completed"),
        failed=facts.count("failed") or 0,
        stated=Stated(**texts, gpu_count=facts.count("gpu_count"), tp_size=facts.count("tp_size")),
        conversions=tuple(said))
