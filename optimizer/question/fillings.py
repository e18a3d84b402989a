"""How replicas of several sizes fill the GPUs of nodes."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache


@lru_cache(maxsize=256)
def fillings(gpus: int, sizes: tuple[int, ...]) -> tuple[tuple[int, ...], ...]:
    """List the ways to fill a node that leave no room for a further replica, as counts by size.

    >>> fillings(6, (2, 3))
    ((0, 2), (1, 1), (3, 0))
    >>> fillings(1, (2, 3))
    ()
    """
    found = [way for way in _ways(gpus, sizes) if any(way) and not _has_room(gpus, sizes, way)]
    return tuple(sorted(found))


def _has_room(gpus: int, sizes: tuple[int, ...], way: tuple[int, ...]) -> bool:
    return gpus - sum(size * count for size, count in zip(sizes, way, strict=True)) >= min(sizes)


def _ways(gpus: int, sizes: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    if not sizes:
        yield ()
        return
    for count in range(gpus // sizes[-1] + 1):
        for rest in _ways(gpus - count * sizes[-1], sizes[:-1]):
            yield (*rest, count)
