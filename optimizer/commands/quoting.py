"""`gpumix quote`: ask suppliers for prices in a workbook, and read their answers back."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from optimizer.commands.options import (
    CatalogOption,
    DeterministicOption,
    OutsideOption,
    OverlayOption,
    SetOption,
    TimeOption,
    leave,
    load_inputs,
    overlays_of,
    solve_settings,
)
from optimizer.commands.workbooks import check_library, wants_workbook
from optimizer.errors import ExitCode, Fault, InputError

app = typer.Typer()


@app.command()
def quote(
    problem: Annotated[
        str | None, typer.Argument(metavar="[PROBLEM]", help="Whose cheapest plan is asked for; with --to.")
    ] = None,
    to: Annotated[Path | None, typer.Option("--to", metavar="FILE.xlsx", help="Write the request there.")] = None,
    filled: Annotated[
        Path | None, typer.Option("--from", metavar="FILE.xlsx", help="Read a request that a supplier filled in.")
    ] = None,
    into: Annotated[
        Path | None, typer.Option("--into", metavar="DIR", help="Overlay that the quoted prices are written to.")
    ] = None,
    language: Annotated[str, typer.Option("--lang", help="Language of the request.")] = "en",
    overrides: SetOption = None,
    catalog: CatalogOption = None,
    overlay: OverlayOption = None,
    allow_outside: OutsideOption = False,
    time_limit: TimeOption = None,
    deterministic_limit: DeterministicOption = None,
    force: Annotated[bool, typer.Option("--force", help="Replace quotes read before.")] = False,
) -> None:
    """Ask suppliers for the prices of a plan in a workbook, or read a filled one into an overlay."""
    if filled is not None:
        _read(problem, to, filled, into, catalog, overlay, force)
        return
    settings = solve_settings(time_limit, deterministic_limit)
    if problem is None or to is None or not wants_workbook(to) or into is not None:
        raise InputError([Fault("options", "--to", "no request and no answer",
                                "PROBLEM with --to FILE.xlsx, or --from FILE.xlsx with --into DIR")])
    check_library("--to")
    loaded, facts = load_inputs(problem, overrides, catalog, overlay, allow_outside)
    from optimizer.answer import answer
    from optimizer.documents.output import write_atomically
    from optimizer.reports.workbook.quote_book import quote_workbook

    plan = answer(loaded, facts, settings)
    if not plan.nodes:
        typer.echo("gpumix: no request is written: there is no plan", err=True)
        leave(ExitCode.INFEASIBLE if plan.status == "infeasible" else ExitCode.LIMIT)
    write_atomically(to, quote_workbook(plan, facts, language), "--to")
    typer.echo(f"{to}: {len(plan.nodes)} lines to be quoted")


def _read(
    problem: str | None, to: Path | None, filled: Path, into: Path | None, catalog: Path | None,
    overlay: list[Path] | None, force: bool,
) -> None:
    """Write the prices of a filled request as an overlay."""
    if into is None or to is not None or problem is not None:
        raise InputError([Fault("options", "--from", "no --into, or PROBLEM or --to beside it", "--into DIR alone")])
    check_library("--from", "openpyxl")
    from optimizer.documents.output import write_atomically
    from optimizer.load import load_catalog
    from optimizer.load.quotes import on_prem_yaml, read_quotes
    from optimizer.reports.import_report import rows_of_offers

    found = read_quotes(filled, load_catalog(catalog, overlays_of(overlay)))
    files = {into / "offers" / "quotes.csv": rows_of_offers(found.offers)} if found.offers else {}
    files |= {into / "on_prem.yaml": on_prem_yaml(found.owned)} if found.owned else {}
    there = [path for path in files if path.exists()]
    if there and not force:
        raise InputError([Fault("--into", str(path), "prices written before", "a place without them, or --force")
                          for path in there])
    for path, text in files.items():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            why = f"a place that cannot be written ({error.strerror or error})"
            raise InputError([Fault("--into", str(path.parent), why, "a folder")]) from None
        write_atomically(path, text, "--into")
    blank = f"; {len(found.blank)} without a price" if found.blank else ""
    typer.echo(f"{into}: {len(found.offers) + len(found.owned)} quoted prices{blank}")
    typer.echo(f"use it with: gpumix solve PROBLEM --overlay {into}")
