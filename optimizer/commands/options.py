"""What the commands share: their options, how inputs are loaded, how results are written."""

from __future__ import annotations

import os
import re
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from optimizer.errors import ExitCode, Fault, InputError, printable

if TYPE_CHECKING:
    from optimizer.load import Catalog, LoadedProblem
    from optimizer.schema.problem import Problem
    from optimizer.solve import SolveSettings


COLOURS = re.compile(r"(\x1b\[(?:0|1|2|31|32|33)m)")
"""The codes that reports paint with."""


class TextFormat(StrEnum):
    """How a result of a command that is not a document yet is written."""

    TEXT = "text"
    JSON = "json"
    CSV = "csv"
    MARKDOWN = "markdown"


class Format(StrEnum):
    """How a result is written."""

    TEXT = "text"
    JSON = "json"
    CSV = "csv"
    MARKDOWN = "markdown"
    HTML = "html"
    DOCX = "docx"
    PDF = "pdf"
    XLSX = "xlsx"


ProblemArg = Annotated[
    str, typer.Argument(metavar="PROBLEM", help="Path of a problem file, or the name of a shipped one.")
]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Override a key: services.0.slo.grade=B. Repeatable."),
]
CatalogOption = Annotated[
    Path | None,
    typer.Option("--catalog", envvar="GPUMIX_CATALOG", metavar="DIR", help="Catalog in place of the shipped one."),
]
OverlayOption = Annotated[
    list[Path] | None,
    typer.Option("--overlay", metavar="DIR", help="Own catalog rows over it. Repeatable; also GPUMIX_OVERLAY."),
]
OutsideOption = Annotated[
    bool,
    typer.Option("--allow-outside", help="Let the problem name files outside its own folder and this one."),
]
TextFormatOption = Annotated[TextFormat, typer.Option("--format", help="How to write the result.")]
FormatOption = Annotated[
    Format | None,
    typer.Option("--format", help="How to write the result; default: by the ending of --output, else text."),
]
LanguageOption = Annotated[
    str | None,
    typer.Option("--lang", metavar="LANGUAGE",
                 help="en or ja; default: GPUMIX_LANG, the problem's `language`, else en."),
]
QuarterOption = Annotated[
    int | None,
    typer.Option("--quarter", metavar="N", help="Quarter of a roadmap to look at, from 1; default the fullest."),
]
OutputOption = Annotated[
    Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write there instead of the terminal.")
]
TimeOption = Annotated[
    float | None, typer.Option("--time-limit", metavar="S", help="Stop after S seconds with the best plan so far.")
]
DeterministicOption = Annotated[
    float | None,
    typer.Option("--deterministic-limit", metavar="D", help="The same in the solver's own time: repeatable."),
]


def language_of(asked: str | None, problem: Problem | None = None) -> str:
    """Return the language to speak: as asked, else of GPUMIX_LANG, else the problem's, else English.

    Raises:
        InputError: there is no such language.
    """
    from optimizer.messages.catalog import languages

    stated = os.environ.get("GPUMIX_LANG", "")
    named = asked or stated or (problem.language if problem is not None else None) or "en"
    if named not in languages():
        where, key = ("options", "--lang") if asked else ("environment", "GPUMIX_LANG")
        raise InputError([Fault(where, key, repr(named), " or ".join(map(repr, languages())))])
    return named


def overlays_of(given: list[Path] | None) -> list[Path]:
    """List the overlays: those of the environment first, so that options lie above them."""
    named = os.environ.get("GPUMIX_OVERLAY", "")
    return [Path(part) for part in named.split(os.pathsep) if part] + list(given or [])


def load_inputs(
    problem: str,
    overrides: list[str] | None,
    catalog: Path | None,
    overlay: list[Path] | None,
    allow_outside: bool = False,
) -> tuple[LoadedProblem, Catalog]:
    """Load a problem and the catalog rows that it needs; a catalog or overlay that is named is validated whole."""
    from optimizer.load.inputs import load_facts
    from optimizer.load.problem import load_problem

    return load_facts(load_problem(problem, tuple(overrides or ()), allow_outside), catalog, overlays_of(overlay))


def solve_settings(time_limit: float | None, deterministic_limit: float | None) -> SolveSettings:
    """Check the limits of the search.

    Raises:
        InputError: one of them is not a number above 0.
    """
    from optimizer.solve.prove import checked_settings

    return checked_settings(("--time-limit", time_limit), ("--deterministic-limit", deterministic_limit))


def emit(text: str, output: Path | None) -> None:
    """Print a result, or write it to a file."""
    if output is not None:
        from optimizer.documents.output import write_atomically

        write_atomically(output, plain(text))
    else:
        typer.echo(coloured(text), nl=False, color=False if os.environ.get("NO_COLOR") else None)


def tell(line: str) -> None:
    """Tell the user something beside the result."""
    typer.echo(f"gpumix: {printable(line)}", err=True)


def coloured(text: str) -> str:
    """Return a text that steers the terminal by our own colours alone, whatever the data in it holds."""
    parts = COLOURS.split(text)
    parts[::2] = map(printable, parts[::2])
    return "".join(parts)


def plain(text: str) -> str:
    """Return a text that steers no terminal at all."""
    return printable(COLOURS.sub("", text))


def leave(code: ExitCode) -> None:
    """Exit with a code other than 0."""
    if code is not ExitCode.PLAN:
        raise typer.Exit(int(code))
