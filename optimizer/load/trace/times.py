"""Times of requests as seconds: numbers in a unit that names, sizes or the user tell; or text, with a zone or not."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from optimizer.errors import Fault, InputError
from optimizer.load.faults import shown
from optimizer.load.trace.names import UNITS, Columns, unit_by_name

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

EPOCH_FROM = 1e8
"""Seconds from which a number is a date (1973); smaller ones count from the trace's own start."""

LAST_SECOND = 253_402_300_800
"""Of the year 9999."""

DAY_S = 86_400
"""Whole numbers that would last longer than a day as seconds may well be milliseconds: the user is asked."""

_OFFSET = re.compile(r"(?:[zZ]|[+-]\d{2}:?\d{2})\s*$")


@dataclass(frozen=True)
class Unit:
    """What numbers of time count, and how that is known."""

    name: str
    why: str
    sure: bool
    """Whether a name or the size of a date tells it; else it is the plainest reading, and is said."""


class Clock:
    """Turns a column of times, block after block, into seconds."""

    def __init__(self, columns: Columns, column: str, header: Sequence[str], label: str, place: str) -> None:
        self.columns, self.column, self.header, self.label, self.place = columns, column, header, label, place
        self.zone = zone_of(columns)
        self.unit: Unit | None = None
        self.dated = True
        self.whole = True
        """Whether all numbers so far are whole."""
        self._numbers: bool | None = None

    def seconds(self, column: pd.Series, lines: np.ndarray, faults: list[Fault]) -> np.ndarray:
        """Return times in seconds; whatever is none is a fault."""
        import numpy as np

        if str(column.dtype).startswith("datetime64"):
            return self._typed(column, lines, faults)
        numbers = numbers_of(column) if self.columns.time_format is None else None
        if self._numbers is None:
            self._numbers = numbers is not None and bool(np.isfinite(numbers).any() or column.isna().all())
        if numbers is not None and self._numbers:
            return self._counted(numbers, column, lines, faults)
        return self._read(column, lines, faults)

    def _typed(self, column: pd.Series, lines: np.ndarray, faults: list[Fault]) -> np.ndarray:
        """Return times that a file holds as such; those without a zone are of the zone asked for."""
        import pandas as pd

        times = column if column.dt.tz is not None else column.dt.tz_localize(
            self.zone, ambiguous="NaT", nonexistent="NaT")
        self._blame(times.isna().to_numpy(), column, "a time", lines, faults)
        return _since_1970(pd.Series(times).dt.tz_convert("UTC"))

    def _counted(self, values: np.ndarray, column: pd.Series, lines: np.ndarray, faults: list[Fault]) -> np.ndarray:
        """Return numbers of a unit in seconds."""
        import numpy as np

        self._blame(~np.isfinite(values), column, "a number, as in the other rows", lines, faults)
        finite = values[np.isfinite(values)]
        largest = float(np.abs(finite).max()) if len(finite) else 0.0
        if self.unit is None:
            self.unit = self._unit(largest)
            self.dated = largest / UNITS[self.unit.name] >= EPOCH_FROM
        self.whole = self.whole and bool((finite == np.floor(finite)).all())
        seconds = values / UNITS[self.unit.name]
        late = f"before the year 10000, counted in {self.unit.name}{self._see('unit')}"
        self._blame(np.abs(np.nan_to_num(seconds)) >= LAST_SECOND, column, late, lines, faults)
        return np.nan_to_num(seconds)

    def _unit(self, largest: float) -> Unit:
        """Tell the unit: as asked, by the names of the columns, by the size of a date, or seconds."""
        if self.columns.time_unit is not None:
            return Unit(self.columns.time_unit, "as --time-unit says", True)
        named = unit_by_name(self.column, self.header)
        if named is not None:
            return Unit(*named, True)
        if largest >= EPOCH_FROM:
            name = next((name for name, per in UNITS.items() if largest < 1e11 * per), "ns")
            return Unit(name, f"{largest:.0f} {name} since 1970 are a date of our time", True)
        return Unit("s", "no name tells the unit", False)

    def check_span(self, span_s: float) -> None:
        """Ask for the unit where whole numbers that nothing names would last for days.

        Raises:
            InputError: they do.
        """
        unit = self.unit
        if unit is None or unit.sure or self.dated or not self.whole or span_s <= DAY_S:
            return
        found = (f"whole numbers that would last {span_s / DAY_S:,.1f} days as seconds, "
                 f"{span_s / 60_000:,.1f} minutes as milliseconds, and no name that tells which")
        allowed = "--time-unit s, ms, us or ns" if self.columns.named_by is None else (
            "a column whose name ends in its unit, such as time_ms, or text as ISO 8601")
        raise InputError([Fault(self.label, f"column {self.column}", found, allowed)])

    def _read(self, column: pd.Series, lines: np.ndarray, faults: list[Fault]) -> np.ndarray:
        """Return text in seconds."""
        try:
            times = _dates(column, self.columns, self.zone)
        except ValueError as error:
            allowed = "directives of strptime, such as '%d/%b/%Y:%H:%M:%S %z'"
            found = f"{self.columns.time_format!r} ({error})"
            raise InputError([Fault("options", "--time-format", found, allowed)]) from None
        form = self.columns.time_format or "ISO 8601, such as 2026-11-22T18:16:35.5+09:00"
        zone = self.columns.timezone
        allowed = f"a time ({form}) that the clocks of {zone} show exactly once{self._see('format')}"
        self._blame(times.isna().to_numpy(), column, allowed, lines, faults)
        return _since_1970(times)

    def _see(self, what: str) -> str:
        """Name the option that reads times otherwise, where a command has it."""
        return "" if self.columns.named_by else f"; see --time-{what}"

    def _blame(
        self, bad: np.ndarray, column: pd.Series, allowed: str, lines: np.ndarray, faults: list[Fault]
    ) -> None:
        blame(bad, column, (self.label, self.place, "time"), allowed, lines, faults)


