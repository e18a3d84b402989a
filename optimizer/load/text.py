"""Bytes and text from disk, with one clear fault when they cannot be had."""

from __future__ import annotations

import json
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from optimizer.errors import UNPRINTABLE, Fault, InputError

LARGEST_BYTES = 256 * 2**20
"""A file that is read whole has at most 256 MiB; traces of requests are streamed and may be larger."""

LARGEST_JSON_BYTES = 64 * 2**20
"""JSON takes some ten times its size in memory."""

LONGEST_INTEGER = 400
"""Digits beyond this are no quantity of ours; a float has 309 before the point at most."""

_CONTROL = re.compile(r"[\x01-\x08\x0b\x0e-\x1f\x7f-\x9f]")
"""Characters that steer a terminal; tabs, line ends and form feeds are text."""

_ESCAPED_CONTROL = re.compile(r"(?<!\\)(?:\\\\)*\\(u00(?:0[0-7bBeEfF]|1[0-9a-fA-F]|7[fF]|[89][0-9a-fA-F]))")
"""The same as JSON writes them; \\u0000 included."""

_KINDS = (
    (stat.S_ISDIR, "a folder"), (stat.S_ISFIFO, "a named pipe"), (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"), (stat.S_ISBLK, "a device"),
)


@contextmanager
def opened(path: Path, label: str | None = None) -> Iterator[BinaryIO]:
    """Open a regular file to read its bytes; pipes and devices, which may never end, are refused without waiting.

    Raises:
        InputError: the file is missing, is no regular file, or cannot be opened.
    """
    shown = label or str(path)
    try:
        _refuse_special(os.stat(path).st_mode, shown)  # before it is opened: opening some devices acts on them
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except (OSError, ValueError) as error:
        raise _unreadable(error, shown) from None
    with os.fdopen(handle, "rb") as stream:
        _refuse_special(os.fstat(handle).st_mode, shown)
        yield stream


def _unreadable(error: OSError | ValueError, label: str) -> InputError:
    """Say why a file cannot be read."""
    if isinstance(error, FileNotFoundError):
        return InputError([Fault(label, "", "no such file", "a readable file")])
    why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return InputError([Fault(label, "", f"unreadable ({why})", "a readable file")])


def _refuse_special(mode: int, label: str) -> None:
    found = next((kind for is_kind, kind in _KINDS if is_kind(mode)), None)
    if found is not None:
        raise InputError([Fault(label, "", found, "a file")])


def read_bytes(path: Path, label: str | None = None, most: int | None = None) -> bytes:
    """Read a whole file.

    Args:
        label: how faults name the file; its path by default.
        most: bytes that it may have, by default LARGEST_BYTES.

    Raises:
        InputError: the file is missing, no regular file, unreadable or too large.
    """
    most = LARGEST_BYTES if most is None else most
    with opened(path, label) as stream:
        try:
            raw = stream.read(most + 1)
        except OSError as error:
            raise _unreadable(error, label or str(path)) from None
        if len(raw) > most:
            size = max(os.fstat(stream.fileno()).st_size, len(raw))
            raise InputError([Fault(label or str(path), "", f"{size:,} bytes", f"at most {most:,} bytes")])
    return raw


def decode(raw: bytes, label: str) -> str:
    """Decode UTF-8, with or without a byte-order mark.

    Raises:
        InputError: the bytes are of another encoding, binary, or hold characters that steer a terminal.
    """
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        wide = raw.startswith((b"\xff\xfe", b"\xfe\xff"))
        found = "UTF-16 text" if wide else f"the byte 0x{raw[error.start]:02x}, which is not UTF-8"
        raise InputError([Fault(label, f"line {line}", found, _allowed(label))]) from None
    if "\x00" in text:
        line = text[: text.index("\x00")].count("\n") + 1
        found = "a NUL character: a binary file, or UTF-16 text"
        raise InputError([Fault(label, f"line {line}", found, _allowed(label))])
    control = _CONTROL.search(text)
    if control is not None:
        line = text[: control.start()].count("\n") + 1
        raise InputError([control_fault(label, f"line {line}", control[0])])
    return text


def control_fault(label: str, place: str, character: str) -> Fault:
    """Say that a text holds a character that steers a terminal."""
    return Fault(label, place, f"the control character #x{ord(character):02x}", "printable text")


def control_in(text: str) -> str | None:
    """Return the first character of a value that could steer a terminal or turn text around; None where none does."""
    found = UNPRINTABLE.search(text)
    return found[0] if found else None


def _allowed(label: str) -> str:
    return "UTF-8 text (in Excel: save as 'CSV UTF-8')" if label.endswith(".csv") else "UTF-8 text"


def parse_json(text: str, label: str, allowed: str, pairs: Any = None) -> Any:
    """Parse JSON.

    Args:
        label: how faults name the text.
        allowed: what the text should be: `a Mélange config`.
        pairs: makes a mapping from its pairs, as `json.loads` takes it.

    Raises:
        InputError: it is no JSON, nests too deep, has a number of more digits than any quantity of ours, or names a
            control character.
    """
    escaped = _ESCAPED_CONTROL.search(text)
    if escaped is not None:
        line = text.count("\n", 0, escaped.start()) + 1
        raise InputError([control_fault(label, f"line {line}", chr(int(escaped[1][1:], 16)))])
    try:
        return json.loads(text, object_pairs_hook=pairs, parse_int=_integer)
    except (ValueError, RecursionError) as error:
        raise InputError([Fault(label, "", f"text that JSON cannot read ({error})", allowed)]) from None


def _integer(digits: str) -> int:
    if len(digits) > LONGEST_INTEGER:
        raise ValueError(f"an integer of {len(digits):,} digits")
    return int(digits)


def read_json(path: Path, what: str) -> Any:
    """Read a JSON file.

    Args:
        what: what the file should be, for the message: `a Mélange config`.

    Raises:
        InputError: the file cannot be read, or is no JSON.
    """
    label = str(path)
    return parse_json(decode(read_bytes(path, most=LARGEST_JSON_BYTES), label), label, what)
