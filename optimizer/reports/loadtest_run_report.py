"""What a run of `gpumix loadtest` measured."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from optimizer.documents.csv_rows import rows_as_csv
from optimizer.loadtest.level import Latency
from optimizer.loadtest.running import LevelResult, RunResult
from optimizer.reports import json_report
from optimizer.reports.markdown import table as markdown_table
from optimizer.reports.terminal import BOLD, paint
from optimizer.reports.wording import counted

HEAD = ("users", "runs", "requests", "failed", "TPOT ms", "p50", "p90", "p99", "TTFT ms", "p50", "p90",
        "tokens/s a user", "tokens/s")

COLUMNS = ("users", "runs", "requests", "failed", "isl_tokens", "osl_tokens", "tpot_ms", "tpot_error_fraction",
           "tpot_p50_ms", "tpot_p90_ms", "tpot_p99_ms", "ttft_ms", "ttft_error_fraction", "ttft_p50_ms", "ttft_p90_ms",
           "ttft_p99_ms", "tokens_per_s_per_user", "output_tokens_per_s", "stopped_by", "e2e_ms")
"""Added to, never renamed."""


def _with_interval(found: Latency) -> str:
    """Write a mean with its 95% interval."""
    if found.mean is None:
        return "-"
    width = "" if found.error_fraction is None else f" +-{found.error_fraction:.1%}"
    return f"{found.mean:.4g}{width}"


def _plain(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"


def _cells(level: LevelResult) -> tuple[str, ...]:
    tpot, ttft = level.tpot, level.ttft
    speed = 1000 / tpot.mean if tpot.mean else None
    return (str(level.users), str(len(level.runs)), str(sum(run.requests for run in level.runs)),
            str(sum(run.failed for run in level.runs)), _with_interval(tpot), _plain(tpot.p50), _plain(tpot.p90),
            _plain(tpot.p99), _with_interval(ttft), _plain(ttft.p50), _plain(ttft.p90), _plain(speed),
            _plain(level.output_tokens_per_s))


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


def _level_lines(level: LevelResult) -> Iterator[str]:
    """Write one level in three lines."""
    row, tpot, ttft = _row(level), level.tpot, level.ttft
    failed = f", {row['failed']} failed" if row["failed"] else ""
    yield f"{counted(level.users, 'user')}: {row['requests']} requests in {counted(len(level.runs), 'run')}{failed}"
    if tpot.mean is None:
        yield f"  whole responses {_with_interval(level.e2e)} ms; {_plain(level.output_tokens_per_s)} tokens/s together"
        return
    speed = _plain(1000 / tpot.mean if tpot.mean else None)
    yield f"  TPOT {_with_interval(tpot)} ms (p50 {_plain(tpot.p50)}, p90 {_plain(tpot.p90)}): {speed} tokens/s a user"
    together = f"{_plain(level.output_tokens_per_s)} tokens/s together"
    yield f"  TTFT {_with_interval(ttft)} ms (p50 {_plain(ttft.p50)}, p90 {_plain(ttft.p90)}); {together}"


def _text(found: RunResult, records: str) -> Iterator[str]:
    yield paint(f"{counted(len(found.levels), 'level')} measured, 95% intervals; TPOT without the first token", BOLD)
    for level in found.levels:
        yield from _level_lines(level)
    yield f"records: {records}"
    if found.levels:
        yield f"  gpumix loadtest import {records} --into DIR"


def _json(found: RunResult, records: str) -> str:
    return json_report.dumps({"schema_version": 1, "records": records, "interrupted": found.interrupted,
                              "levels": [_row(level) for level in found.levels], "trouble": list(found.trouble)})


def _csv(found: RunResult, records: str) -> str:
    rows = [{name: "" if value is None else value for name, value in _row(level).items()} for level in found.levels]
    return rows_as_csv(COLUMNS, rows)


RUN_REPORTS: dict[str, Callable[[RunResult, str], str]] = {
    "text": lambda found, records: "\n".join(_text(found, records)) + "\n",
    "json": _json, "csv": _csv,
    "markdown": lambda found, records: "\n".join(
        markdown_table(HEAD, [_cells(level) for level in found.levels])) + f"\n\nRecords: {records}\n",
}
"""By the name that --format takes."""
