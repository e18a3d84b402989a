"""The command that holds a saved plan against today's facts: verify."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from optimizer.commands.options import (
    CatalogOption,
    DeterministicOption,
    FormatOption,
    LanguageOption,
    OutputOption,
    OutsideOption,
    OverlayOption,
    SetOption,
    TimeOption,
    leave,
    load_inputs,
    solve_settings,
)
from optimizer.commands.publishing import Out
from optimizer.commands.signing import signature_of
from optimizer.errors import ExitCode, Fault, InputError

app = typer.Typer()

LARGEST_REGRET = 1_000_000.0


@app.command()
def verify(
    plan: Annotated[
        Path, typer.Argument(metavar="PLAN.json", help="A plan saved with `gpumix solve --format json --output`.")
    ],
    problem: Annotated[
        str | None, typer.Option("--problem", metavar="PROBLEM", help="Default: the shipped problem the plan names.")
    ] = None,
    max_regret: Annotated[
        float,
        typer.Option("--max-regret", metavar="PERCENT", help="How much dearer than today's cheapest it may be."),
    ] = 0.0,
    signed_by: Annotated[
        Path | None,
        typer.Option("--signed-by", metavar="FILE", help="Also check its signature by this Ed25519 public key."),
    ] = None,
    signature: Annotated[
        Path | None, typer.Option("--signature", metavar="FILE", help="Default: PLAN.json.sig beside the plan.")
    ] = None,
    overrides: SetOption = None,
    catalog: CatalogOption = None,
    overlay: OverlayOption = None,
    allow_outside: OutsideOption = False,
    form: FormatOption = None,
    output: OutputOption = None,
    language: LanguageOption = None,
    time_limit: TimeOption = None,
    deterministic_limit: DeterministicOption = None,
) -> None:
    """Say whether a saved plan still stands and is still the cheapest; exit code 6 when not, for a CI job."""
    settings, out = solve_settings(time_limit, deterministic_limit), Out.of(form, output, language)
    if signature is not None and signed_by is None:
        raise InputError([Fault("options", "--signature", str(signature), "--signed-by beside it")])
    if not 0 <= max_regret <= LARGEST_REGRET:
        raise InputError([Fault("options", "--max-regret", f"{max_regret}", "a percentage from 0")])
    from optimizer.load.plan import read_saved_plan
    from optimizer.replay import replay
    from optimizer.reports.replay_report import replay_document

    saved = read_saved_plan(plan)
    of = problem or _shipped(saved.plan.problem, plan)
    loaded, facts = load_inputs(of, overrides, catalog, overlay, allow_outside)
    out = out.for_problem(loaded.problem, language)
    found = replay(saved.plan, loaded, facts, settings, max_regret)
    if signed_by is not None:
        found = replace(found, faults=(*found.faults, *_unsigned(saved.sha256, signed_by, signature, plan)))
    if saved.altered is not None:
        told = f"{saved.altered.key}: found {saved.altered.found}; the file was changed after it was written"
        found = replace(found, faults=(*found.faults, told))
    out.write(replay_document(found))
    if found.passed and found.status_now == "unknown":
        leave(ExitCode.LIMIT)
    leave(ExitCode.PLAN if found.passed else ExitCode.CHECK_FAILED)


def _unsigned(sha256: str, signed_by: Path, signature: Path | None, plan: Path) -> list[str]:
    """Say why a plan is not signed by a key; nothing where it is."""
    from optimizer.load.signatures import read_public_key, read_signature, why_not_signed

    why = why_not_signed(read_signature(signature or signature_of(plan)), sha256, read_public_key(signed_by))
    return [] if why is None else [f"signature: {why}"]


def _shipped(name: str, plan: Path) -> str:
    """Return the shipped problem of a name.

    Raises:
        InputError: there is none.
    """
    from optimizer.load import shipped_problem_names

    if name in shipped_problem_names():
        return f"problems/{name}"
    found = f"nothing; {plan} answers {name}, which is no shipped problem"
    raise InputError([Fault("options", "--problem", found, "the problem file that the plan answers")])
