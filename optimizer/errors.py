"""Everything a user can cause to fail, each with its exit code."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


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
        """Put file, key, found and allowed on one line."""
        place = f"{self.file}: {self.key}" if self.key else self.file
        return f"{place}: found {self.found}; allowed: {self.allowed}"


class GpumixError(Exception):
    """Base of every error that gpumix raises on purpose."""

    exit_code: ExitCode = ExitCode.OWN_FAULT


class InputError(GpumixError):
    """A problem, overlay, import or option is wrong; `faults` holds every fault found."""

    exit_code = ExitCode.BAD_INPUT

    def __init__(self, faults: list[Fault] | tuple[Fault, ...]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(str(fault) for fault in self.faults))


class CatalogError(InputError):
    """The shipped catalog, or the one named by --catalog, is broken."""

    exit_code = ExitCode.BAD_CATALOG


class VerificationError(GpumixError):
    """A plan broke a rule when it was checked again without the solver: our own fault."""


class ModelTooLargeError(InputError):
    """The numbers of a problem exceed the solver's 63-bit integers."""
