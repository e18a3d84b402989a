"""A CSV of requests, one row each: when it came, how many tokens went in and out. Made for millions of rows."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from optimizer.errors import Fault, InputError
from optimizer.load.csv_files import first_faults
from optimizer.load.faults import shown
from optimizer.load.text import decode, read_bytes

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

NAMES = {
    "time": ("timestamp", "time", "arrived_at", "arrival_time", "created_at", "start_time", "datetime", "date"),
    "input": ("input_tokens", "contexttokens", "prompt_tokens", "request tokens", "num_prefill_tokens", "input_length",
              "isl", "isl_tokens", "input"),
    "output": ("output_tokens", "generatedtokens", "completion_tokens", "response tokens", "num_decode_tokens",
               "output_length", "osl", "osl_tokens", "output"),
}
"""Column names that are known, in small letters: of the Azure, BurstGPT, Vidur and Mooncake traces, and plain ones."""

UNITS = {"s": 1.0, "ms": 1e3, "us": 1e6, "ns": 1e9}
EPOCH_FROM = 1e8
"""Seconds from which a number is a date (1973); smaller ones count from the trace's own start."""

LAST_SECOND = 253_402_300_800
"""Of the year 9999."""

LARGEST_TOKENS = 10**9
SHOWN = 5
"""Lines named for each thing that was handled."""

_OFFSET = re.compile(r"(?:[zZ]|[+-]\d{2}:?\d{2})\s*$")


@dataclass(frozen=True)
class Columns:
    """Which columns to read and how to read times; None: found by itself."""

    time: str | None = None
    input: str | None = None
    output: str | None = None
    time_unit: str | None = None
    """Of numbers: s, ms, us or ns."""
    time_format: str | None = None
    """Of text, as strptime has it; default ISO 8601."""
    timezone: str = "UTC"
    """Of times that state no offset, and of the hours of the day."""
    named_by: tuple[str, str] | None = None
    """The problem file and its key that name the trace; faults then name these, in place of a command's options."""


@dataclass(frozen=True)
class Handled:
    """Rows that needed care."""

    rows: int
    lines: tuple[int, ...]
    """The first of them."""


@dataclass(frozen=True)
class Trace:
    """Requests in the order of their times."""

    label: str
    seconds: np.ndarray
    """Since 1970 UTC, or since the trace's own start."""
    dated: bool
    timezone: str
    input_tokens: np.ndarray
    output_tokens: np.ndarray
    lines: np.ndarray
    """Where each request stands in the file."""
    rows: int
    zero_tokens: Handled
    """Rows left out."""
    out_of_order: Handled
    """Rows put in order."""


def read_trace(path: Path, columns: Columns) -> Trace:
    """Read a trace.

    Raises:
        InputError: with the faults of the file, each with its line.
    """
    import numpy as np

    label = str(path)
    zone = _zone(columns)
    text = decode(read_bytes(path), label)
    table = _table(text, label, columns)
    faults: list[Fault] = []
    lines = _Lines(text, len(table))
    counts = [_tokens(table[name], name, label, lines, faults) for name in ("input", "output")]
    seconds, dated = _seconds(table["time"], columns, zone, label, lines, faults)
    if faults:
        raise InputError(first_faults(faults, label))
    kept = np.flatnonzero((counts[0] > 0) & (counts[1] > 0))
    if not len(kept):
        raise InputError([Fault(label, "", f"{len(table)} rows, none with tokens in and out", "at least one request")])
    behind = kept[1:][np.diff(seconds[kept]) < 0]
    order = kept[np.argsort(seconds[kept], kind="stable")]
    return Trace(
        label, seconds[order], dated, columns.timezone, counts[0][order], counts[1][order], lines.of(order),
        len(table), _handled(np.flatnonzero((counts[0] == 0) | (counts[1] == 0)), lines), _handled(behind, lines))


@dataclass(frozen=True)
class Times:
    """When requests came, in order."""

    seconds: np.ndarray
    """Since 1970 UTC, or since any start."""
    dated: bool
    timezone: str


def read_times(text: str, label: str, columns: Columns) -> Times:
    """Read only the times of a trace: a column of timestamps is enough.

    Raises:
        InputError: with the faults of the file, each with its line.
    """
    import numpy as np

    zone = _zone(columns)
    table = _table(text, label, columns, ("time",))
    faults: list[Fault] = []
    seconds, dated = _seconds(table["time"], columns, zone, label, _Lines(text, len(table)), faults)
    if faults:
        raise InputError(first_faults(faults, label))
    return Times(np.sort(seconds), dated, columns.timezone)


