"""Bytes and text from disk, with one clear fault when they cannot be had."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from optimizer.errors import Fault, InputError

LARGEST_BYTES = 200_000_000
"""A file beyond this size is no problem or catalog file."""


def read_bytes(path: Path, label: str | None = None) -> bytes:
    """Read a whole file.

    Raises:
        InputError: the file is missing, a folder, unreadable or too large.
    """
    shown = label or str(path)
    try:
        if path.is_dir():
            raise InputError([Fault(shown, "", "a folder", "a file")])
        if path.stat().st_size > LARGEST_BYTES:
            raise InputError([Fault(shown, "", f"{path.stat().st_size:,} bytes", f"at most {LARGEST_BYTES:,} bytes")])
        return path.read_bytes()
    except FileNotFoundError:
        raise InputError([Fault(shown, "", "no such file", "a readable file")]) from None
    except (OSError, ValueError) as error:
        raise InputError([Fault(shown, "", f"unreadable ({error})", "a readable file")]) from None


def decode(raw: bytes, label: str) -> str:
    """Decode UTF-8, with or without a byte-order mark.

    Raises:
        InputError: the bytes are of another encoding, or binary.
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
    return text


def _allowed(label: str) -> str:
    return "UTF-8 text (in Excel: save as 'CSV UTF-8')" if label.endswith(".csv") else "UTF-8 text"


def read_json(path: Path, what: str) -> Any:
    """Read a JSON file.

    Args:
        what: what the file should be, for the message: `a Mélange config`.

    Raises:
        InputError: the file cannot be read, or is no JSON.
    """
    label = str(path)
    try:
        return json.loads(decode(read_bytes(path), label))
    except (json.JSONDecodeError, RecursionError) as error:
        raise InputError([Fault(label, "", f"text that JSON cannot read ({error})", what)]) from None
