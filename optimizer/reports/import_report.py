"""What an import of prices wrote, and what it left out."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict

from optimizer.costs.plausible import Doubt
from optimizer.documents.csv_rows import harmless, rows_as_csv
from optimizer.load.csv_files import columns_of
from optimizer.load.importers import ApiImport, Import
from optimizer.reports import json_report
from optimizer.reports.markdown import table as markdown_table
from optimizer.reports.terminal import BOLD, YELLOW, paint, wrap
from optimizer.reports.wording import counted
from optimizer.schema.catalog import ApiPrice, RentedOffer
from optimizer.schema.sourced import Sourced


def offers_csv(found: Import) -> str:
    """Write offers as a file of a catalog: its columns, in its order."""
    return rows_of_offers(found.offers)


def rows_of_offers(offers: Sequence[RentedOffer]) -> str:
    """Write offers under the columns of a catalog."""
    return _rows_csv(RentedOffer, offers)


def apis_csv(found: ApiImport) -> str:
    """Write API prices as a file of a catalog: its columns, in its order."""
    return _rows_csv(ApiPrice, found.prices)


def _rows_csv(schema: type[Sourced], rows: Sequence[Sourced]) -> str:
    stream = io.StringIO()
    columns = columns_of(schema)
    writer = csv.DictWriter(stream, columns, lineterminator="\n")
    writer.writeheader()
    for row in rows:
        values = row.model_dump(mode="json")
        writer.writerow({key: "" if values[key] is None else harmless(values[key]) for key in columns})
    return stream.getvalue()


def _summary(found: Import, path: str) -> str:
    kinds = Counter(offer.kind for offer in found.offers)
    of_them = ", ".join(f"{count} {kind.replace('_', '-')}" for kind, count in sorted(kinds.items())) or "none"
    return f"{path}: {counted(len(found.offers), 'offer')} ({of_them}) of {counted(found.rows, 'row')}"


def _rows(found: Import | ApiImport) -> list[tuple[str, str, str]]:
    return [(f"{one.rows}", one.reason, ", ".join(one.examples)) for one in found.left_out]


def _text(found: Import, path: str, doubts: Sequence[Doubt]) -> str:
    lines = [paint(_summary(found, path), BOLD)]
    if doubts:
        lines += [paint("Hard to believe", YELLOW)]
        for doubt in doubts:
            lines += wrap(f"{doubt.offer_id}: {doubt.reason}", "      ", "  ")
    lines += [*_left_out(found), *_use(path.split("/offers/")[0])]
    return "\n".join(lines) + "\n"


def _left_out(found: Import | ApiImport) -> Iterator[str]:
    if found.left_out:
        yield "Left out"
    for rows, reason, examples in _rows(found):
        yield from wrap(f"{rows}: {reason} ({examples})", "      ", "  ")


def _use(overlay: str) -> Iterator[str]:
    yield from wrap(f"use it with: gpumix solve PROBLEM --overlay {overlay}", "  ", "")


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


def _csv(found: Import | ApiImport) -> str:
    columns = ("rows", "reason", "examples")
    return rows_as_csv(columns, [dict(zip(columns, row, strict=True)) for row in _rows(found)])


IMPORT_REPORTS: dict[str, Callable[[Import, str, Sequence[Doubt]], str]] = {
    "text": _text, "json": _json, "markdown": _markdown, "csv": lambda found, _, __: _csv(found),
}
"""By the name that --format takes."""


def _api_summary(found: ApiImport, path: str) -> str:
    models = len({price.model_id for price in found.prices})
    prices = f"{counted(len(found.prices), 'price')} of {counted(models, 'model')}"
    return f"{path}: {prices}, of {counted(found.rows, 'row')}"


def _api_text(found: ApiImport, path: str) -> str:
    lines = [paint(_api_summary(found, path), BOLD), *_left_out(found), *_use(path.split("/apis/")[0])]
    return "\n".join(lines) + "\n"


def _api_json(found: ApiImport, path: str) -> str:
    models = Counter(price.model_id for price in found.prices)
    return json_report.dumps({
        "path": path, "rows": found.rows, "prices": len(found.prices), "models": dict(sorted(models.items())),
        "left_out": [asdict(one) for one in found.left_out]})


def _api_markdown(found: ApiImport, path: str) -> str:
    table = markdown_table(("rows", "reason", "examples"), list(_rows(found)))
    return "\n".join([f"**{_api_summary(found, path)}**", "", *table]) + "\n"


API_REPORTS: dict[str, Callable[[ApiImport, str], str]] = {
    "text": _api_text, "json": _api_json, "markdown": _api_markdown, "csv": lambda found, _: _csv(found),
}
"""By the name that --format takes."""
