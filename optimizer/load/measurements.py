"""A CSV of published measurements: each bad row is refused with its reason, the others are read."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from optimizer.errors import Fault, InputError
from optimizer.load.faults import faults_of
from optimizer.load.text import decode, read_bytes
from optimizer.schema.measurement import Measurement


@dataclass(frozen=True)
class Refused:
    """A row that is not compared, and why."""

    line: int
    reason: str


def read_measurements(path: Path) -> tuple[list[tuple[int, Measurement]], list[Refused]]:
    """Read the rows of a CSV with their line numbers, and the rows that cannot be read with the reason.

    Raises:
        InputError: the file cannot be read, or its header is not that of the schema.
    """
    label = str(path)
    reader = csv.DictReader(io.StringIO(decode(read_bytes(path), label), newline=""))
    check_header(label, list(reader.fieldnames or ()))
    rows: list[tuple[int, Measurement]] = []
    refused: list[Refused] = []
    for cells in reader:
        line = reader.line_num
        given = {name: cell for name, cell in cells.items() if name and cell}
        if None in cells or None in cells.values():
            refused.append(Refused(line, f"{len(reader.fieldnames or ())} cells are allowed, as in the header"))
            continue
        try:
            rows.append((line, Measurement.model_validate_strings(given)))
        except ValidationError as error:
            faults = faults_of(error, label, Measurement)
            refused.append(Refused(line, "; ".join(f"{f.key}: found {f.found}; allowed: {f.allowed}" for f in faults)))
    if not rows and not refused:
        raise InputError([Fault(label, "", "no row", "one row or more")])
    return rows, refused


def check_header(label: str, header: list[str]) -> None:
    """Hold that a header has every column that a comparison needs and none that is unknown.

    Raises:
        InputError: it has not.
    """
    fields = Measurement.model_fields
    faults = [Fault(label, "line 1", f"the unknown column {name!r}", ", ".join(fields))
              for name in header if name not in fields]
    missing = [name for name, field in fields.items() if field.is_required() and name not in header]
    if missing:
        faults.append(Fault(label, "line 1", f"no column {', '.join(missing)}", "every required column"))
    if not {"tpot_ms", "tokens_per_s_per_user"} & set(header):
        faults.append(Fault(label, "line 1", "no measured speed", "a column tpot_ms or tokens_per_s_per_user"))
    if faults:
        raise InputError(faults)
