"""Put a report where it belongs: a file written whole or not at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from optimizer.errors import Fault, InputError


def _unwritable(path: Path, why: str, option: str) -> InputError:
    return InputError([Fault(option, str(path), f"a place that cannot be written ({why})", "a writable file")])


def write_atomically(path: Path, content: str | bytes, option: str = "--output") -> None:
    """Write a file beside its place and move it there in one step, so that a failure leaves what was there.

    A link is followed to the file it names; a device or a pipe, which nothing can be moved onto, is written to.

    Args:
        path: the file.
        content: what it holds; text is written as UTF-8.
        option: which one named it, for the message.

    Raises:
        InputError: the place is a folder, or cannot be written.
    """
    if path.is_dir():
        raise InputError([Fault(option, str(path), "a folder", "a file to write")])
    data = content.encode() if isinstance(content, str) else content
    try:
        target = path.resolve()
        if path.exists() and not path.is_file():
            path.write_bytes(data)
            return
        if target.exists() and not os.access(target, os.W_OK):
            raise _unwritable(path, "it is read-only", option)
        _replace(target, data)
    except OSError as error:
        raise _unwritable(path, error.strerror or str(error), option) from None
    except RuntimeError:  # links that lead to each other
        raise _unwritable(path, "its links go round in a circle", option) from None


def _replace(target: Path, data: bytes) -> None:
    """Write a new file beside another and put it in its place."""
    handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=".gpumix.")
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(temporary, target.stat().st_mode if target.exists() else 0o666 & ~umask)
        os.replace(temporary, target)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
