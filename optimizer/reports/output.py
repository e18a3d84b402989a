"""Put a report where it belongs: a file written whole or not at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from optimizer.errors import Fault, InputError


def write_atomically(path: Path, text: str) -> None:
    """Write a file beside its place and move it there in one step, so that a failure leaves what was there.

    Raises:
        InputError: the place is a folder, or cannot be written.
    """
    if path.is_dir():
        raise InputError([Fault("--output", str(path), "a folder", "a file to write")])
    try:
        handle, temporary = tempfile.mkstemp(dir=path.resolve().parent, prefix=f".{path.name}.")
    except OSError as error:
        raise InputError([Fault("--output", str(path), f"a place that cannot be written ({error.strerror})", "a writable file")]) from None
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(temporary, path.stat().st_mode if path.exists() else 0o666 & ~umask)
        os.replace(temporary, path)
    except OSError as error:
        Path(temporary).unlink(missing_ok=True)
        raise InputError([Fault("--output", str(path), f"a place that cannot be written ({error.strerror})", "a writable file")]) from None
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
