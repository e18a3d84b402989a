"""Exit codes and the one line that a fault prints as."""

from __future__ import annotations

from optimizer.errors import (
    CatalogError,
    ExitCode,
    Fault,
    GpumixError,
    InputError,
    ModelTooLargeError,
    VerificationError,
)

FAULT = Fault("desk.yaml", "name", "7", "text")


def test_exit_codes_are_those_of_the_manual() -> None:
    assert [(code.name, int(code)) for code in ExitCode] == [
        ("PLAN", 0), ("INFEASIBLE", 1), ("BAD_INPUT", 2), ("BAD_CATALOG", 3), ("OWN_FAULT", 4), ("LIMIT", 5),
        ("CHECK_FAILED", 6), ("INTERRUPTED", 130)]


def test_each_error_has_its_code() -> None:
    assert InputError([FAULT]).exit_code == ExitCode.BAD_INPUT
    assert ModelTooLargeError([FAULT]).exit_code == ExitCode.BAD_INPUT
    assert CatalogError([FAULT]).exit_code == ExitCode.BAD_CATALOG
    assert VerificationError("x").exit_code == ExitCode.OWN_FAULT
    assert GpumixError("x").exit_code == ExitCode.OWN_FAULT


def test_a_fault_is_one_line() -> None:
    assert str(FAULT) == "desk.yaml: name: found 7; allowed: text"
    assert str(Fault("desk.yaml", "", "a folder", "a file")) == "desk.yaml: found a folder; allowed: a file"


def test_an_error_is_one_line_a_fault() -> None:
    assert str(InputError([FAULT, FAULT])) == f"{FAULT}\n{FAULT}"
    assert InputError([FAULT]).faults == (FAULT,)


def test_a_message_is_short_and_steers_no_terminal() -> None:
    line = str(Fault("a" * 999, "b\x1b[31m", "x" * 10**6, "one of " + "y" * 10**6))
    assert len(line) < 200 * 3 + 2000 + 40
    assert "\x1b" not in line
    assert str(Fault("f", "", "two\nlines \u202e", "z")) == "f: found two lines \\u202e; allowed: z"


def test_a_long_list_of_faults_is_counted() -> None:
    lines = str(InputError([FAULT] * 1234)).splitlines()
    assert (len(lines), lines[-1]) == (101, "and 1,134 more faults")
