"""The command that checks certificates, and what `gpumix solve --certificate` writes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from optimizer.commands.options import (
    CatalogOption,
    OutsideOption,
    OverlayOption,
    SetOption,
    emit,
    leave,
    load_inputs,
)
from optimizer.errors import ExitCode, shortened

if TYPE_CHECKING:
    from optimizer.load import Catalog, LoadedProblem
    from optimizer.solve import SolveSettings

app = typer.Typer()

PAGE = ".md"
"""Ending of a page for people; every other file is JSON."""

LARGEST_BYTES = 64 * 2**20


def write_certificate(
    loaded: LoadedProblem, facts: Catalog, settings: SolveSettings, place: Path, language: str
) -> None:
    """Prove the cheapest plan again without a solver, and write the proof: as JSON, or a page for people.

    Raises:
        InputError: the problem is none that certificates are written for.
        LimitError: no proof was found within the limits.
    """
    from optimizer.documents.output import write_atomically
    from optimizer.proof.certificate import as_text
    from optimizer.reports.certificate_page import certificate_page
    from optimizer.solve import prepare, solve_prepared
    from optimizer.solve.certify import certificate, certify

    prepared = prepare(loaded, facts)
    found = certify(prepared, solve_prepared(prepared, settings), settings.time_limit_s)
    if place.suffix == PAGE:
        text = certificate_page(prepared.problem.name, found.program, found.counts, found.bound, language)
    else:
        text = as_text(certificate(prepared, found))
    write_atomically(place, text, "--certificate")


@app.command("check-certificate")
def check_certificate(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE", help="Certificates that `gpumix solve --certificate` wrote.")
    ],
    problem: Annotated[
        str | None,
        typer.Option("--problem", metavar="PROBLEM", help="Also compare the program with that of this problem."),
    ] = None,
    overrides: SetOption = None,
    catalog: CatalogOption = None,
    overlay: OverlayOption = None,
    allow_outside: OutsideOption = False,
) -> None:
    """Check that nothing cheaper exists, without a solver; exit code 6 when a certificate does not prove it."""
    from optimizer.load.text import decode, read_bytes
    from optimizer.proof.check import RefusedError, checked

    texts = [(file, decode(read_bytes(file, most=LARGEST_BYTES), str(file))) for file in files]
    own = None if problem is None else _program(problem, overrides, catalog, overlay, allow_outside)
    failed = False
    for file, text in texts:
        try:
            told = checked(text)
            told += "" if own is None else _compared(text, own)
        except RefusedError as error:
            failed, told = True, f"REFUSED: {error}"
        emit(f"{file}: {shortened(told, 400)}\n", None)
    leave(ExitCode.CHECK_FAILED if failed else ExitCode.PLAN)


def _program(
    problem: str, overrides: list[str] | None, catalog: Path | None, overlay: list[Path] | None, allow_outside: bool
) -> dict[str, Any]:
    """State a problem's program as certificates do."""
    loaded, facts = load_inputs(problem, overrides, catalog, overlay, allow_outside)
    from optimizer.solve import prepare
    from optimizer.solve.certify import stated_program

    return stated_program(prepare(loaded, facts))


def _compared(text: str, own: dict[str, Any]) -> str:
    """Say that a certificate is about a program.

    Raises:
        RefusedError: it is about another one, or about other files.
    """
    import json

    from optimizer.proof.check import RefusedError

    found = json.loads(text)
    for key, expected in own.items():
        told = found.get(key)
        if isinstance(expected, list) and isinstance(told, list):
            for number, (one, other) in enumerate(zip(told, expected, strict=False)):
                if one != other:
                    raise RefusedError(f"{key}.{number} is not that of the problem: {other} is expected")
        if told != expected:
            raise RefusedError(f"{key} is not that of the problem: {expected} is expected")
    return "; the program is the problem's own"
