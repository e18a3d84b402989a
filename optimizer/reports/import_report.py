"""What an import of prices wrote, and what it left out."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict

from optimizer.costs.plausible import Doubt
from optimizer.documents.cells import Number
from optimizer.documents.csv_rows import harmless
from optimizer.documents.document import Document, Records, Section, Verbatim, bullets, document, section, table
from optimizer.load.csv_files import columns_of
from optimizer.load.importers import ApiImport, Import
from optimizer.messages import Message
from optimizer.reports.heads import heads
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


def _summary(found: Import, path: str) -> Message:
    kinds = tuple(Message("import.of-kind", count=count, kind=kind)
                  for kind, count in sorted(Counter(offer.kind for offer in found.offers).items()))
    return Message("import.offers", path=path, n=len(found.offers), kinds=kinds or (Message("gives.none"),),
                   rows=found.rows)


def _left_out(found: Import | ApiImport) -> Section:
    rows = [(Number(one.rows), one.reason, ", ".join(one.examples)) for one in found.left_out]
    return section("left-out", Message("import.left-out"), table(heads("rows", "reason", "examples"), rows))


def _records(found: Import | ApiImport) -> Records:
    return Records(("rows", "reason", "examples"), tuple(
        {"rows": one.rows, "reason": one.reason, "examples": ", ".join(one.examples)} for one in found.left_out))


def _use(overlay: str) -> Section:
    return section("use", Message("import.use"), Verbatim(f"gpumix solve PROBLEM --overlay {overlay}"))


def import_document(found: Import, path: str, doubts: Sequence[Doubt]) -> Document:
    """Put what an import of offers wrote into a document; its rows are what was left out."""
    doubted = section("doubts", Message("import.doubts"), bullets(
        Message("why.service", service=one.offer_id, reason=one.reason) for one in doubts))
    gpus = Counter(offer.gpu_id for offer in found.offers)
    return document(
        _summary(found, path), [doubted, _left_out(found), _use(path.split("/offers/")[0])], records=_records(found),
        data=lambda: {
            "path": path, "rows": found.rows, "offers": len(found.offers), "gpus": dict(sorted(gpus.items())),
            "left_out": [asdict(one) for one in found.left_out], "doubts": [vars_of(one) for one in doubts]})


def vars_of(doubt: Doubt) -> dict[str, object]:
    """Return a doubt as plain data."""
    return {"offer_id": doubt.offer_id, "reason": doubt.reason}


def api_import_document(found: ApiImport, path: str) -> Document:
    """Put what an import of API prices wrote into a document; its rows are what was left out."""
    models = Counter(price.model_id for price in found.prices)
    title = Message("import.prices", path=path, n=len(found.prices), models=len(models), rows=found.rows)
    return document(
        title, [_left_out(found), _use(path.split("/apis/")[0])], records=_records(found),
        data=lambda: {
            "path": path, "rows": found.rows, "prices": len(found.prices), "models": dict(sorted(models.items())),
            "left_out": [asdict(one) for one in found.left_out]})
