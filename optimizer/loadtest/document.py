"""A result file as its content shows it: JSON, lines of JSON, YAML, or text; and safe ways to take figures from it."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from optimizer.errors import Fault, InputError
from optimizer.load.faults import shown
from optimizer.load.yaml_files import parse_mapping
from optimizer.loadtest.statistics import student_95


@dataclass(frozen=True)
class Document:
    """The content of one file."""

    label: str
    text: str
    whole: Any = None
    """The one value that the file is in JSON, or the mapping in YAML; None for another file."""
    lines: tuple[dict[str, Any], ...] = ()
    """The mappings of a file that holds one a line."""

    @property
    def objects(self) -> tuple[dict[str, Any], ...]:
        """List the mappings of the top: the file itself, those of its list, or one a line."""
        if isinstance(self.whole, dict):
            return (self.whole,)
        if isinstance(self.whole, list) and all(isinstance(item, dict) for item in self.whole):
            return tuple(self.whole)
        return self.lines

    def places(self) -> tuple[str, ...]:
        """Name the place of each of the objects."""
        if isinstance(self.whole, dict):
            return ("",)
        word = "entry" if self.whole is not None else "line"
        return tuple(f"{word} {number}" for number in range(1, len(self.objects) + 1))


def document_of(text: str, label: str) -> Document:
    """Read a text as JSON or as lines of JSON where it is such; any other text stays as it is."""
    try:
        return Document(label, text, whole=json.loads(text))
    except (ValueError, RecursionError):
        pass
    rows = [line for line in text.splitlines() if line.strip()]
    try:
        found = [json.loads(row) for row in rows]
    except (ValueError, RecursionError):
        return Document(label, text, whole=_mapping_of(text, label))
    mappings = found and all(isinstance(item, dict) for item in found)
    return Document(label, text, lines=tuple(found) if mappings else ())


YAML_START = re.compile(r"(?:---\s*\n|#[^\n]*\n|\s*\n)*[A-Za-z_][A-Za-z0-9_]*:(?: |\n)")
"""How a mapping in YAML begins that tools write."""


def _mapping_of(text: str, label: str) -> dict[str, Any] | None:
    """Read a text as a mapping in YAML, None where it is none."""
    if not YAML_START.match(text):
        return None
    try:
        found: dict[str, Any] = json.loads(json.dumps(parse_mapping(text, label), default=str))
        return found  # lists and texts, as the same in JSON would have been
    except InputError:
        return None


@dataclass
class Facts:
    """Takes figures out of one mapping, and notes what is missing or no figure."""

    data: dict[str, Any]
    label: str
    place: str = ""
    faults: list[Fault] = field(default_factory=list)

    def raw(self, key: str) -> Any:
        """Return what stands at a dotted key, None when nothing does."""
        found: Any = self.data
        for part in key.split("."):
            if isinstance(found, list) and part.isdigit():
                found = found[int(part)] if int(part) < len(found) else None
            else:
                found = found.get(part) if isinstance(found, dict) else None
        return found

    def _note(self, key: str, found: str, allowed: str) -> None:
        place = ".".join(part for part in (self.place, key) if part)
        self.faults.append(Fault(self.label, place, found, allowed))

    def number(self, key: str, required: bool = False) -> float | None:
        """Return a finite number of 0 or more; null is nothing."""
        found = self.raw(key)
        if found is None:
            if required:
                self._note(key, "nothing", "a number")
            return None
        usable = quantity(found)
        if usable is None:
            self._note(key, shown(found), "a number of 0 or more")
        return usable

    def count(self, key: str, required: bool = False) -> int | None:
        """Return a whole number of 0 or more."""
        found = self.number(key, required)
        return None if found is None else round(found)

    def text(self, key: str) -> str | None:
        """Return text that is not empty."""
        found = self.raw(key)
        return found if isinstance(found, str) and found else None

    def rate(self, key: str) -> float | None:
        """Return a request rate; tools write an unlimited one as "inf" or as bare Infinity."""
        found = self.raw(key)
        if found in ("inf", "trace") or (isinstance(found, float) and math.isinf(found)):
            return math.inf
        return self.number(key)


LARGEST = 1e15
"""No quantity of a load test is larger."""


def quantity(found: object) -> float | None:
    """Return a finite number of 0 or more, None for anything else.

    >>> quantity(2), quantity(True), quantity("2"), quantity(float("nan")), quantity(10**400)
    (2.0, None, None, None, None)
    """
    if isinstance(found, bool) or not isinstance(found, int | float):
        return None
    return float(found) if 0 <= found <= LARGEST else None


def first(values: Iterable[float | None]) -> float | None:
    """Return the first figure that is stated.

    >>> first([None, 0.0, 2.0])
    0.0
    """
    return next((value for value in values if value is not None), None)


def ratio(total: float | None, count: float | None) -> float | None:
    """Return total / count where both are stated and there is something to divide by.

    >>> ratio(10.0, 4.0), ratio(1.0, 0.0), ratio(None, 2.0)
    (2.5, None, None)
    """
    return None if total is None or not count else total / count


def interval_fraction(deviation: float | None, mean: float | None, count: float | None) -> float | None:
    """Return the half-width of the 95% interval of a mean, relative: Student's t x deviation / sqrt(count) / mean.

    Only within one run, as if its requests were independent.

    >>> round(interval_fraction(1.0, 10.0, 100.0), 4), round(interval_fraction(1.0, 10.0, 11.0), 4)
    (0.0198, 0.0672)
    """
    if deviation is None or not mean or not count or count < 2:
        return None
    return student_95(round(count) - 1) * deviation / math.sqrt(count) / mean
