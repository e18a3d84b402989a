"""The command that writes a plan's inference environment: export."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from optimizer.commands.options import (
    CatalogOption,
    DeterministicOption,
    OutsideOption,
    OverlayOption,
    ProblemArg,
    QuarterOption,
    SetOption,
    TimeOption,
    emit,
    leave,
    load_inputs,
    overlays_of,
    solve_settings,
)
from optimizer.errors import ExitCode, Fault, InputError

app = typer.Typer()


class Target(StrEnum):
    """What the files are written for."""

    COMPOSE = "compose"
    KUBERNETES = "kubernetes"
    KUSTOMIZE = "kustomize"
    HELM = "helm"
    KSERVE = "kserve"
    SKYPILOT = "skypilot"
    TERRAFORM = "terraform"


@app.command()
def export(
    problem: ProblemArg,
    target: Annotated[Target, typer.Option("--to", help="What runs it.")],
    out: Annotated[
        Path, typer.Option("--out", metavar="DIR", help="A new or empty folder, written whole or not at all.")
    ],
    force: Annotated[
        bool, typer.Option("--force", help="Replace files of the same names in a folder that holds some.")
    ] = False,
    checkpoint: Annotated[
        list[str] | None,
        typer.Option("--checkpoint", metavar="SERVICE=NAME",
                     help="What a service loads, in the plan's precision. Repeatable."),
    ] = None,
    quarter: QuarterOption = None,
    overrides: SetOption = None,
    catalog: CatalogOption = None,
    overlay: OverlayOption = None,
    allow_outside: OutsideOption = False,
    time_limit: TimeOption = None,
    deterministic_limit: DeterministicOption = None,
) -> None:
    """Write the inference environment of a plan: engines, load balancer, metrics, dashboard, alerts."""
    settings = solve_settings(time_limit, deterministic_limit)
    named = _checkpoints(checkpoint)
    loaded, facts = load_inputs(problem, overrides, catalog, overlay, allow_outside)
    from optimizer.answer import answer
    from optimizer.deploy import environment_of, files_of
    from optimizer.deploy.following import following_lines
    from optimizer.documents.output import write_folder
    from optimizer.load.serving import load_serving
    from optimizer.plan.quarter import at_quarter
    from optimizer.reports import REPORTS, terminal

    serving = load_serving(catalog, overlays_of(overlay))
    loaded = at_quarter(loaded, quarter)
    plan = answer(loaded, facts, settings)
    if plan.status not in ("optimal", "feasible"):
        emit(REPORTS["text"](plan), None)
        leave(ExitCode.INFEASIBLE if plan.status == "infeasible" else ExitCode.LIMIT)
    environment = environment_of(plan, loaded, facts, serving, named)
    files = files_of(environment, target.value)
    write_folder(out, files, force)
    lines = [f"wrote {len(files)} files to {out}; start with {out / 'README.md'}"]
    lines += [line for row in following_lines(environment)[-1:] for line in terminal.wrap(row, "  ", "")]
    for run in environment.unnamed:
        lines += terminal.wrap(f"! {run.name} needs a checkpoint to be named: {run.wanted}", "  ", "")
    emit("\n".join(lines) + "\n", None)


def _checkpoints(given: list[str] | None) -> dict[str, str]:
    """Read SERVICE=NAME.

    Raises:
        InputError: one of them is something else, or a service stands twice.
    """
    found: dict[str, str] = {}
    faults = []
    for one in given or ():
        service, sign, name = one.partition("=")
        if not sign or not service or not name.strip() or not name.isprintable() or name.startswith("-"):
            faults.append(Fault("options", "--checkpoint", repr(one), "SERVICE=NAME, such as chat=nvidia/Qwen3-8B-FP8"))
        elif service in found:
            faults.append(Fault("options", "--checkpoint", f"{service} twice", "each service once"))
        found[service] = name
    if faults:
        raise InputError(faults)
    return found
