"""Where labels go: boxes in pixels that meet no other label, no mark, and never leave the picture.

Greedy and exact: a label takes the best of its places that no earlier label, mark or leader meets; one without such a
place is left out. So no two labels overlap, whatever the data.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

GAP_PX = 3.0
"""Free space around a label."""

DISTANCES_PX = (9.0, 13.0, 18.0, 24.0, 32.0, 40.0, 50.0, 75.0, 105.0, 145.0, 190.0, 240.0, 300.0)
"""How far from its point a label may stand, tried in turn."""

DIRECTIONS = 24
"""Directions around a point, evenly spread."""

LEADER_FROM_PX = 14.0
"""A label farther away than this has a line to its point."""

LEADER_START_PX = 6.0
"""Where that line starts: outside of the mark."""

CROSSING_COST = 14.0
"""A label on a drawn line is as bad as one this many pixels farther from its point, times the weight of the line."""

LEVEL_WEIGHT = 5.0
"""How many times as bad a level line is: it strikes the text through."""

TURN_COST = 22.0
"""The worst direction is as bad as the best one this many pixels farther out."""


@dataclass(frozen=True)
class Box:
    """A rectangle in pixels, y upwards."""

    left: float
    bottom: float
    right: float
    top: float

    def meets(self, other: Box) -> bool:
        """Say whether two boxes share more than an edge."""
        return self.left < other.right and other.left < self.right and self.bottom < other.top \
            and other.bottom < self.top

    def grown(self, by: float) -> Box:
        """Return the box with free space around it."""
        return Box(self.left - by, self.bottom - by, self.right + by, self.top + by)

    def holds(self, other: Box) -> bool:
        """Say whether another box lies inside."""
        return self.left <= other.left and other.right <= self.right and self.bottom <= other.bottom \
            and other.top <= self.top

    def covers(self, x: float, y: float) -> bool:
        """Say whether a point lies inside."""
        return self.left <= x <= self.right and self.bottom <= y <= self.top


@dataclass(frozen=True)
class Line:
    """A straight line in pixels, and how bad it is to write over it."""

    x1: float
    y1: float
    x2: float
    y2: float
    weight: float = 1.0

    @property
    def nuisance(self) -> float:
        """Return how bad it is to write over it: a text struck through is harder to read than one that is crossed."""
        return self.weight * (LEVEL_WEIGHT if self.y1 == self.y2 else 1.0)

    @property
    def length(self) -> float:
        """Return how long it is."""
        return math.hypot(self.x2 - self.x1, self.y2 - self.y1)

    def crosses(self, box: Box) -> bool:
        """Say whether a part of the line lies inside a box (Liang and Barsky 1984)."""
        first, last = 0.0, 1.0
        dx, dy = self.x2 - self.x1, self.y2 - self.y1
        for step, room in (
            (-dx, self.x1 - box.left), (dx, box.right - self.x1), (-dy, self.y1 - box.bottom), (dy, box.top - self.y1)
        ):
            if step == 0:
                if room <= 0:
                    return False
            elif step < 0:
                first = max(first, room / step)
            else:
                last = min(last, room / step)
        return first < last


@dataclass(frozen=True)
class Wanted:
    """A text to be placed."""

    width: float
    height: float
    x: float
    y: float
    """What it names, in pixels."""
    towards: float = 0.0
    """Best direction from there, in degrees counterclockwise from the right."""
    reach: float = math.inf
    """Farthest that it may stand away."""
    crossings: float = math.inf
    """Largest weight of lines that it may be written over."""
    along: Line | None = None
    """Of a line's name: it stands beside this line instead."""


@dataclass(frozen=True)
class Placed:
    """Where a text stands, and the line to what it names when that is far."""

    box: Box
    leader: Line | None


def _around(wanted: Wanted) -> Iterable[tuple[float, Placed]]:
    """Yield the places around a point with their cost: distance and turn away from the best direction."""
    for distance in DISTANCES_PX:
        if distance > wanted.reach:
            return
        for i in range(DIRECTIONS):
            angle = 360.0 / DIRECTIONS * i
            turn = abs((angle - wanted.towards + 180) % 360 - 180) / 180
            across, up = math.cos(math.radians(angle)), math.sin(math.radians(angle))
            left = wanted.x + distance * across - wanted.width * (1 - across) / 2
            bottom = wanted.y + distance * up - wanted.height * (1 - up) / 2
            box = Box(left, bottom, left + wanted.width, bottom + wanted.height)
            yield distance + TURN_COST * turn, Placed(box, _leader(wanted, box, distance))


