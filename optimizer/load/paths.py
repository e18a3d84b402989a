"""Files that a problem file names: they lie below its folder or the current one, unless its user allows others."""

from __future__ import annotations

import os
from pathlib import Path

from optimizer.errors import Fault, InputError

ALLOW_OUTSIDE = "--allow-outside"


def named_file(stated: str, base: Path, place: tuple[str, str], allowed: str, outside: bool) -> Path:
    """Find a file that a problem names: in the folder of the problem, then in the current folder.

    A problem file may come from someone else, and messages quote the files that it names; so a path that leaves both
    folders, by `..`, from the root or through a link, is refused.

    Args:
        stated: the path as the problem states it.
        base: the folder of the problem file.
        place: (file, key) that name the path, for the message.
        allowed: what the path may be, for the message.
        outside: whether the path may leave the folders.

    Raises:
        InputError: there is no such file, or it lies outside.
    """
    left = False
    for folder in (base, Path()):
        path = folder / stated
        try:
            if not os.path.exists(path):
                continue
            if outside or path.resolve().is_relative_to(folder.resolve()):
                return path
            left = True
        except (OSError, ValueError, RuntimeError):
            continue
    if left:
        inside = f"a file below the folder of the problem or below this one; {ALLOW_OUTSIDE} allows others"
        raise InputError([Fault(*place, f"{stated!r}, outside the folder of the problem", inside)])
    raise InputError([Fault(*place, f"{stated!r}, no such file", allowed)])


def set_by_user(key: str, overrides: tuple[str, ...]) -> bool:
    """Say whether `--set` states a key, one above it or one below it: the user wrote the path, not the file.

    >>> set_by_user("services.0.model", ("services.0.model=/data/config.json",))
    True
    """
    stated = (one.partition("=")[0].strip() for one in overrides)
    return any(f"{key}.".startswith(f"{one}.") or one.startswith(f"{key}.") for one in stated)
