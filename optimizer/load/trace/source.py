"""The rows of a trace in blocks: CSV, JSON lines or Parquet, plain or compressed, told by what the file begins with."""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import json
import lzma
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from optimizer.errors import Fault, InputError
from optimizer.load.faults import shown
from optimizer.load.text import opened

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

BLOCK_BYTES = 4 * 2**20
"""What is read at a time."""

LONGEST_ROW_BYTES = 16 * 2**20
"""A row beyond this is no request: text without line ends, or a quote that is never closed."""

BATCH_ROWS = 250_000
"""Rows of Parquet that are read at a time."""

NEEDS = "pip install 'gpumix[traces]'"


@dataclass(frozen=True)
class Block:
    """Some rows: the columns that were asked for, and the line (row of Parquet) that each starts on."""

    table: pd.DataFrame
    lines: np.ndarray


@dataclass(frozen=True)
class Source:
    """A file that was opened: its columns, and what yields its rows."""

    label: str
    header: list[str]
    place: str
    """What rows are counted in: line, or row."""
    blocks: Any
    """Names of columns -> an iterator over blocks."""


@contextmanager
def source_of(path: Path, label: str) -> Iterator[Source]:
    """Open a trace.

    Raises:
        InputError: it cannot be read, is in a form that is not known, or in one whose reader is not installed.
    """
    with opened(path, label) as raw:
        start = raw.read(8)
        raw.seek(0)
        if start.startswith(b"PAR1"):
            yield _parquet(raw, label)
            return
        stream = _decompressed(raw, start, label)
        try:
            rows = _Rows(stream, label)
            yield _json_lines(rows, label) if rows.is_json else _csv(rows, label)
        except (OSError, EOFError, zlib.error, lzma.LZMAError) as error:
            found = f"compressed data that cannot be read ({error})"
            raise InputError([Fault(label, "", found, "gzip, bzip2, xz or zstd, whole")]) from None


def _decompressed(raw: BinaryIO, start: bytes, label: str) -> Any:
    """Return what reads a file's content, whatever it is compressed with."""
    if start.startswith(b"\x1f\x8b"):
        return gzip.GzipFile(fileobj=raw)
    if start.startswith(b"BZh"):
        return bz2.BZ2File(raw)
    if start.startswith(b"\xfd7zXZ"):
        return lzma.LZMAFile(raw)
    if start.startswith(b"\x28\xb5\x2f\xfd"):
        return _arrow(label, "zstd").CompressedInputStream(raw, "zstd")
    return raw


def _arrow(label: str, what: str) -> Any:
    """Import pyarrow.

    Raises:
        InputError: it is not installed.
    """
    try:
        import pyarrow as pa
    except ImportError:
        raise InputError([Fault(label, "", f"{what}, and no reader for it is installed", NEEDS)]) from None
    return pa


class _Rows:
    """Bytes of whole rows, a block at a time."""

    def __init__(self, stream: Any, label: str) -> None:
        self.stream, self.label = stream, label
        self._rest = bytes(stream.read(BLOCK_BYTES))
        self.is_json = self._rest.lstrip().startswith(b"{")
        self.first = self._next() or b""

    def _next(self) -> bytes | None:
        """Return some whole rows; None at the end."""
        while True:
            piece = bytes(self.stream.read(BLOCK_BYTES))
            block = self._rest + piece
            end = len(block) if not piece else block.rfind(b"\n") + 1 if self.is_json else _last_row_end(block)
            if end or not piece:
                self._rest = block[end:]
                return block[:end] or None
            if len(block) > LONGEST_ROW_BYTES + BLOCK_BYTES:
                found = f"a row of more than {LONGEST_ROW_BYTES:,} bytes, or a quote that is never closed"
                raise InputError([Fault(self.label, "", found, "one request a line")])
            self._rest = block

    def __iter__(self) -> Iterator[bytes]:
        """Yield the blocks."""
        block: bytes | None = self.first
        while block:
            yield block
            block = self._next()


def _last_row_end(block: bytes) -> int:
    """Return where the last whole row ends: after a line end that no quote encloses; 0 where there is none."""
    quotes, end = block.count(b'"'), len(block)
    while (cut := block.rfind(b"\n", 0, end)) >= 0:
        quotes -= block.count(b'"', cut, end)
        if quotes % 2 == 0:
            return cut + 1
        end = cut
    return 0


def _csv(rows: _Rows, label: str) -> Source:
    """Read the header of a CSV file."""
    head = _text(rows.first, label, 1).removeprefix("\ufeff")
    reader = csv.reader(io.StringIO(head, newline=""))
    try:
        header = next(reader, [])
    except csv.Error as error:
        raise InputError([Fault(label, "line 1", f"text that CSV cannot read ({error})", "a header line")]) from None
    return Source(label, header, "line", lambda wanted: _csv_blocks(rows, label, header, reader.line_num, wanted))