def _leader(wanted: Wanted, box: Box, distance: float) -> Line | None:
    """Return the line from a point to the nearest place on the edge of its label."""
    if distance < LEADER_FROM_PX:
        return None
    x, y = min(max(wanted.x, box.left), box.right), min(max(wanted.y, box.bottom), box.top)
    long = math.hypot(x - wanted.x, y - wanted.y) or 1.0
    part = min(1.0, LEADER_START_PX / long)
    return Line(wanted.x + part * (x - wanted.x), wanted.y + part * (y - wanted.y), x, y)


def _beside(wanted: Wanted, line: Line) -> Iterable[tuple[float, Placed]]:
    """Yield the places beside an upright or level line, its ends first."""
    width, height, off = wanted.width, wanted.height, GAP_PX + 1
    upright = line.x1 == line.x2  # its name at the top: below, points need the room
    parts = (1.0, 0.0, 0.85, 0.15, 0.7, 0.3, 0.5) if upright else (0.0, 1.0, 0.15, 0.85, 0.3, 0.7, 0.5)
    for i, part in enumerate(parts):
        for side in (1, -1):
            if upright:
                left = line.x1 + off if side > 0 else line.x1 - off - width
                bottom = line.y1 + off + part * (line.y2 - line.y1 - height - 2 * off)
            else:
                left = line.x1 + off + part * (line.x2 - line.x1 - width - 2 * off)
                bottom = line.y1 + off if side > 0 else line.y1 - off - height
            yield 10.0 * i + (0 if side > 0 else 4), Placed(Box(left, bottom, left + width, bottom + height), None)


class Board:
    """A picture that texts are put on, the most important first."""

    def __init__(self, area: Box, marks: Sequence[Box], lines: Sequence[Line]) -> None:
        self.area = area
        self.marks = marks
        """What no text may hide."""
        self.lines = lines
        """What a text had better not be written over."""
        self.placed: list[Placed] = []

    def put(self, wanted: Wanted) -> Placed | None:
        """Place a text at the best of its free places and keep it; None when there is none."""
        best, best_cost = None, math.inf
        for cost, candidate in (_beside(wanted, wanted.along) if wanted.along else _around(wanted)):
            if cost >= best_cost or not self._is_free(candidate, wanted):
                continue
            crossed = sum(line.nuisance for line in self.lines if line.crosses(candidate.box))
            cost += CROSSING_COST * crossed
            if cost < best_cost and crossed <= wanted.crossings:
                best, best_cost = candidate, cost
        if best is not None:
            self.placed.append(best)
        return best

    def _is_free(self, candidate: Placed, wanted: Wanted) -> bool:
        """Say whether a place lies in the picture and meets nothing that stands there, nor does its leader."""
        box, leader = candidate.box.grown(GAP_PX), candidate.leader
        if not self.area.holds(box) or any(box.meets(mark) for mark in self.marks):
            return False
        others = (mark.grown(-GAP_PX) for mark in self.marks if not mark.covers(wanted.x, wanted.y))
        if leader and any(leader.crosses(mark) for mark in others):
            return False
        return not any(_meet(candidate, other) for other in self.placed)


def _meet(one: Placed, other: Placed) -> bool:
    """Say whether two texts, a text and the other's leader, or two leaders meet."""
    mine, theirs = one.box.grown(GAP_PX), other.box.grown(GAP_PX)
    return (
        mine.meets(other.box)
        or (other.leader is not None and other.leader.crosses(mine))
        or (one.leader is not None and one.leader.crosses(theirs))
        or _cross(one, other)
    )


def _cross(one: Placed, other: Placed) -> bool:
    """Say whether two leaders cross."""
    if one.leader is None or other.leader is None:
        return False
    a, b = one.leader, other.leader

    def side(line: Line, x: float, y: float) -> float:
        """Return on which side of a line a point lies."""
        return (line.x2 - line.x1) * (y - line.y1) - (line.y2 - line.y1) * (x - line.x1)

    return side(a, b.x1, b.y1) * side(a, b.x2, b.y2) < 0 and side(b, a.x1, a.y1) * side(b, a.x2, a.y2) < 0
