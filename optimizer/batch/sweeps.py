"""Sweeps: `KEY=A,B,C` and `KEY=FROM:TO:STEP`, as keys with their values."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

from optimizer.errors import Fault, InputError
from optimizer.units import exact

MOST_VALUES = 10_000_000
"""A range of more is refused: it is a slip."""

OPENING, CLOSING, QUOTES = "[{", "]}", "\"'"


@dataclass(frozen=True, slots=True)
class Sweep:
    """A key and the values it takes in turn."""

    key: str
    values: tuple[str, ...]


def sweeps_of(assignments: Sequence[str]) -> tuple[Sweep, ...]:
    """Read every sweep.

    Raises:
        InputError: with every fault: no KEY=VALUES, an empty value among several, a key or a value twice, a bad range.
    """
    faults: list[Fault] = []
    found: list[Sweep] = []
    for assignment in assignments:
        key, sign, text = (part.strip() for part in assignment.partition("="))
        if not sign or not all(key.split(".")):
            allowed = "a dotted key, '=', values: services.0.slo.grade=A,B"
            faults.append(Fault("--set", assignment, "no KEY=VALUES", allowed))
            continue
        try:
            found.append(Sweep(key, tuple(swept_values(text))))
        except InputError as error:
            faults += error.faults
    for key, count in Counter(one.key for one in found).items():
        if count > 1:
            faults.append(Fault("--set", key, f"{count} times", "each key once, its values parted by commas"))
    for one in found:
        faults += [
            Fault("--set", one.key, f"the value {value!r} {count} times", "each value once")
            for value, count in Counter(one.values).items() if count > 1
        ]
    if faults:
        raise InputError(faults)
    return tuple(found)


def swept_values(text: str) -> list[str]:
    """List the values of a sweep: parted by commas, each a value or a range `FROM:TO:STEP` with both ends.

    Commas inside brackets, braces or quotes do not part.

    >>> swept_values("A, B"), swept_values("10:40:10,100"), swept_values("[bf16, fp8],[bf16]")
    (['A', 'B'], ['10', '20', '30', '40', '100'], ['[bf16, fp8]', '[bf16]'])
    >>> swept_values("0.1:0.3:0.1"), swept_values("'a,b','c'"), swept_values("")
    (['0.1', '0.2', '0.3'], ["'a,b'", "'c'"], [''])

    Raises:
        InputError: a value among several is empty, or a range is.
    """
    parts = list(_parted(text))
    if len(parts) > 1 and not all(parts):
        allowed = "a value between commas (null where it is to be nothing)"
        raise InputError([Fault("--set", text, "an empty value", allowed)])
    return [value for part in parts for value in _expanded(part)]


def _parted(text: str) -> Iterator[str]:
    """Yield what stands between the commas that part."""
    depth, start, quote = 0, 0, ""
    for position, letter in enumerate(text):
        if quote or letter in QUOTES:
            starts = not text[start:position].strip() or depth > 0  # else an apostrophe inside a word
            quote = "" if letter == quote else quote or (letter if starts else "")
        elif letter == "," and depth == 0:
            yield text[start:position].strip()
            start = position + 1
        else:
            depth = max(0, depth + (letter in OPENING) - (letter in CLOSING))
    yield text[start:].strip()


def _expanded(part: str) -> list[str]:
    """Return the values of a range, or the one value that a part is."""
    numbers = [_number(piece) for piece in part.split(":")]
    if len(numbers) == 1 or any(number is None for number in numbers):
        return [part]
    known = [number for number in numbers if number is not None]
    if len(known) != 3:
        raise InputError([Fault("--set", part, f"{len(known)} numbers with ':'", "FROM:TO:STEP")])
    low, high, step = known
    if step <= 0 or low > high or (high - low) / step > MOST_VALUES:
        found = "a step that is not above 0" if step <= 0 else "an empty range" if low > high else "an endless range"
        raise InputError([Fault("--set", part, found, "FROM:TO:STEP with FROM <= TO and STEP > 0")])
    return [_plain(low + i * step) for i in range(math.floor((high - low) / step) + 1)]


def _number(text: str) -> Fraction | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return exact(number) if math.isfinite(number) else None


def _plain(number: Fraction) -> str:
    """Write a number as YAML reads it.

    >>> _plain(Fraction(10)), _plain(Fraction(3, 10))
    ('10', '0.3')
    """
    return str(number.numerator) if number.denominator == 1 else repr(float(number))
