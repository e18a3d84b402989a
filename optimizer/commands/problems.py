"""Commands for the shipped problems."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Annotated

import typer

from optimizer.errors import Fault, InputError

app = typer.Typer(help="The problems that come with gpumix.", no_args_is_help=True, rich_markup_mode=None)


@app.command("list")
def problems_list() -> None:
    """List the shipped problems."""
    from optimizer.load import load_problem, shipped_problem_names

    for name in shipped_problem_names():
        typer.echo(name)
        typer.echo(
            "\n".join(
                textwrap.wrap(
                    load_problem(name).problem.description, 76, initial_indent="    ", subsequent_indent="    "
                )
            )
        )


@app.command("copy")
def problems_copy(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of a shipped problem.")],
    target: Annotated[Path | None, typer.Argument(metavar="TARGET", help="Where to; default NAME.yaml here.")] = None,
) -> None:
    """Copy a shipped problem, to start from; an existing file is kept."""
    from optimizer.documents.output import write_atomically
    from optimizer.load import load_problem, problem_text, read_bytes
    from optimizer.load.problem import shipped_problem_names

    if name.removesuffix(".yaml") not in shipped_problem_names():
        raise InputError([Fault("problems copy", name, "no shipped problem", ", ".join(shipped_problem_names()))])
    path = target or Path(f"{name.removesuffix('.yaml')}.yaml")
    path = path / f"{name.removesuffix('.yaml')}.yaml" if path.is_dir() else path
    text, source = problem_text(name.removesuffix(".yaml"))
    files = {
        path: text,
        **{path.parent / own: read_bytes(source.parent / own).decode() for own in load_problem(name).own_models},
    }
    kept = [str(file) for file in files if file.exists()]
    if kept:
        raise InputError([Fault("problems copy", file, "an existing file", "a new file name") for file in kept])
    for file, content in files.items():
        file.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(file, content)
        typer.echo(f"wrote {file}")
