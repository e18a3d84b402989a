"""`gpumix spec`: the specification to sign."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from optimizer.commands.options import (
    CatalogOption,
    DeterministicOption,
    Format,
    LanguageOption,
    OutputOption,
    OutsideOption,
    OverlayOption,
    ProblemArg,
    SetOption,
    leave,
    load_inputs,
    overlays_of,
    solve_settings,
)
from optimizer.commands.publishing import Out
from optimizer.errors import ExitCode

if TYPE_CHECKING:
    from optimizer.load import Catalog

app = typer.Typer()


@app.command()
def spec(
    problem: ProblemArg,
    language: LanguageOption = None,
    form: Annotated[
        Format | None, typer.Option("--format", help="Default: by the ending of --output, else html.")
    ] = None,
    output: OutputOption = None,
    overrides: SetOption = None,
    catalog: CatalogOption = None,
    overlay: OverlayOption = None,
    allow_outside: OutsideOption = False,
    template: Annotated[
        Path | None,
        typer.Option("--template", metavar="DIR", help="Own templates, each in place of a shipped one of its name."),
    ] = None,
    logo: Annotated[Path | None, typer.Option("--logo", metavar="FILE", help="A .png or .jpg for the title.")] = None,
    deterministic_limit: DeterministicOption = None,
) -> None:
    """Write the specification of the inference environment: what, how much, why, how sure, to be signed."""
    from optimizer.load.documents import own_templates, read_logo
    from optimizer.reports.specification import DRAWN, write_specification

    settings = solve_settings(None, deterministic_limit)
    out = Out.of(form, output, language, "html", DRAWN)
    own = {} if template is None else own_templates(template)
    picture = None
    if logo is not None:
        from optimizer.documents.pictures import check_logo

        picture = read_logo(logo)
        check_logo(picture, str(logo))
    command = _command(problem, out.voice.language, out.form, output, overrides, catalog, overlay, template, logo,
                       deterministic_limit)
    loaded, facts = load_inputs(problem, overrides, catalog, overlay, allow_outside)
    out = out.for_problem(loaded.problem, language)
    from optimizer.load.serving import load_serving
    from optimizer.reports.specification.findings import find_everything

    below = _below(catalog) if overlays_of(overlay) else None
    found = find_everything(loaded, facts, settings, load_serving(catalog, overlays_of(overlay)), below)
    if found.plan.status == "unknown":
        typer.echo("gpumix: no document is written: a limit was reached before any plan was found", err=True)
        leave(ExitCode.LIMIT)
    document, files = write_specification(found, settings, out.voice.language, out.form, command, own, picture,
                                          None if output is None else output.stem)
    _put(document, files, output)
    leave(ExitCode.PLAN if found.plan.has_plan else ExitCode.INFEASIBLE)


def _below(catalog: Path | None) -> Catalog:
    """Load the catalog without overlays: what own measurements are held against."""
    from optimizer.load import load_catalog

    return load_catalog(catalog, [], None)


def _command(
    problem: str, language: str, form: str, output: Path | None, overrides: list[str] | None,
    catalog: Path | None, overlay: list[Path] | None, template: Path | None, logo: Path | None, limit: float | None,
) -> str:
    """Return the command that writes the same document again."""
    parts = ["gpumix", "spec", problem, "--lang", language, "--format", form]
    parts += ["--output", output.name] if output is not None else []
    for option in overrides or ():
        parts += ["--set", option]
    parts += ["--catalog", str(catalog)] if catalog is not None else []
    for folder in overlays_of(overlay):
        parts += ["--overlay", str(folder)]
    parts += ["--template", str(template)] if template is not None else []
    parts += ["--logo", str(logo)] if logo is not None else []
    parts += ["--deterministic-limit", f"{limit:g}"] if limit is not None else []
    return shlex.join(parts)


def _put(document: bytes, files: Sequence[tuple[str, bytes]], output: Path | None) -> None:
    """Write the document, and what belongs beside it, or print it."""
    if output is None:
        typer.echo(document, nl=False)
        return
    from optimizer.documents.output import write_atomically

    for name, content in files:
        write_atomically(output.parent / name, content)
    write_atomically(output, document)
