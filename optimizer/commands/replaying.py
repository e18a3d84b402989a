"""The command that holds a saved plan against today's facts: verify."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from optimizer.commands.options import (
    CatalogOption,
    DeterministicOption,
    OutputOption,
    OutsideOption,
    OverlayOption,
    SetOption,
    TimeOption,
    emit,
    leave,
    load_inputs,
    solve_settings,
)
from optimizer.errors import ExitCode, Fault, InputError

app = typer.Typer()

LARGEST_REGRET = 1_000_000.0


class ReplayFormat(StrEnum):
    """How the outcome is written."""

    TEXT = "text"
    JSON = "json"


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
    overrides: SetOption = None,
    catalog: CatalogOption = None,
    overlay: OverlayOption = None,
    allow_outside: OutsideOption = False,
    form: Annotated[ReplayFormat, typer.Option("--format", help="How to write the outcome.")] = ReplayFormat.TEXT,
    output: OutputOption = None,
    time_limit: TimeOption = None,
    deterministic_limit: DeterministicOption = None,
) -> None:
    """Say whether a saved plan still stands and is still the cheapest; exit code 6 when not, for a CI job."""
    settings = solve_settings(time_limit, deterministic_limit)
    if not 0 <= max_regret <= LARGEST_REGRET:
        raise InputError([Fault("options", "--max-regret", f"{max_regret}", "a percentage from 0")])
    from optimizer.load.plan import read_plan
    from optimizer.replay import replay
    from optimizer.reports.replay_report import REPLAY_REPORTS

    saved = read_plan(plan)
    loaded, facts = load_inputs(problem or _shipped(saved.problem, plan), overrides, catalog, overlay, allow_outside)
    found = replay(saved, loaded, facts, settings, max_regret)
    emit(REPLAY_REPORTS[form.value](found), output)
    if found.passed and found.status_now == "unknown":
        leave(ExitCode.LIMIT)
    leave(ExitCode.PLAN if found.passed else ExitCode.CHECK_FAILED)


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