def _csv_blocks(rows: _Rows, label: str, header: list[str], head_lines: int, wanted: list[str]) -> Iterator[Block]:
    """Yield the rows after the header."""
    import pandas as pd

    line = 1
    for number, raw in enumerate(rows):
        text = _text(raw, label, line)
        if number == 0:
            text = text.removeprefix("\ufeff")
            for _ in range(head_lines):
                text = text.partition("\n")[2]
            line += head_lines
        if not text.strip():
            line += text.count("\n")
            continue
        starts, ragged = _starts(text, line, len(header))
        if ragged:
            raise InputError([Fault(label, f"line {at}", f"{cells} cells", f"{len(header)}, as in the header")
                              for at, cells in ragged])
        try:
            table = pd.read_csv(
                io.StringIO(text), header=None, names=[str(index) for index in range(len(header))], index_col=False,
                usecols=[header.index(name) for name in wanted], skip_blank_lines=False, skipinitialspace=True,
                low_memory=False)
        except (pd.errors.ParserError, pd.errors.EmptyDataError, ValueError) as error:
            raise InputError([Fault(label, "", f"text that CSV cannot read ({error})", "one request a line")]) from None
        table.columns = pd.Index([header[int(name)] for name in table.columns])
        yield Block(table, starts[: len(table)])
        line += text.count("\n")


def _text(raw: bytes, label: str, line: int) -> str:
    """Decode a block of which the first line has a number."""
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        at = line + raw[: error.start].count(b"\n")
        wide = raw.startswith((b"\xff\xfe", b"\xfe\xff"))
        found = "UTF-16 text" if wide else f"the byte 0x{raw[error.start]:02x}, which is not UTF-8"
        raise InputError([Fault(label, f"line {at}", found, "UTF-8 text")]) from None
    if "\x00" in text:
        at = line + text.count("\n", 0, text.index("\x00"))
        raise InputError([Fault(label, f"line {at}", "a NUL character: a binary file, or UTF-16 text", "UTF-8 text")])
    return text


def _starts(text: str, line: int, width: int) -> tuple[np.ndarray, list[tuple[int, int]]]:
    """Return the line on which each row starts, and (line, cells) of the first that are not as wide as the header."""
    import numpy as np

    if '"' not in text:
        found = np.frombuffer(text.encode() if text.endswith("\n") else f"{text}\n".encode(), dtype=np.uint8)
        ends = np.flatnonzero(found == ord("\n"))
        commas = np.searchsorted(np.flatnonzero(found == ord(",")), ends)
        cells = np.diff(commas, prepend=0) + 1
        lengths = np.diff(ends, prepend=-1) - 1
        returns = (found[np.maximum(ends - 1, 0)] == ord("\r")) & (lengths == 1)
        bad = np.flatnonzero((cells != width) & (lengths > 0) & ~returns)[:MOST_RAGGED]
        return line + np.arange(len(ends)), [(line + int(at), int(cells[at])) for at in bad]
    reader = csv.reader(io.StringIO(text, newline=""))
    starts: list[int] = []
    ragged: list[tuple[int, int]] = []
    last = 0
    for row in reader:
        starts.append(line + last)
        if row and len(row) != width and len(ragged) < MOST_RAGGED:
            ragged.append((line + reader.line_num - 1, len(row)))
        last = reader.line_num
    return np.array(starts, dtype=np.int64), ragged


MOST_RAGGED = 25
"""Rows of another width that are told; more would say nothing new."""


Keys = tuple[str, ...]


def leaves(value: Any, above: Keys = ()) -> Iterator[tuple[Keys, Any]]:
    """Yield the leaves of a JSON object, each with the keys that lead to it."""
    for key, inner in value.items():
        if isinstance(inner, dict):
            yield from leaves(inner, (*above, key))
        else:
            yield (*above, key), inner


def flat(value: Any) -> dict[str, Any]:
    """Return the leaves of a JSON object by dotted key.

    >>> flat({"a": 1, "usage": {"prompt_tokens": 2}})
    {'a': 1, 'usage.prompt_tokens': 2}
    """
    return {".".join(path): inner for path, inner in leaves(value)}


def _json_lines(rows: _Rows, label: str) -> Source:
    """Read the keys of the first object."""
    first = rows.first.partition(b"\n")[0]
    try:
        record = json.loads(first)
        kinds = dict(leaves(record))
    except (ValueError, RecursionError, AttributeError):
        found = f"text that JSON cannot read: {shown(first[:40].decode('utf-8', 'replace'))}"
        raise InputError([Fault(label, "line 1", found, "a JSON object a line, or CSV")]) from None
    header = [".".join(keys) for keys in kinds]
    return Source(label, header, "line", lambda wanted: _json_blocks(rows, label, kinds, wanted))


