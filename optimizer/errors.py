"""Everything a user can cause to fail, each with its exit code."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum

UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""Characters that steer a terminal, turn the direction of text around, or are half of a surrogate pair."""

LONGEST = 200
"""Characters of what was found that a message repeats."""

LONGEST_ALLOWED = 2000
"""Characters of what is allowed instead, which may list names."""

MOST_LISTED = 100
"""Faults that one message lists; it counts the others."""


def printable(text: str) -> str:
    r"""Write what steers a terminal as JSON would, so that a reader sees it and the terminal does not obey it.

    >>> printable("red\x1b[31m")
    'red\\u001b[31m'
    """
    return UNPRINTABLE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def shortened(text: str, most: int = LONGEST) -> str:
    """Return a printable text of one line and at most so many characters.

    >>> shortened("abcdefgh", 6)
    'abc...'
    """
    text = printable(text[: most + 1]).replace("\n", " ")
    return text if len(text) <= most else f"{text[: most - 3]}..."


class ExitCode(IntEnum):
    """What the process tells its caller."""

    PLAN = 0
    INFEASIBLE = 1
    BAD_INPUT = 2
    BAD_CATALOG = 3
    OWN_FAULT = 4
    LIMIT = 5
    CHECK_FAILED = 6
    INTERRUPTED = 130


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with one place of one file."""

    file: str
    key: str
    found: str
    allowed: str

    def __str__(self) -> str:
        """Put file, key, found and allowed on one line, shortened and printable, whatever was found."""
        file, key = shortened(self.file), shortened(self.key)
        place = f"{file}: {key}" if key else file
        return f"{place}: found {shortened(self.found)}; allowed: {shortened(self.allowed, LONGEST_ALLOWED)}"


class GpumixError(Exception):
    """Base of every error that gpumix raises on purpose."""

    exit_code: ExitCode = ExitCode.OWN_FAULT


class InputError(GpumixError):
    """A problem, overlay, import or option is wrong; `faults` holds every fault found."""

    exit_code = ExitCode.BAD_INPUT

    def __init__(self, faults: list[Fault] | tuple[Fault, ...]) -> None:
        self.faults = tuple(faults)
        more = len(self.faults) - MOST_LISTED
        lines = [str(fault) for fault in self.faults[:MOST_LISTED]]
        super().__init__("\n".join([*lines, f"and {more:,} more faults"] if more > 0 else lines))


class CatalogError(InputError):
    """The shipped catalog, or the one named by --catalog, is broken."""

    exit_code = ExitCode.BAD_CATALOG


class VerificationError(GpumixError):
    """A plan broke a rule when it was checked again without the solver: our own fault."""


class ModelTooLargeError(InputError):
    """The numbers of a problem exceed the solver's 63-bit integers."""


class LimitError(GpumixError):
    """What was asked for was not found within the limits of time or size."""

    exit_code = ExitCode.LIMIT


class DisagreementError(GpumixError):
    """Two engines contradict each other about one program: nothing may be called proven."""

    exit_code = ExitCode.OWN_FAULT

    def __init__(self, one: int | None, other: int | None, models: Mapping[str, str] | None = None) -> None:
        """Say who found what.

        Args:
            one: what CP-SAT calls the least cost; None: infeasible.
            other: what the second engine found; None: infeasible.
            models: file name -> the program as each engine was given it, to be saved by the command.
        """
        self.models = dict(models or {})
        first, second = ("no plan" if cost is None else f"a least cost of {cost}" for cost in (one, other))
        super().__init__(
            f"two solvers disagree: CP-SAT says {first}, the second engine {second}; "
            "please report this with the problem file")
