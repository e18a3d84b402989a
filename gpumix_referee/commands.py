"""Commands that solve other tools' instances."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from optimizer.commands.options import OutputOption, TextFormat, TextFormatOption, TimeOption, emit, leave
from optimizer.errors import ExitCode, Fault, InputError

Judged = TypeVar("Judged")

CertificatesOption = Annotated[
    Path | None,
    typer.Option("--certificates", metavar="DIR", help="Also write why nothing cheaper exists, NAME.json for each."),
]

app = typer.Typer(
    help="Solve other tools' problem instances exactly.", no_args_is_help=True, rich_markup_mode=None
)


@app.command("llmpilot")
def referee_llmpilot(
    files: Annotated[list[Path], typer.Argument(metavar="FILE", help="LLM-Pilot instances (JSON).")],
    form: TextFormatOption = TextFormat.TEXT,
    output: OutputOption = None,
    keep: Annotated[
        Path | None, typer.Option("--keep", metavar="DIR", help="Keep the overlay and problem of each instance there.")
    ] = None,
    certificates: CertificatesOption = None,
) -> None:
    """Solve LLM-Pilot's instances (users and cost by node type)."""
    from gpumix_referee.llmpilot import judge
    from gpumix_referee.reports.referee_report import REFEREE_REPORTS

    verdicts = [judge(file, keep, certificates) for file in files]
    emit(REFEREE_REPORTS[form.value](verdicts), output)
    leave(ExitCode.PLAN if all(v.status == "optimal" for v in verdicts) else ExitCode.INFEASIBLE)


@app.command("melange")
def referee_melange(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE", help="Mélange configs, or files that hold one as melange_config.")
    ],
    sliced: Annotated[
        bool, typer.Option("--sliced", help="Mélange's own model: each slice of a bucket on one GPU type.")
    ] = False,
    form: TextFormatOption = TextFormat.TEXT,
    output: OutputOption = None,
    time_limit: TimeOption = None,
    certificates: CertificatesOption = None,
) -> None:
    """Solve Mélange's instances (rate by GPU and bucket of requests), proven."""
    from gpumix_referee.melange import judge
    from gpumix_referee.reports.referee_report import REFEREE_REPORTS

    checked_limit(time_limit)
    if sliced and certificates is not None:
        raise InputError([Fault("options", "--certificates", "--sliced beside it", "traffic that is split freely")])
    verdicts = judged(files, lambda file: judge(file, sliced, time_limit, certificates))
    emit(REFEREE_REPORTS[form.value](verdicts), output)
    leave(worst_of(verdict.status for verdict in verdicts))


@app.command("inferno")
def referee_inferno(
    folders: Annotated[
        list[Path],
        typer.Argument(metavar="DIR", help="Folder with accelerator-data.json, server-data.json..., or a system file."),
    ],
    single: Annotated[bool, typer.Option("--single", help="Each server on one accelerator; default: any mix.")] = False,
    shed: Annotated[
        bool, typer.Option("--shed", help="Where not all can be served, drop servers, the lowest priority first.")
    ] = False,
    form: TextFormatOption = TextFormat.TEXT,
    output: OutputOption = None,
    time_limit: TimeOption = None,
) -> None:
    """Solve instances of the llm-inferno optimizer (servers on limited accelerators), proven."""
    from gpumix_referee.inferno import judge
    from gpumix_referee.reports.inferno_report import INFERNO_REPORTS

    checked_limit(time_limit)
    verdicts = judged(folders, lambda folder: judge(folder, single, shed, time_limit))
    emit(INFERNO_REPORTS[form.value](verdicts), output)
    leave(worst_of(verdict.status for verdict in verdicts))


def judged(files: list[Path], judge: Callable[[Path], Judged]) -> list[Judged]:
    """Judge every file; the faults of all of them are raised together."""
    verdicts: list[Judged] = []
    faults: list[Fault] = []
    for file in files:
        try:
            verdicts.append(judge(file))
        except InputError as error:
            faults += error.faults
    if faults:
        raise InputError(faults)
    return verdicts


def checked_limit(seconds: float | None) -> None:
    """Refuse a time limit that is no number above 0."""
    if seconds is not None and not 0 < seconds < float("inf"):
        raise InputError([Fault("options", "--time-limit", f"{seconds}", "a number above 0")])


def worst_of(statuses: Iterable[str]) -> ExitCode:
    """Return the exit code of several answers: a limit reached, then infeasible, then a plan."""
    found = set(statuses)
    if "unknown" in found:
        return ExitCode.LIMIT
    return ExitCode.INFEASIBLE if "infeasible" in found else ExitCode.PLAN