def _json_blocks(rows: _Rows, label: str, kinds: dict[Keys, Any], wanted: list[str]) -> Iterator[Block]:
    """Yield the objects' values: by pyarrow where every line has the kinds of the first, else line by line."""
    import numpy as np

    line = 1
    for raw in rows:
        count = raw.count(b"\n") + (not raw.endswith(b"\n"))
        table = None if b"\n\n" in raw else _by_arrow(raw, kinds, wanted)
        if table is not None and len(table) == count:
            yield Block(table, line + np.arange(count))
        else:
            yield _by_line(_text(raw, label, line), label, line, wanted)
        line += count


def _by_arrow(raw: bytes, kinds: dict[Keys, Any], wanted: list[str]) -> pd.DataFrame | None:
    """Read lines with pyarrow; None where it is missing or any line is not as the first."""
    try:
        import pyarrow as pa
        import pyarrow.json as reader
    except ImportError:
        return None
    tree: dict[str, Any] = {}
    for (*above, last), value in kinds.items():
        if ".".join((*above, last)) not in wanted:
            continue
        place = tree
        for part in above:
            place = place.setdefault(part, {})
        numeric = isinstance(value, int | float) and not isinstance(value, bool)
        place[last] = pa.float64() if numeric else pa.string()

    def typed(inner: dict[str, Any]) -> list[Any]:
        return [pa.field(key, pa.struct(typed(one)) if isinstance(one, dict) else one) for key, one in inner.items()]

    options = reader.ParseOptions(explicit_schema=pa.schema(typed(tree)), unexpected_field_behavior="ignore")
    try:
        table = reader.read_json(pa.BufferReader(raw), parse_options=options)
    except (pa.ArrowException, ValueError):
        return None
    while any(pa.types.is_struct(field.type) for field in table.schema):
        table = table.flatten()
    frame: pd.DataFrame = table.select(wanted).to_pandas()
    return frame


def _by_line(text: str, label: str, line: int, wanted: list[str]) -> Block:
    """Read lines one by one, for the kinds of values that differ, and for the faults.

    Raises:
        InputError: with the lines that are no JSON objects.
    """
    import numpy as np
    import pandas as pd

    found: list[list[Any]] = []
    lines: list[int] = []
    faults: list[Fault] = []
    for number, row in enumerate(text.split("\n"), line):
        if not row.strip():
            continue
        try:
            record = flat(json.loads(row))
        except (ValueError, RecursionError, AttributeError):
            faults.append(Fault(label, f"line {number}", shown(row), "a JSON object a line"))
            if len(faults) > MOST_RAGGED:
                break
            continue
        found.append([record.get(name) for name in wanted])
        lines.append(number)
    if faults:
        raise InputError(faults)
    return Block(pd.DataFrame(found, columns=pd.Index(wanted), dtype=object), np.array(lines, dtype=np.int64))


def _parquet(raw: BinaryIO, label: str) -> Source:
    """Open a Parquet file."""
    pa = _arrow(label, "Parquet")
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(raw)
        header = [name for name, _ in _fields(file.schema_arrow)]
    except (pa.ArrowException, OSError) as error:
        found = f"no Parquet file ({(str(error).splitlines() or [''])[0]})"
        raise InputError([Fault(label, "", found, "a trace of requests")]) from None
    return Source(label, header, "row", lambda wanted: _parquet_blocks(file, pa, label, wanted))


def _fields(schema: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the leaves of an Arrow schema or struct by dotted name."""
    for field in schema:
        if str(field.type).startswith("struct<"):
            yield from _fields(field.type, f"{prefix}{field.name}.")
        else:
            yield f"{prefix}{field.name}", field.type


def _parquet_blocks(file: Any, pa: Any, label: str, wanted: list[str]) -> Iterator[Block]:
    """Yield the rows of a Parquet file."""
    import numpy as np

    row = 1
    try:
        for batch in file.iter_batches(BATCH_ROWS, columns=wanted):
            table = pa.Table.from_batches([batch])
            while any(pa.types.is_struct(field.type) for field in table.schema):
                table = table.flatten()
            frame = table.select(wanted).to_pandas()
            yield Block(frame, row + np.arange(len(frame)))
            row += len(frame)
    except (pa.ArrowException, OSError) as error:
        found = f"Parquet that cannot be read ({(str(error).splitlines() or [''])[0]})"
        raise InputError([Fault(label, f"row {row}", found, "a whole file")]) from None
