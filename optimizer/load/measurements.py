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
from optimizer.schema.measurement import ALIASES, Measurement


@dataclass(frozen=True)
class Refused:
    """A row that is not compared, and why."""

    line: int
    reason: str


@dataclass(frozen=True)
class Measurements:
    """What stands in a file."""

    rows: tuple[tuple[int, Measurement], ...]
    """Line and row."""
    refused: tuple[Refused, ...]
    ignored: tuple[str, ...]
    """Columns that say nothing to a comparison."""


TRUTHS = {"True": "true", "False": "false", "1": "true", "0": "false", "yes": "true", "no": "false"}
FLAGS = ("attention_data_parallel", "disaggregated")


def columns_read(header: list[str]) -> dict[str, list[str]]:
    """Return each field that a header has, with its columns in the order in which they count."""
    names = {name.strip().lower(): name for name in header}
    found = {}
    for field in Measurement.model_fields:
        columns = [names[name] for name in (field, *ALIASES.get(field, ())) if name in names]
        if columns:
            found[field] = columns
    return found


def read_measurements(path: Path) -> Measurements:
    """Read the rows of a CSV, and those that cannot be read with the reason; columns of any of the known names count.

    Raises:
        InputError: the file cannot be read, or lacks a column that every comparison needs.
    """
    label = str(path)
    reader = csv.DictReader(io.StringIO(decode(read_bytes(path), label), newline=""))
    header = list(reader.fieldnames or ())
    columns = columns_read(header)
    check_header(label, columns)
    rows: list[tuple[int, Measurement]] = []
    refused: list[Refused] = []
    for cells in reader:
        line = reader.line_num
        if None in cells or None in cells.values():
            refused.append(Refused(line, f"{len(header)} cells are allowed, as in the header"))
            continue
        given = {field: cell for field, names in columns.items()
                 if (cell := next((cells[name].strip() for name in names if cells[name].strip()), ""))}
        given |= {flag: TRUTHS.get(given[flag], given[flag]) for flag in FLAGS if flag in given}
        try:
            rows.append((line, Measurement.model_validate_strings(given)))
        except ValidationError as error:
            faults = faults_of(error, label, Measurement)
            refused.append(Refused(line, "; ".join(f"{f.key}: found {f.found}; allowed: {f.allowed}" for f in faults)))
    if not rows and not refused:
        raise InputError([Fault(label, "", "no row", "one row or more")])
    used = {name for names in columns.values() for name in names}
    return Measurements(tuple(rows), tuple(refused), tuple(name for name in header if name and name not in used))


def check_header(label: str, columns: dict[str, list[str]]) -> None:
    """Hold that a header has every column that a comparison needs.

    Raises:
        InputError: it has not.
    """
    def known(field: str) -> str:
        """Name a column and its other names."""
        return " or ".join((field, *ALIASES.get(field, ())))

    missing = [name for name, field in Measurement.model_fields.items() if field.is_required() and name not in columns]
    faults = [Fault(label, "line 1", f"no column {name}", known(name)) for name in missing]
    if not {"tpot_ms", "tokens_per_s_per_user"} & set(columns):
        allowed = f"{known('tpot_ms')} or tokens_per_s_per_user"
        faults.append(Fault(label, "line 1", "no measured speed", allowed))
    if faults:
        raise InputError(faults)
