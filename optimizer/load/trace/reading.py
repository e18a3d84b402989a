"""Reads a trace block by block into columns on disk, so that memory does not grow with the number of requests."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from optimizer.errors import Fault, InputError
from optimizer.load.csv_files import first_faults
from optimizer.load.trace.names import NAMES, Columns, chosen
from optimizer.load.trace.source import Source, source_of
from optimizer.load.trace.times import Clock, Unit, blame, numbers_of, zone_of

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

LARGEST_TOKENS = 10**9
SHOWN = 5
"""Lines named for each thing that was handled."""

CHUNK = 500_000
"""Requests that are worked on at a time."""


class Column:
    """Numbers of one kind, kept in a file that goes when it is closed."""

    def __init__(self, dtype: str) -> None:
        self.dtype, self._file, self._length = dtype, tempfile.TemporaryFile(), 0  # noqa: SIM115

    def __len__(self) -> int:
        """Return how many numbers there are."""
        return self._length

    def append(self, values: np.ndarray) -> None:
        """Add numbers at the end."""
        self._file.seek(0, 2)
        self._file.write(values.astype(self.dtype).tobytes())
        self._length += len(values)

    def part(self, start: int, count: int = CHUNK) -> np.ndarray:
        """Return some of the numbers."""
        import numpy as np

        size = np.dtype(self.dtype).itemsize
        self._file.seek(start * size)
        return np.frombuffer(self._file.read(count * size), dtype=self.dtype)

    def parts(self) -> Iterator[np.ndarray]:
        """Yield all numbers, some at a time."""
        for start in range(0, self._length, CHUNK):
            yield self.part(start)

    def all(self) -> np.ndarray:
        """Return all numbers."""
        return self.part(0, self._length)

    def put_in_order(self, order: np.ndarray) -> None:
        """Put the numbers in another order."""
        values = self.all()[order]
        self._length = 0
        self._file.seek(0)
        self._file.truncate()
        self.append(values)


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
    at: Column
    """Seconds since 1970 UTC, or since the trace's own start."""
    dated: bool
    timezone: str
    inputs: Column
    outputs: Column
    line: Column
    """Where each request stands in the file."""
    rows: int
    zero_tokens: Handled
    """Rows left out."""
    out_of_order: Handled
    """Rows put in order."""
    unit: Unit | None = None
    """Of times that are numbers."""

    @property
    def seconds(self) -> np.ndarray:
        """All times at once."""
        return self.at.all()

    @property
    def input_tokens(self) -> np.ndarray:
        """All tokens in at once."""
        return self.inputs.all()

    @property
    def output_tokens(self) -> np.ndarray:
        """All tokens out at once."""
        return self.outputs.all()

    @property
    def lines(self) -> np.ndarray:
        """All lines at once."""
        return self.line.all()


@dataclass(frozen=True)
class Times:
    """When requests came, in order."""

    seconds: np.ndarray
    """Since 1970 UTC, or since any start."""
    dated: bool
    timezone: str


class _Noted:
    """Counts rows of one kind, and remembers the lines of the first."""

    def __init__(self) -> None:
        self.rows, self.lines = 0, list[int]()

    def note(self, lines: np.ndarray) -> None:
        """Count rows by their lines."""
        self.rows += len(lines)
        self.lines += [int(line) for line in lines[: SHOWN - len(self.lines)]]

    def handled(self) -> Handled:
        """Return what was counted."""
        return Handled(self.rows, tuple(self.lines))


