"""The `gpumix` command: parse, call one library function, render, exit."""

from __future__ import annotations

import gc
import os
import sys
import tempfile
from pathlib import Path
from typing import Annotated, NoReturn

import typer

# before anything imports pydantic, which else searches every installed package for plugins
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")

from optimizer.commands import (
    batch,
    demand,
    export,
    facts,
    gone,
    importing,
    loadtest,
    money,
    planning,
    problems,
    proving,
    quoting,
    referee,
    replaying,
    signing,
    spec,
    spec_diff,
    speed,
    starting,
)
from optimizer.commands.examples import show_examples
from optimizer.errors import DisagreementError, ExitCode, GpumixError, shortened

gc.set_threshold(200_000, 50, 100)  # a short process builds many small objects once: collecting them costs a tenth

app = typer.Typer(
    help="Which GPUs to buy or rent, and which inference engine: the proven cheapest node mix for an LLM service.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    cls=batch.TwoWords,
)
LONGEST_LINE = 3000
"""Characters of one line of a message."""

ROOT = (
    starting, planning, spec, spec_diff, export, replaying, signing, proving, money, quoting, gone, batch, facts, speed)
"""Commands that stand by themselves."""

for commands in ROOT:
    app.add_typer(commands.app)
app.add_typer(problems.app, name="problems")
app.add_typer(loadtest.app, name="loadtest")
app.add_typer(referee.app, name="referee")
app.add_typer(importing.app, name="import")
app.add_typer(demand.app, name="demand")
show_examples(app)


def _version(asked: bool) -> None:
    if asked:
        from optimizer import __version__

        typer.echo(f"gpumix {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Hold options that belong to no single command."""


def _fail(message: str, code: int) -> NoReturn:
    for line in message.splitlines():
        typer.echo(f"gpumix: {shortened(line, LONGEST_LINE)}", err=True)
    sys.exit(code)


def _saved(error: DisagreementError) -> str:
    """Save the program as each engine was given it, and say where."""
    if not error.models:
        return ""
    try:
        folder = Path(tempfile.mkdtemp(prefix="gpumix-disagreement-"))
        for name, text in error.models.items():
            (folder / name).write_text(text, encoding="utf-8")
    except OSError as why:
        return f"\nthe models could not be saved: {why.strerror}"
    return f"\nboth models are in {folder}"


def main() -> NoReturn:
    """Run the command; every failure is a message and an exit code, never a traceback (unless GPUMIX_DEBUG is set)."""
    try:
        code = app(prog_name="gpumix", standalone_mode=False)
        sys.stdout.flush()
    except DisagreementError as error:
        _fail(f"{error}{_saved(error)}", int(error.exit_code))
    except GpumixError as error:
        _fail(str(error), int(error.exit_code))
    except (KeyboardInterrupt, typer.Abort):
        _fail("interrupted", int(ExitCode.INTERRUPTED))
    except (
        BrokenPipeError,
        SystemExit,
    ):  # the reader went away; the command line library turns that into an exit of its own
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(int(ExitCode.PLAN))
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        _fail(
            f"output: found {error.strerror or error}; allowed: a place with room that can be written",
            int(ExitCode.BAD_INPUT),
        )
    except Exception as error:
        if type(error).__name__ == "NoArgsIsHelpError":
            typer.echo(str(error))
            sys.exit(int(ExitCode.BAD_INPUT))
        if hasattr(error, "format_message") and hasattr(error, "exit_code"):  # a usage error of the command line
            _fail(error.format_message().replace("Value error, ", ""), int(ExitCode.BAD_INPUT))
        if os.environ.get("GPUMIX_DEBUG"):
            raise
        _fail(
            f"our own fault: {type(error).__name__}: {error} (GPUMIX_DEBUG=1 shows the details; please report it)",
            int(ExitCode.OWN_FAULT),
        )
    if code == ExitCode.INTERRUPTED:
        _fail("interrupted", int(ExitCode.INTERRUPTED))
    sys.exit(code if isinstance(code, int) else 0)

