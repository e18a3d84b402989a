"""Levels as measured rows of a user catalog: written once, appended, never in place of another row."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from statistics import median

from pydantic import ValidationError

from optimizer.errors import Fault, InputError
from optimizer.load.csv_files import columns_of, parse_rows
from optimizer.load.faults import faults_of
from optimizer.loadtest.level import FoundLevel
from optimizer.loadtest.setup import SetUp
from optimizer.schema.catalog import ThroughputPoint

SAME_LENGTH = 0.05
"""Mean lengths of the levels of one test differ by chance: within this they are one curve's."""

HASH_SHOWN = 16
"""Characters of a file's SHA-256 in a row's source: enough to know the file again."""


def columns() -> list[str]:
    """List the columns of an own file: those of the table."""
    return columns_of(ThroughputPoint)


def source_of(name: str, digest: str) -> str:
    """Name the source of a row: the file and its hash."""
    return f"{name.replace(';', ',')} sha256:{digest[:HASH_SHOWN]}"


def _facts(level: FoundLevel, set_up: SetUp, source_id: str, source: str) -> dict[str, object]:
    isl, osl = set_up.isl_tokens or level.isl_tokens, set_up.osl_tokens or level.osl_tokens
    tokens_per_s = level.output_tokens_per_s
    return {
        "model_id": set_up.model, "precision": set_up.precision, "kv_precision": set_up.kv_precision,
        "gpu_id": set_up.gpu, "gpu_count": set_up.gpu_count, "tp_size": set_up.tp_size, "layout": set_up.layout,
        "engine_id": set_up.engine, "engine_version": set_up.engine_version or "",
        "isl_tokens": isl and max(1, round(isl)), "osl_tokens": osl and max(1, round(osl)),
        "concurrency": set_up.concurrency, "ttft_ms": _ms(level.ttft.mean), "tpot_ms": _ms(level.tpot.mean),
        "output_tokens_per_s": None if not tokens_per_s else round(tokens_per_s, 3),
        "ttft_p50_ms": _ms(level.ttft.p50), "ttft_p90_ms": _ms(level.ttft.p90),
        "tpot_p50_ms": _ms(level.tpot.p50), "tpot_p90_ms": _ms(level.tpot.p90),
        "ttft_error_fraction": _share(level.ttft.error_fraction),
        "tpot_error_fraction": _share(level.tpot.error_fraction),
        "use": "curve" if level.arrival == "closed" and not level.prefix_cached_fraction else "check",
        "statistic": level.statistic, "closed_loop": level.arrival == "closed", "source_id": source_id,
        "confidence": "low" if level.doubts else "high",
        "source_url": source, "as_of": set_up.day, "notes": _notes(level),
    }


def _ms(value: float | None) -> float | None:
    """Round to a tenth of a microsecond; 0 is nothing that was measured."""
    return round(value, 4) or None if value is not None else None


def _share(value: float | None) -> float | None:
    return None if value is None else round(value, 5)


def _notes(level: FoundLevel) -> str:
    """Write down tool, requests and exact lengths."""
    parts = [level.tool + (f", {level.place}" if level.place else "")]
    if level.completed is not None:
        parts.append(f"{level.completed} requests, {level.failed} failed")
    if level.isl_tokens is not None and level.osl_tokens is not None:
        parts.append(f"mean lengths {level.isl_tokens:.1f} and {level.osl_tokens:.1f} tokens")
    if level.prefix_cached_fraction:
        parts.append(f"{level.prefix_cached_fraction:.0%} of every prompt from the prefix cache")
    if level.arrival != "closed":
        parts.append({"open": "open loop", "batch": "synthetic batch"}.get(level.arrival, level.arrival))
    return ", ".join(parts)


def row_of(level: FoundLevel, set_up: SetUp, source_id: str, source: str, label: str) -> ThroughputPoint:
    """Make the row of a level.

    Raises:
        InputError: the figures make no row, with every fault.
    """
    facts = _facts(level, set_up, source_id, source)
    try:
        return ThroughputPoint.model_validate({key: value for key, value in facts.items() if value is not None})
    except ValidationError as error:
        raise InputError(faults_of(error, label, ThroughputPoint, level.place)) from None


def _curve(row: ThroughputPoint) -> tuple[object, ...]:
    """Return what levels of one curve share beside their lengths."""
    return (row.model_id, row.precision, row.kv_precision, row.gpu_id, row.gpu_count, row.tp_size, row.layout_name,
            row.engine_id, row.engine_version, row.source_id)


def aligned(rows: Sequence[ThroughputPoint], known: Iterable[ThroughputPoint]) -> list[ThroughputPoint]:
    """Give levels of one curve the same lengths, where they differ by chance: those of rows already known, else the
    median's.

    Rows of different lengths are different curves, so that a few tokens more at one level would tear a curve apart.
    """
    lengths: dict[tuple[object, ...], list[tuple[int, int]]] = {}
    for row in known:
        if row.isl_tokens and row.osl_tokens:
            lengths.setdefault(_curve(row), []).append((row.isl_tokens, row.osl_tokens))
    settled = []
    for row in rows:
        found = lengths.setdefault(_curve(row), [])
        like = next((pair for pair in found if _alike(row, pair)), None)
        if like is None and row.isl_tokens and row.osl_tokens:
            group = [other for other in rows if _curve(other) == _curve(row) and _alike(other, _pair(row))]
            like = (round(median(r.isl_tokens or 1 for r in group)), round(median(r.osl_tokens or 1 for r in group)))
            found.append(like)
        settled.append(row if like is None else row.model_copy(update={"isl_tokens": like[0], "osl_tokens": like[1]}))
    return settled


def _pair(row: ThroughputPoint) -> tuple[int, int]:
    return row.isl_tokens or 0, row.osl_tokens or 0


def _alike(row: ThroughputPoint, lengths: tuple[int, int]) -> bool:
    pairs = zip(_pair(row), lengths, strict=True)
    return all(abs(own - other) <= SAME_LENGTH * other for own, other in pairs)


def known_rows(text: str | None, label: str) -> list[ThroughputPoint]:
    """Read the rows of an own file.

    Raises:
        InputError: it is broken, or has other columns than rows are written in.
    """
    if text is None:
        return []
    faults: list[Fault] = []
    rows = parse_rows(text, label, ThroughputPoint, faults)
    head = next(csv.reader(io.StringIO(text)), [])
    if not faults and head != columns():
        found = "other columns than a load test writes"
        faults.append(Fault(label, "line 1", found, "another --source, for a new file"))
    if faults:
        raise InputError(faults)
    return rows


def text_with(text: str | None, rows: Sequence[ThroughputPoint]) -> str:
    """Return the text of an own file with rows appended; what it holds stays byte for byte."""
    stream = io.StringIO()
    writer = csv.DictWriter(stream, columns(), lineterminator="\n")
    if text is None:
        writer.writeheader()
    elif text and not text.endswith("\n"):
        stream.write("\n")
    for row in rows:
        facts = row.model_dump(exclude_none=True)
        writer.writerow({name: str(v).lower() if isinstance(v, bool) else v for name, v in facts.items()})
    return (text or "") + stream.getvalue()
