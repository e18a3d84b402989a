"""What a run of `gpumix loadtest` measured."""

from __future__ import annotations

from optimizer.documents.cells import Number
from optimizer.documents.document import (
    Document,
    Piece,
    Records,
    Verbatim,
    bullets,
    document,
    paragraph,
    section,
    table,
)
from optimizer.loadtest.level import Latency
from optimizer.loadtest.running import LevelResult, RunResult
from optimizer.messages import Message
from optimizer.reports.heads import heads

COLUMNS = ("users", "runs", "requests", "failed", "isl_tokens", "osl_tokens", "tpot_ms", "tpot_error_fraction",
           "tpot_p50_ms", "tpot_p90_ms", "tpot_p99_ms", "ttft_ms", "ttft_error_fraction", "ttft_p50_ms", "ttft_p90_ms",
           "ttft_p99_ms", "tokens_per_s_per_user", "output_tokens_per_s", "stopped_by", "e2e_ms")
"""Added to, never renamed."""


def _mean(found: Latency) -> Piece | None:
    """Return a mean with its 95% interval."""
    if found.mean is None:
        return None
    if found.error_fraction is None:
        return Message("loadtest.mean", value=found.mean)
    return Message("loadtest.mean-bar", value=found.mean, error=found.error_fraction)


def _cells(level: LevelResult) -> tuple[Piece | None, ...]:
    tpot, ttft = level.tpot, level.ttft
    figures = (Number(value, ".4g") for value in (tpot.p50, tpot.p90))
    more = (Number(value, ".4g") for value in (ttft.p50, ttft.p90, 1000 / tpot.mean if tpot.mean else None,
                                               level.output_tokens_per_s))
    return (Number(level.users), Number(len(level.runs)), Number(sum(run.requests for run in level.runs)),
            Number(sum(run.failed for run in level.runs)), _mean(tpot), *figures, _mean(ttft), *more)


def _row(level: LevelResult) -> dict[str, object]:
    tpot, ttft = level.tpot, level.ttft
    latencies = {
        f"{name}{suffix}": value for name, found in (("tpot", tpot), ("ttft", ttft)) for suffix, value in (
            ("_ms", found.mean), ("_error_fraction", found.error_fraction), ("_p50_ms", found.p50),
            ("_p90_ms", found.p90), ("_p99_ms", found.p99))}
    count = len(level.runs)
    prompts = [run.isl_tokens for run in level.runs if run.isl_tokens is not None]
    row = {"users": level.users, "runs": count, "requests": sum(run.requests for run in level.runs),
           "failed": sum(run.failed for run in level.runs),
           "isl_tokens": sum(prompts) / len(prompts) if prompts else None,
           "osl_tokens": sum(run.osl_tokens for run in level.runs) / count, **latencies,
           "tokens_per_s_per_user": 1000 / tpot.mean if tpot.mean else None,
           "output_tokens_per_s": level.output_tokens_per_s, "stopped_by": level.stopped_by, "e2e_ms": level.e2e.mean}
    return {name: row[name] for name in COLUMNS}


def run_document(found: RunResult, records: str) -> Document:
    """Put what a run measured into a document; its rows are the levels.

    Args:
        records: the file of its records.
    """
    header = heads("users", "runs", "requests", "failed", "tpot", "p50", "p90", "ttft", "p50", "p90", "user-speed",
                   "speed")
    rows = ({name: "" if value is None else value for name, value in _row(level).items()} for level in found.levels)
    whole = [Message("loadtest.whole", users=level.users, mean=level.e2e.mean or 0.0) for level in found.levels
             if level.tpot.mean is None]
    return document(
        Message("loadtest.run", n=len(found.levels)),
        [section("levels", "", table(header, map(_cells, found.levels)), bullets(whole)),
         section("records", Message("loadtest.records"), paragraph(records), Verbatim(
             f"gpumix loadtest import {records} --into DIR") if found.levels else None)],
        records=Records(COLUMNS, tuple(rows)), data=lambda: data(found, records))


def data(found: RunResult, records: str) -> dict[str, object]:
    """Return everything for other programs."""
    return {"schema_version": 1, "records": records, "interrupted": found.interrupted,
            "levels": [_row(level) for level in found.levels], "trouble": list(found.trouble)}