def _handled(positions: np.ndarray, lines: _Lines) -> Handled:
    return Handled(len(positions), tuple(int(line) for line in lines.of(positions[:SHOWN])))


class _Lines:
    """Line numbers of rows; cells with line breaks make them differ from the row's number."""

    def __init__(self, text: str, rows: int) -> None:
        self._text, self._rows = text, rows
        self._starts: np.ndarray | None = None

    def of(self, positions: np.ndarray) -> np.ndarray:
        """Return the lines on which rows start."""
        import numpy as np

        if '"' not in self._text:
            return np.asarray(positions) + 2
        if self._starts is None:
            reader = csv.reader(io.StringIO(self._text, newline=""))
            ends = [reader.line_num for _ in reader]
            self._starts = np.array(ends[: self._rows], dtype=np.int64) + 1
        return np.asarray(self._starts[positions])


def _zone(columns: Columns) -> Any:
    from zoneinfo import ZoneInfo

    try:
        return ZoneInfo(columns.timezone)
    except (ValueError, OSError, KeyError):
        file, key = columns.named_by or ("options", "")
        place = f"{key}.timezone" if key else "--timezone"
        allowed = "a name such as UTC, Asia/Tokyo or Europe/Berlin"
        raise InputError([Fault(file, place, repr(columns.timezone), allowed)]) from None


def _table(text: str, label: str, columns: Columns, roles: Sequence[str] = tuple(NAMES)) -> pd.DataFrame:
    """Read the columns that are needed."""
    import pandas as pd

    header = next(csv.reader(io.StringIO(text, newline="")), [])
    chosen = _chosen(header, label, columns, roles)
    ragged = _ragged(text, label, len(header))
    if ragged:
        raise InputError(first_faults(ragged, label))
    try:
        table = pd.read_csv(
            io.StringIO(text), usecols=list(chosen.values()), dtype={chosen["time"]: "object"}, skip_blank_lines=False,
            index_col=False, skipinitialspace=True, low_memory=False)
    except (pd.errors.ParserError, ValueError) as error:
        raise InputError([Fault(label, "", f"text that CSV cannot read ({error})", "one request a line")]) from None
    table = table.rename(columns={column: role for role, column in chosen.items()})[list(chosen)]
    filled = table.notna().any(axis=1).to_numpy().nonzero()[0]
    if not len(filled):
        raise InputError([Fault(label, "", "a header and no requests", "at least one request")])
    return table.iloc[: filled[-1] + 1]  # without blank lines at the end


def _ragged(text: str, label: str, width: int) -> list[Fault]:
    """List the rows that have more or fewer cells than the header; the reader below would cut or fill them."""
    if '"' in text:
        reader = csv.reader(io.StringIO(text, newline=""))
        found = [(reader.line_num, len(cells)) for cells in reader if cells and len(cells) != width]
    else:
        lines = enumerate(text.splitlines(), 1)
        found = [(number, cells) for number, line in lines if line and (cells := line.count(",") + 1) != width]
    return [Fault(label, f"line {line}", f"{cells} cells", f"{width}, as in the header") for line, cells in found]


def _chosen(header: list[str], label: str, columns: Columns, roles: Sequence[str]) -> dict[str, str]:
    """Find the column of each role.

    Raises:
        InputError: naming every role without a column.
    """
    known = {name.strip().lower(): name for name in reversed(header)}
    chosen: dict[str, str] = {}
    faults = []
    for role in roles:
        names = NAMES[role]
        asked: str | None = getattr(columns, role)
        found = next((known[name.lower()] for name in ([asked] if asked else names) if name.lower() in known), None)
        if found is None:
            missing = f"no column {asked!r}" if asked else f"no known {role} column"
            allowed = f"--{role}-column NAME, one of {', '.join(header) or 'a header line'}"
            faults.append(Fault(label, "line 1", missing, allowed))
        else:
            chosen[role] = found
    if faults:
        raise InputError(faults)
    return chosen


