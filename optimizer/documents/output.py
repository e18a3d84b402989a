"""Put a report where it belongs: a file, or a folder, written whole or not at all."""

from __future__ import annotations

import errno
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
            _write_into(path, data)
            return
        if target.exists() and not os.access(target, os.W_OK):
            raise _unwritable(path, "it is read-only", option)
        _replace(target, data)
    except OSError as error:
        why = "nobody reads this pipe" if error.errno == errno.ENXIO else error.strerror or str(error)
        raise _unwritable(path, why, option) from None
    except RuntimeError:  # links that lead to each other
        raise _unwritable(path, "its links go round in a circle", option) from None


def _write_into(path: Path, data: bytes) -> None:
    """Write to a device or a pipe; a pipe that nobody reads is refused without waiting."""
    handle = os.open(path, os.O_WRONLY | getattr(os, "O_NONBLOCK", 0))
    os.set_blocking(handle, True)
    with os.fdopen(handle, "wb") as stream:
        stream.write(data)


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


LISTED = ".gpumix-files"
"""Names the files that a folder was written with, so that writing it again removes those that are no more."""


def write_folder(path: Path, files: dict[str, str], force: bool, option: str = "--out") -> None:
    """Write a folder beside its place and move it there in one step, so that a failure leaves what was there.

    Into a folder that holds something each file is moved by itself, whole; what others put there stays.

    Args:
        path: the folder; an empty one may be there already.
        files: path inside it -> text, written as UTF-8.
        force: whether files of a folder that holds something may be replaced.
        option: which one named it, for the message.

    Raises:
        InputError: the place holds something and `force` is not set, is a file or a link, or cannot be written.
    """
    if path.is_symlink() or (path.exists() and not path.is_dir()):
        raise InputError([Fault(option, str(path), "a file or a link", "a folder that is new or empty")])
    listed = {**files, LISTED: "".join(f"{name}\n" for name in files)}
    try:
        filled = path.is_dir() and any(path.iterdir())
        if filled and not force:
            raise InputError([Fault(option, str(path), "a folder that holds files already",
                                    "a folder that is new or empty; --force replaces files of the same name")])
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = Path(tempfile.mkdtemp(dir=path if filled else path.parent, prefix=".gpumix."))
        try:
            _fill(fresh, listed)
            if filled:
                _refuse_obstacles(path, listed, option)
                _merge(fresh, path, listed)
            else:
                os.replace(fresh, path)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)
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


def _refuse_obstacles(path: Path, files: dict[str, str], option: str) -> None:
    """Refuse a folder in which a file would have to take the place of a folder, or leave it by a link.

    Raises:
        InputError: naming every such place.
    """
    faults = []
    for name in files:
        target = path / name
        if target.is_dir() or target.is_symlink():
            faults.append(Fault(option, str(target), "a folder or a link", "a file to replace, or nothing"))
        for above in target.relative_to(path).parents:
            place = path / above
            if above != Path() and (place.is_symlink() or (place.exists() and not place.is_dir())):
                faults.append(Fault(option, str(place), "a file or a link", "a folder, or nothing"))
    if faults:
        raise InputError(list(dict.fromkeys(faults)))


def _merge(fresh: Path, path: Path, files: dict[str, str]) -> None:
    """Move files into a folder, and remove those that an earlier writing left and this one has not."""
    earlier = path / LISTED
    known = earlier.read_text(encoding="utf-8", errors="replace").splitlines() if earlier.is_file() else []
    for name in files:
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        os.replace(fresh / name, path / name)
    for name in known:
        stale = path / name
        inside = ".." not in Path(name).parts and not Path(name).is_absolute()
        if name not in files and inside and stale.is_file() and stale.resolve().is_relative_to(path.resolve()):
            stale.unlink()
            _remove_empty(stale.parent, path)


def _remove_empty(folder: Path, top: Path) -> None:
    """Remove a folder and those above it that hold nothing any more, up to a top that stays."""
    while folder != top and not any(folder.iterdir()):
        folder.rmdir()
        folder = folder.parent
