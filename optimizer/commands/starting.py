"""`gpumix init`: a problem file from a few answers, solved at once."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from optimizer.commands.options import LanguageOption, language_of
from optimizer.errors import ExitCode, Fault, InputError

if TYPE_CHECKING:
    from optimizer.messages import Voice
    from optimizer.schema.use_case import UseCase
    from optimizer.starting.questions import Question

app = typer.Typer()


def _option(name: str, metavar: str, text: str) -> Any:
    return typer.Option(f"--{name}", metavar=metavar, help=text)


@app.command()
def init(
    target: Annotated[Path | None, typer.Argument(metavar="FILE", help="Where to; default NAME.yaml here.")] = None,
    answers: Annotated[
        Path | None, typer.Option("--answers", metavar="FILE", help="YAML with an answer by question.")] = None,
    use_case: Annotated[str | None, _option(
        "use-case", "CASE", "help-desk, assistant, coding, rag, overnight or agents.")] = None,
    name: Annotated[str | None, _option("name", "NAME", "Name of the problem.")] = None,
    model: Annotated[str | None, _option("model", "MODEL", "Name of the model, or its config.json.")] = None,
    users: Annotated[str | None, _option("users", "N", "500 users, 40 in flight, or 3 requests/s.")] = None,
    requests: Annotated[str | None, _option("requests", "N", "Requests a night, of work that may wait.")] = None,
    input_tokens: Annotated[str | None, _option("input-tokens", "N", "Tokens of a request.")] = None,
    output_tokens: Annotated[str | None, _option("output-tokens", "N", "Tokens of an answer.")] = None,
    speed: Annotated[str | None, _option("speed", "N", "Tokens/s that each user reads.")] = None,
    budget: Annotated[str | None, _option("budget", "AMOUNT", "A month: 5000 USD, 30万円, or none.")] = None,
    where: Annotated[str | None, _option("where", "PLACES", "JP, tokyo, ..., or anywhere.")] = None,
    buy: Annotated[str | None, _option("buy", "yes|no", "Whether hardware may be bought.")] = None,
    have: Annotated[str | None, _option("have", "NODES", "Nodes that are there already: 2 x OFFER, or none.")] = None,
    spare: Annotated[str | None, _option("spare", "yes|no", "Whether one node may be lost.")] = None,
    defaults: Annotated[bool, typer.Option("--yes", "-y", help="Ask nothing: typical values for the rest.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace an existing file.")] = False,
    language: LanguageOption = None,
) -> None:
    """Begin: answer a few questions, get a commented problem file and its proven plan.

    Every question has a typical value (Enter takes it) and a hint (`?`). Without a terminal nothing is asked.
    """
    from optimizer.messages import voice_of
    from optimizer.starting.questions import QUESTIONS, read_answers

    spoken = language_of(language)
    voice = voice_of(spoken)
    stated = {
        "use_case": use_case, "name": name, "model": model, "users": users, "requests": requests,
        "input_tokens": input_tokens, "output_tokens": output_tokens, "speed": speed, "budget": budget,
        "where": where, "buy": buy, "have": have, "spare": spare}
    given = {**_read(answers), **{key: text for key, text in stated.items() if text is not None}}
    asked: set[str] = set()
    asks = sys.stdin.isatty() and not defaults and answers is None
    values = read_answers(
        given, spoken == "ja", "gpumix init" if answers is None else str(answers),
        _asker(voice, asked) if asks else None)
    typical = frozenset(one.key for one in QUESTIONS) - given.keys() - asked
    path = target or Path(f"{values['name']}.yaml")
    _write(path, values, voice, typical, force)
    typer.echo(voice.words("init.wrote", file=str(path)))
    _solve(path, voice, spoken)


def _read(path: Path | None) -> dict[str, str]:
    """Read an answers file."""
    if path is None:
        return {}
    from optimizer.load.text import decode, read_bytes
    from optimizer.load.yaml_files import parse_mapping

    found = parse_mapping(decode(read_bytes(path, str(path)), str(path)), str(path))
    spoken = {True: "yes", False: "no", None: "none"}
    return {key: spoken[value] if value is None or isinstance(value, bool) else
            ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
            for key, value in found.items()}


def _asker(voice: Voice, asked: set[str]) -> Callable[[Question, UseCase, str], str]:
    """Return how to ask a question on the terminal; `?` shows its hint, Enter takes the default."""

    def ask(question: Question, found: UseCase, default: str) -> str:
        """Ask until the answer can be read."""
        while True:
            prompt = voice.words(f"ask.{question.key}")
            text = typer.prompt(f"{prompt}", default=default, err=True)
            if text.strip() in ("?", "？"):
                notes = found.notes_ja if voice.japanese else found.notes
                hint = voice.words(f"hint.{question.key}", notes=notes, source=found.source_url)
                typer.echo(f"  {hint}", err=True)
                continue
            try:
                question.read(text)
            except ValueError as error:
                typer.echo(f"  {voice.words('init.not-understood', allowed=str(error))}", err=True)
                continue
            if text != default:
                asked.add(question.key)
            return str(text)

    return ask


def _write(path: Path, values: dict[str, Any], voice: Voice, typical: frozenset[str], force: bool) -> None:
    """Write the problem file, unless one is there or the answers make none."""
    from optimizer.documents.output import write_atomically
    from optimizer.load.problem import parse_problem
    from optimizer.starting.problem_file import problem_file

    if path.exists() and not force:
        raise InputError([Fault("init", str(path), "an existing file", "a new file name, or --force")])
    text = problem_file(values, voice, typical)
    parse_problem(text, str(path), (), path.parent)
    write_atomically(path, text)


def _solve(path: Path, voice: Voice, spoken: str) -> None:
    """Answer the problem and say what to change."""
    from optimizer.commands.options import leave, load_inputs, solve_settings
    from optimizer.commands.planning import screen

    loaded, facts = load_inputs(str(path), None, None, None)
    from optimizer.answer import answer

    plan = answer(loaded, facts, solve_settings(None, None), brief=True)
    typer.echo("")
    typer.echo(screen(plan, loaded, facts, spoken), nl=False)
    typer.echo(voice.words("init.change", file=str(path)))
    leave({"infeasible": ExitCode.INFEASIBLE, "unknown": ExitCode.LIMIT}.get(plan.status, ExitCode.PLAN))