def _tokens(column: pd.Series, role: str, label: str, lines: _Lines, faults: list[Fault]) -> np.ndarray:
    """Return whole numbers of tokens from 0; whatever is none is a fault."""
    import numpy as np
    import pandas as pd

    numbers = pd.to_numeric(column, errors="coerce").to_numpy(dtype=float, na_value=np.nan)
    with np.errstate(invalid="ignore"):
        good = (numbers >= 0) & (numbers < LARGEST_TOKENS) & (numbers == np.floor(numbers))
    bad = np.flatnonzero(~good)
    for position, line in zip(bad, lines.of(bad), strict=True):
        found = column.iloc[position]
        faults.append(Fault(
            label, f"line {line}, {role} tokens", shown(None if pd.isna(found) else _plain(found)),
            "a whole number from 0"))
    return np.where(good, numbers, 0).astype(np.int64)


def _plain(value: Any) -> Any:
    """Turn numpy's numbers into Python's, whose repr is the number."""
    return value.item() if hasattr(value, "item") else value


def _seconds(
    column: pd.Series, columns: Columns, zone: Any, label: str, lines: _Lines, faults: list[Fault]
) -> tuple[np.ndarray, bool]:
    """Return times in seconds, and whether they are dates."""
    import numpy as np
    import pandas as pd

    numbers = pd.to_numeric(column, errors="coerce") if columns.time_format is None else None
    if numbers is not None and (numbers.notna().any() or column.isna().all()):
        values = numbers.to_numpy(dtype=float, na_value=np.nan)
        _blame(~np.isfinite(values), column, "a number, as in the other rows", label, lines, faults)
        largest = float(np.nanmax(np.abs(values))) if np.isfinite(values).any() else 0.0
        unit = columns.time_unit or next((name for name, per in UNITS.items() if largest < 1e11 * per), "ns")
        seconds = values / UNITS[unit]
        late = f"before the year 10000, counted in {unit}{_see(columns, 'unit')}"
        _blame(np.abs(np.nan_to_num(seconds)) >= LAST_SECOND, column, late, label, lines, faults)
        return np.nan_to_num(seconds), bool(largest / UNITS[unit] >= EPOCH_FROM)
    try:
        times = _dates(column, columns, zone)
    except ValueError as error:
        allowed = "directives of strptime, such as '%d/%b/%Y:%H:%M:%S %z'"
        raise InputError([Fault("options", "--time-format", f"{columns.time_format!r} ({error})", allowed)]) from None
    _blame(times.isna().to_numpy(), column, _allowed_times(columns), label, lines, faults)
    start = pd.Timestamp(0, tz="UTC")
    return np.nan_to_num(((times - start) / pd.Timedelta(seconds=1)).to_numpy(dtype=float)), True


def _allowed_times(columns: Columns) -> str:
    form = columns.time_format or "ISO 8601, such as 2026-11-22T18:16:35.5+09:00"
    return f"a time ({form}) that the clocks of {columns.timezone} show exactly once{_see(columns, 'format')}"


def _see(columns: Columns, what: str) -> str:
    """Name the option that reads times otherwise, where a command has it."""
    return "" if columns.named_by else f"; see --time-{what}"


def _blame(
    bad: np.ndarray, column: pd.Series, allowed: str, label: str, lines: _Lines, faults: list[Fault]
) -> None:
    import numpy as np
    import pandas as pd

    positions = np.flatnonzero(bad)
    for position, line in zip(positions, lines.of(positions), strict=True):
        found = column.iloc[position]
        faults.append(Fault(label, f"line {line}, time", shown(None if pd.isna(found) else _plain(found)), allowed))


def _dates(column: pd.Series, columns: Columns, zone: Any) -> pd.Series:
    """Read text as times in UTC; those without an offset are of the time zone; NaT where there is no such time."""
    import pandas as pd

    text = column.astype("str").where(column.notna())
    form = columns.time_format or "ISO8601"
    aware = text.str.contains(_OFFSET, na=False) if columns.time_format is None else None
    if columns.time_format is not None and "%z" in columns.time_format:
        return pd.to_datetime(text, format=form, errors="coerce", utc=True)
    if aware is not None and aware.all():
        return pd.to_datetime(text, format=form, errors="coerce", utc=True)
    plain = text if aware is None else text.where(~aware)
    local = pd.to_datetime(plain, format=form, errors="coerce")
    times = local.dt.tz_localize(zone, ambiguous="NaT", nonexistent="NaT").dt.tz_convert("UTC")
    if aware is not None and aware.any():
        times = times.fillna(pd.to_datetime(text.where(aware), format=form, errors="coerce", utc=True))
    return times
