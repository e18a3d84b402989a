"""What commands share that write or read workbooks."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from optimizer.errors import Fault, InputError

SUFFIX = ".xlsx"


def wants_workbook(output: Path | None) -> bool:
    """Say whether a file's name asks for a workbook.

    >>> wants_workbook(Path("plan.XLSX")), wants_workbook(Path("plan.json")), wants_workbook(None)
    (True, False, False)
    """
    return output is not None and output.suffix.lower() == SUFFIX


def check_library(option: str = "--output", name: str = "xlsxwriter") -> None:
    """Check, before anything is solved, that a workbook can be written or read.

    Raises:
        InputError: the library is missing.
    """
    if importlib.util.find_spec(name) is None:
        fault = Fault("options", option, f"a workbook without {name}", "what pip install 'gpumix[xlsx]' adds")
        raise InputError([fault])
