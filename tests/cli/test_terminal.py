"""At an 80-column terminal: width, colour, help, and messages for what was mistyped."""

from __future__ import annotations

import re
import sys

import pytest

import cli
from optimizer.documents.publish import published
from optimizer.load import shipped_problem_names
from optimizer.messages import voice_of
from optimizer.reports.plan_report import plan_document
from tests.cli.conftest import Run
from tests.problems.conftest import solve_shipped

COMMANDS = (
    (), ("solve", "--details",), ("pareto",), ("batch",), ("batch", "report"), ("check",), ("memory",), ("schema",),
    ("catalog",), ("catalog", "list"),
    ("catalog", "show"), ("catalog", "check"), ("catalog", "calibrate"), ("problems",), ("problems", "list"),
    ("problems", "copy"), ("referee",), ("referee", "llmpilot"),
)


def too_wide(text: str) -> list[str]:
    """List the lines beyond 80 columns that could have been broken: more than one word after the indentation."""
    plain = re.sub(r"\x1b\[[0-9;]*m", "", text)
    return [line for line in plain.splitlines() if len(line) > 80 and len(line.split()) > 1]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_help_fits(run: Run, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    result = run(*command, "--help")
    assert (result.code, result.err) == (0, "")
    assert re.match(r"Usage: .*gpumix", result.out)
    assert too_wide(result.out) == []


@pytest.mark.parametrize("name", shipped_problem_names())
def test_plans_fit_80_columns(name: str) -> None:
    plan = solve_shipped(name).plan
    assert too_wide(str(published(plan_document(plan, rejections=True), "text", voice_of("en")))) == []


@pytest.mark.parametrize("arguments", [
    ("pareto", "tokyo-cloud-only"), ("pareto", "budget-too-small"), ("check", "own-model"),
    ("memory", "llama-3.1-8b", "--gpu", "h100-sxm-80gb"),
    ("problems", "list"),
], ids=" ".join)
def test_other_texts_fit_80_columns(run: Run, arguments: tuple[str, ...]) -> None:
    assert too_wide(run(*arguments).out) == []


@pytest.mark.parametrize("form", ["text", "markdown", "json", "csv"])
def test_no_escape_codes_where_nobody_watches(run: Run, form: str) -> None:
    assert "\x1b" not in run("solve", "office-a5000-workstations", "--format", form).out
    assert "\x1b" not in run("pareto", "office-a5000-workstations", "--format", form).out


def watched(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """Run a command before a screen."""
    monkeypatch.setattr(sys, "argv", ["gpumix", *arguments])
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    with pytest.raises(SystemExit):
        cli.main()
    return capsys.readouterr().out


def test_colour_unless_no_color(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    coloured = watched(monkeypatch, capsys, "solve", "office-a5000-workstations")
    assert "\x1b[32mProven" in coloured
    monkeypatch.setenv("NO_COLOR", "1")
    plain = watched(monkeypatch, capsys, "solve", "office-a5000-workstations")
    assert "\x1b" not in plain
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == plain


def test_version(run: Run) -> None:
    result = run("--version")
    assert (result.code, result.err) == (0, "")
    assert re.fullmatch(r"gpumix \d+\.\d+\.\d+\n", result.out)


@pytest.mark.parametrize(("arguments", "said"), [
    (("solv", "x"), "No such command 'solv'. Did you mean 'solve'?"),
    (("solve", "--details",), "Missing argument 'PROBLEM'."),
    (("solve", "--details", "a", "b"), "Got unexpected extra argument(s) (b)"),
    (("solve", "--fromat", "json", "a"), "No such option: --fromat"),
    (("--format", "json", "solve", "a"), "No such option: --format"),
    (("solve", "a", "--format", "xml"), "'text', 'json', 'csv', 'markdown', 'html', 'docx', 'pdf', 'xlsx'"),
    (("solve", "--details", "a", "--set"), "--set"),
    (("problems", "copy"), "Missing argument"),
    (("memory",), "Missing argument 'MODEL'."),
    (("catalog", "list", "planets"), "planets"),
    (("catalog", "show", "no-such-id"), "no-such-id"),
])
def test_a_mistyped_command_is_one_clear_message(run: Run, arguments: tuple[str, ...], said: str) -> None:
    result = run(*arguments)
    assert (result.code, result.out) == (2, "")
    assert said in result.err
    assert "Traceback" not in result.err
    assert all(line.startswith("gpumix: ") for line in result.err.splitlines())


def test_an_uncaught_fault_is_ours_without_a_traceback(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("division by zero")

    monkeypatch.setattr("optimizer.load.problem.load_problem", broken)
    result = run("solve", "--details", "office-a5000-workstations")
    assert (result.code, result.out) == (4, "")
    assert result.err.startswith("gpumix: our own fault: ZeroDivisionError: division by zero")
    assert "Traceback" not in result.err
