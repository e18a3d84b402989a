"""What an import of load-test results did, level by level."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from optimizer.documents.csv_rows import rows_as_csv
from optimizer.loadtest.importing import Imported, ImportedLevel
from optimizer.reports import json_report
from optimizer.reports.markdown import table as markdown_table
from optimizer.reports.terminal import BOLD, YELLOW, paint, wrap
from optimizer.reports.wording import counted

COLUMNS = ("file", "place", "tool", "outcome", "model_id", "gpu_id", "gpu_count", "tp_size", "precision", "engine_id",
           "isl_tokens", "osl_tokens", "concurrency", "ttft_ms", "tpot_ms", "tokens_per_s_per_user",
           "output_tokens_per_s", "use", "reason")
"""Added to, never renamed."""


def _outcome(level: ImportedLevel) -> str:
    return "refused" if level.row is None else "known already" if level.known else "added"


def _figures(level: ImportedLevel) -> str:
    """Write the figures of a row in a line."""
    row = level.row
    if row is None or row.tpot_ms is None:
        return ""
    width = "" if row.tpot_error_fraction is None else f" +-{row.tpot_error_fraction:.1%}"
    ttft = "" if row.ttft_ms is None else f", TTFT {row.ttft_ms:.4g} ms"
    return (f"{row.concurrency} in flight, {row.isl_tokens}/{row.osl_tokens} tokens: TPOT {row.tpot_ms:.4g} ms{width}"
            f" = {1000 / row.tpot_ms:.1f} tokens/s a user{ttft}")


def _row(level: ImportedLevel) -> dict[str, object]:
    facts = {} if level.row is None else level.row.model_dump(mode="json")
    speed = 1000 / level.row.tpot_ms if level.row is not None and level.row.tpot_ms else None
    own = {"file": level.file, "place": level.place, "tool": level.tool, "outcome": _outcome(level),
           "tokens_per_s_per_user": speed, "reason": level.reason}
    merged = {**{name: facts.get(name) for name in COLUMNS}, **own}
    return {name: "" if merged[name] is None else merged[name] for name in COLUMNS}


def _lines(found: Imported) -> Iterator[str]:
    files = dict.fromkeys(level.file for level in found.levels)
    for file in files:
        levels = [level for level in found.levels if level.file == file]
        yield from wrap(paint(f"{file}: {levels[0].tool}", BOLD), "  ", "")
        for remark in dict.fromkeys(remark for level in levels for remark in level.remarks):
            shared = all(remark in level.remarks for level in levels)
            where = "" if shared else ", ".join(level.place for level in levels if remark in level.remarks) + ": "
            yield from wrap(f"- {where}{remark}", "    ", "  ")
        for level in levels:
            place = f"{level.place}: " if level.place else ""
            if level.row is None:
                yield from (paint(line, YELLOW) for line in wrap(f"refused: {place}{level.reason}", "    ", "  "))
            else:
                yield from wrap(f"{_outcome(level)}: {place}{_figures(level)}", "    ", "  ")
    refused = f", {counted(len(found.refused), 'level')} refused" if found.refused else ""
    known = sum(level.known for level in found.levels)
    already = f", {known} known already" if known else ""
    yield f"{counted(len(found.added), 'row')} added{already}{refused}"


def _json(found: Imported) -> str:
    levels = [{**_row(level), "remarks": list(level.remarks)} for level in found.levels]
    counts = {"added": len(found.added), "refused": len(found.refused)}
    return json_report.dumps({"schema_version": 1, **counts, "levels": levels})


IMPORT_REPORTS: dict[str, Callable[[Imported], str]] = {
    "text": lambda found: "\n".join(_lines(found)) + "\n",
    "json": _json,
    "csv": lambda found: rows_as_csv(COLUMNS, [_row(level) for level in found.levels]),
    "markdown": lambda found: "\n".join(
        markdown_table(COLUMNS, [tuple(_row(level)[name] for name in COLUMNS) for level in found.levels])) + "\n",
}
"""By the name that --format takes."""
