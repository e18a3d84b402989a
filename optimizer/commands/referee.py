"""Commands that solve other tools' instances."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from optimizer.commands.options import Format, FormatOption, OutputOption, emit, leave
from optimizer.errors import ExitCode

app = typer.Typer(
    help="Solve other tools' problem instances exactly.", no_args_is_help=True, rich_markup_mode=None
)


@app.command("llmpilot")
def referee_llmpilot(
    files: Annotated[list[Path], typer.Argument(metavar="FILE", help="LLM-Pilot instances (JSON).")],
    form: FormatOption = Format.TEXT,
    output: OutputOption = None,
    keep: Annotated[
        Path | None, typer.Option("--keep", metavar="DIR", help="Keep the overlay and problem of each instance there.")
    ] = None,
) -> None:
    """Solve LLM-Pilot's instances (users and cost by node type)."""
    from optimizer.referee.llmpilot import judge
    from optimizer.reports.referee_report import REFEREE_REPORTS

    verdicts = [judge(file, keep) for file in files]
    emit(REFEREE_REPORTS[form.value](verdicts), output)
    leave(ExitCode.PLAN if all(v.status == "optimal" for v in verdicts) else ExitCode.INFEASIBLE)
