"""Put a report where it belongs: a file, or a folder, written whole or not at all."""

from __future__ import annotations

import os
import shutil
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


def write_folder(path: Path, files: dict[str, str], force: bool, option: str = "--out") -> None:
    """Write a folder beside its place and move it there in one step, so that a failure leaves what was there.

    Args:
        path: the folder; an empty one may be there already.
        files: path inside it -> text, written as UTF-8.
        force: whether a folder that holds something is replaced, by name and with all that it holds.
        option: which one named it, for the message.

    Raises:
        InputError: the place holds something and `force` is not set, is a file or a link, or cannot be written.
    """
    if path.is_symlink() or (path.exists() and not path.is_dir()):
        raise InputError([Fault(option, str(path), "a file or a link", "a folder that is new or empty")])
    try:
        if path.is_dir() and any(path.iterdir()) and not force:
            raise InputError([Fault(option, str(path), "a folder that holds files already",
                                    "a folder that is new or empty; --force replaces it")])
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = Path(tempfile.mkdtemp(dir=path.parent, prefix=".gpumix."))
        try:
            _fill(fresh, files)
            _swap(fresh, path)
        except BaseException:
            shutil.rmtree(fresh, ignore_errors=True)
            raise
    except OSError as error:
        why = error.strerror or str(error)
        raise InputError([Fault(option, str(path), f"a place that cannot be written ({why})", "a writable folder")]
                         ) from None


def _fill(folder: Path, files: dict[str, str]) -> None:
    """Write files into an empty folder, with the rights that new files have."""
    umask = os.umask(0)
    os.umask(umask)
    folder.chmod(0o777 & ~umask)
    for name, text in files.items():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8", newline="")


def _swap(fresh: Path, path: Path) -> None:
    """Put a folder in the place of another, which is only then removed."""
    if not path.exists():
        os.rename(fresh, path)
        return
    aside = Path(tempfile.mkdtemp(dir=path.parent, prefix=".gpumix."))
    old = aside / "old"
    os.rename(path, old)
    try:
        os.rename(fresh, path)
    except BaseException:
        os.rename(old, path)
        raise
    finally:
        shutil.rmtree(aside, ignore_errors=True)
