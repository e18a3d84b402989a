"""A CSV of start-up logs."""

from __future__ import annotations

from pathlib import Path

from optimizer.errors import Fault, InputError
from optimizer.load.csv_files import parse_rows
from optimizer.load.text import decode, read_bytes
from optimizer.schema.startup_log import StartupLog


def read_startup_logs(path: Path) -> tuple[StartupLog, ...]:
    """Read the start-up logs of a CSV.

    Raises:
        InputError: the file cannot be read, or rows or columns of it are wrong; every fault is named.
    """
    label = str(path)
    faults: list[Fault] = []
    rows = parse_rows(decode(read_bytes(path), label), label, StartupLog, faults)
    if not rows and not faults:
        faults.append(Fault(label, "", "no row", "one row or more"))
    if faults:
        raise InputError(faults)
    return tuple(rows)