def numbers_of(column: pd.Series) -> np.ndarray:
    """Return a column as floats; not a number where there is none, or one beyond every float."""
    import numpy as np
    import pandas as pd

    try:
        return pd.to_numeric(column, errors="coerce").to_numpy(dtype=float, na_value=np.nan)
    except (OverflowError, TypeError):  # integers of hundreds of digits, or lists
        return np.array([_number(value) for value in column], dtype=float)


def _number(value: Any) -> float:
    try:
        return float(value)
    except (OverflowError, TypeError, ValueError):
        return float("nan")


MOST_BLAMED = 1000
"""Faults of one kind that a block notes; messages list far fewer and count the others."""


def blame(
    bad: np.ndarray, column: pd.Series, where: tuple[str, str, str], allowed: str, lines: np.ndarray,
    faults: list[Fault],
) -> None:
    """Note each cell that is bad: `where` is (file, line or row, what it should be)."""
    import numpy as np
    import pandas as pd

    label, place, what = where
    for position in np.flatnonzero(bad)[:MOST_BLAMED]:
        found = column.iloc[position]
        missing = found is None or found is pd.NaT or found is pd.NA or found != found  # NaN is no value
        plain = None if missing else found.item() if hasattr(found, "item") else found
        faults.append(Fault(label, f"{place} {lines[position]}, {what}", shown(plain), allowed))


def zone_of(columns: Columns) -> Any:
    """Return the time zone of a trace.

    Raises:
        InputError: there is none of that name.
    """
    from zoneinfo import ZoneInfo

    try:
        return ZoneInfo(columns.timezone)
    except (ValueError, OSError, KeyError):
        file, key = columns.named_by or ("options", "")
        place = f"{key}.timezone" if key else "--timezone"
        allowed = "a name such as UTC, Asia/Tokyo or Europe/Berlin"
        raise InputError([Fault(file, place, repr(columns.timezone), allowed)]) from None


def _since_1970(times: pd.Series) -> np.ndarray:
    import numpy as np
    import pandas as pd

    start = pd.Timestamp(0, tz="UTC")
    return np.nan_to_num(((times - start) / pd.Timedelta(seconds=1)).to_numpy(dtype=float))


def _dates(column: pd.Series, columns: Columns, zone: Any) -> pd.Series:
    """Read text as times in UTC; those without an offset are of the time zone; NaT where there is no such time."""
    import pandas as pd

    text = column.astype("str").where(column.notna())
    form = columns.time_format or "ISO8601"
    if columns.timezone == "UTC" or (columns.time_format is not None and "%z" in columns.time_format):
        return pd.to_datetime(text, format=form, errors="coerce", utc=True)  # without an offset is UTC too
    aware = text.str.contains(_OFFSET, na=False) if columns.time_format is None else None
    if aware is not None and aware.all():
        return pd.to_datetime(text, format=form, errors="coerce", utc=True)
    plain = text if aware is None else text.where(~aware)
    local = pd.to_datetime(plain, format=form, errors="coerce")
    times = local.dt.tz_localize(zone, ambiguous="NaT", nonexistent="NaT").dt.tz_convert("UTC")
    if aware is not None and aware.any():
        times = times.fillna(pd.to_datetime(text.where(aware), format=form, errors="coerce", utc=True))
    return times