class _Reader:
    """Takes the blocks of a trace one after the other."""

    def __init__(self, source: Source, columns: Columns, roles: tuple[str, ...]) -> None:
        self.source, self.names = source, chosen(source.header, source.label, columns, roles)
        self.clock = Clock(columns, self.names["time"], source.header, source.label, source.place)
        self.at, self.line = Column("float64"), Column("int64")
        self.tokens = {role: Column("int32") for role in roles if role != "time"}
        self.zero, self.behind, self.faults = _Noted(), _Noted(), list[Fault]()
        self.rows, self.last, self.first = 0, float("-inf"), float("inf")

    def read(self) -> None:
        """Read every block.

        Raises:
            InputError: with the faults of the file, each with its line.
        """
        blank: list[Any] = []  # blocks of empty rows, which are blank lines at the end unless a row follows
        for block in self.source.blocks(list(dict.fromkeys(self.names.values()))):
            table = block.table
            filled = table.notna().any(axis=1).to_numpy().nonzero()[0]
            if not len(filled):
                blank.append(block)
                continue
            for earlier in blank:
                self._take(earlier.table, earlier.lines)
            blank = []
            end = filled[-1] + 1
            self._take(table.iloc[:end], block.lines[:end])
            if end < len(table):
                blank.append(type(block)(table.iloc[end:], block.lines[end:]))
            if len(self.faults) > CHUNK:
                break
        if not self.rows:
            raise InputError([Fault(self.source.label, "", "a header and no requests", "at least one request")])
        if self.faults:
            raise InputError(first_faults(self.faults, self.source.label))
        if not len(self.at):
            found = f"{self.rows} rows, none with tokens in and out"
            raise InputError([Fault(self.source.label, "", found, "at least one request")])
        self.clock.check_span(self.last - self.first)

    def _take(self, table: pd.DataFrame, lines: np.ndarray) -> None:
        """Take the rows of a block."""
        import numpy as np

        self.rows += len(table)
        counts = {role: self._tokens(table[self.names[role]], role, lines) for role in self.tokens}
        seconds = self.clock.seconds(table[self.names["time"]], lines, self.faults)
        kept = np.ones(len(table), dtype=bool)
        for count in counts.values():
            kept &= count > 0
        if not kept.all():
            self.zero.note(lines[~kept])
            seconds, lines = seconds[kept], lines[kept]
        if not len(seconds):
            return
        before = np.concatenate([[self.at.part(len(self.at) - 1, 1)[0] if len(self.at) else -np.inf], seconds[:-1]])
        self.behind.note(lines[seconds < before])
        self.first, self.last = min(self.first, float(seconds.min())), max(self.last, float(seconds.max()))
        self.at.append(seconds)
        self.line.append(lines)
        for role, count in counts.items():
            self.tokens[role].append(count[kept])

    def _tokens(self, column: pd.Series, role: str, lines: np.ndarray) -> np.ndarray:
        """Return whole numbers of tokens from 0; whatever is none is a fault."""
        import numpy as np

        numbers = numbers_of(column)
        with np.errstate(invalid="ignore"):
            good = (numbers >= 0) & (numbers < LARGEST_TOKENS) & (numbers == np.floor(numbers))
        where = (self.source.label, self.source.place, f"{role} tokens")
        blame(~good, column, where, "a whole number from 0", lines, self.faults)
        return np.where(good, numbers, 0).astype(np.int64)

    def put_in_order(self) -> None:
        """Sort by time, where the file is not in order: this alone takes memory for every request, 16 bytes each."""
        import numpy as np

        if self.behind.rows:
            order = np.argsort(self.at.all(), kind="stable")
            for column in (self.at, self.line, *self.tokens.values()):
                column.put_in_order(order)


def read_trace(path: Path, columns: Columns) -> Trace:
    """Read a trace: CSV, JSON lines or Parquet, plain or compressed by gzip, bzip2, xz or zstd.

    Raises:
        InputError: with the faults of the file, each with its line.
    """
    label = str(path)
    zone_of(columns)
    with source_of(path, label) as source:
        reader = _Reader(source, columns, tuple(NAMES))
        reader.read()
    reader.put_in_order()
    clock, tokens = reader.clock, reader.tokens
    return Trace(
        label, reader.at, clock.dated, columns.timezone, tokens["input"], tokens["output"], reader.line, reader.rows,
        reader.zero.handled(), reader.behind.handled(), clock.unit)


def read_times(path: Path, label: str, columns: Columns) -> Times:
    """Read only the times of a trace: a column of timestamps is enough.

    Raises:
        InputError: with the faults of the file, each with its line.
    """
    zone_of(columns)
    with source_of(path, label) as source:
        reader = _Reader(source, columns, ("time",))
        reader.read()
    reader.put_in_order()
    return Times(reader.at.all(), reader.clock.dated, columns.timezone)
