"""What an import of prices wrote, and what it left out."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict

from optimizer.costs.plausible import Doubt
from optimizer.load.csv_files import columns_of
from optimizer.load.importers import Import
from optimizer.reports import json_report
from optimizer.reports.csv_report import harmless, rows_as_csv
from optimizer.reports.markdown import table as markdown_table
from optimizer.reports.terminal import BOLD, YELLOW, paint, wrap
from optimizer.reports.wording import counted
from optimizer.schema.catalog import RentedOffer


def offers_csv(found: Import) -> str:
    """Write offers as a file of a catalog: its columns, in its order."""
    stream = io.StringIO()
    columns = columns_of(RentedOffer)
    writer = csv.DictWriter(stream, columns, lineterminator="\n")
    writer.writeheader()
    for offer in found.offers:
        values = offer.model_dump(mode="json")
        writer.writerow({key: "" if values[key] is None else harmless(values[key]) for key in columns})
    return stream.getvalue()


def _summary(found: Import, path: str) -> str:
    kinds = Counter(offer.kind for offer in found.offers)
    of_them = ", ".join(f"{count} {kind.replace('_', '-')}" for kind, count in sorted(kinds.items())) or "none"
    return f"{path}: {counted(len(found.offers), 'offer')} ({of_them}) of {counted(found.rows, 'row')}"


def _rows(found: Import) -> list[tuple[str, str, str]]:
    return [(f"{one.rows}", one.reason, ", ".join(one.examples)) for one in found.left_out]


def _text(found: Import, path: str, doubts: Sequence[Doubt]) -> str:
    lines = [paint(_summary(found, path), BOLD)]
    if doubts:
        lines += [paint("Hard to believe", YELLOW)]
        for doubt in doubts:
            lines += wrap(f"{doubt.offer_id}: {doubt.reason}", "      ", "  ")
    if found.left_out:
        lines += ["Left out"]
        for rows, reason, examples in _rows(found):
            lines += wrap(f"{rows}: {reason} ({examples})", "      ", "  ")
    lines += wrap(f"use it with: gpumix solve PROBLEM --overlay {path.split('/offers/')[0]}", "  ", "")
    return "\n".join(lines) + "\n"


def _json(found: Import, path: str, doubts: Sequence[Doubt]) -> str:
    gpus = Counter(offer.gpu_id for offer in found.offers)
    return json_report.dumps({
        "path": path, "rows": found.rows, "offers": len(found.offers), "gpus": dict(sorted(gpus.items())),
        "left_out": [asdict(one) for one in found.left_out], "doubts": [asdict(one) for one in doubts],
    })


def _markdown(found: Import, path: str, doubts: Sequence[Doubt]) -> str:
    lines = [f"**{_summary(found, path)}**", "", *markdown_table(("rows", "reason", "examples"), list(_rows(found)))]
    if doubts:
        rows = [(doubt.offer_id, doubt.reason) for doubt in doubts]
        lines += ["", *markdown_table(("offer", "hard to believe"), rows)]
    return "\n".join(lines) + "\n"


IMPORT_REPORTS: dict[str, Callable[[Import, str, Sequence[Doubt]], str]] = {
    "text": _text, "json": _json, "markdown": _markdown,
    "csv": lambda found, _, __: rows_as_csv(
        ("rows", "reason", "examples"),
        [dict(zip(("rows", "reason", "examples"), row, strict=True)) for row in _rows(found)]),
}
"""By the name that --format takes."""
