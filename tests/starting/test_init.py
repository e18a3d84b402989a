"""`gpumix init`: answers in the user's words become a commented problem file that solves."""

from __future__ import annotations

from pathlib import Path

import pytest
import typer

from optimizer.load import load_problem
from optimizer.load.use_cases import use_cases
from optimizer.schema.problem.demand import TYPICAL_HABITS, Demand
from optimizer.starting.questions import QUESTIONS
from tests.cli.conftest import Run, no_settings, run  # noqa: F401


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("case", use_cases())
def test_every_use_case_gives_a_plan_without_a_question(run: Run, case: str) -> None:  # noqa: F811
    result = run("init", "--use-case", case, "--yes")
    assert (result.code, result.err) == (0, "")
    assert f"wrote {case}.yaml" in result.out
    assert "Proven" in result.out
    loaded = load_problem(f"{case}.yaml").problem
    found = use_cases()[case]
    assert loaded.services[0].model == found.model
    assert loaded.services[0].workload[0].isl_tokens == found.isl_tokens
    assert "typical" in Path(f"{case}.yaml").read_text(encoding="utf-8")


def test_answers_are_taken_as_people_write_them(run: Run) -> None:  # noqa: F811
    result = run("init", "desk.yaml", "--use-case", "help desk", "--users", "1,200人", "--where", "東京、大阪",
                 "--budget", "30万円", "--buy", "いいえ", "--spare", "はい", "--lang", "ja")
    assert result.code == 0, result.err
    problem = load_problem("desk.yaml").problem
    assert problem.language == "ja"
    assert (problem.services[0].demand or Demand()).daily_active_users == 1200
    assert problem.limits.budget is not None
    assert (problem.limits.budget.amount, problem.limits.budget.currency) == (300_000, "JPY")
    assert problem.limits.regions.allow == ("東京", "大阪")
    assert (problem.limits.kinds, problem.limits.survive.nodes) == (("on_demand", "reserved"), 1)
    assert "証明済み" in result.out
    assert "Proven" not in result.out


def test_an_answers_file_does_the_same_and_options_win(run: Run) -> None:  # noqa: F811
    answers = "use_case: rag\nusers: 40 in flight\nbuy: false\nwhere: [JP, SG]\n"
    Path("answers.yaml").write_text(answers, encoding="utf-8")
    assert run("init", "--answers", "answers.yaml", "--speed", "30").code == 0
    problem = load_problem("rag.yaml").problem
    assert (problem.services[0].demand or Demand()).peak_concurrency == 40
    assert problem.services[0].slo.tokens_per_s_per_user == 30
    assert problem.limits.regions.allow == ("JP", "SG")
    assert "owned" not in problem.limits.kinds


def test_every_fault_comes_at_once_and_nothing_is_written(run: Run) -> None:  # noqa: F811
    Path("answers.yaml").write_text("users: many\nbudget: 5 apples\ncolour: red\nspare: maybe\n", encoding="utf-8")
    result = run("init", "--answers", "answers.yaml")
    assert result.code == 2
    for part in ("colour: found no such question", "users: found 'many'", "budget: found '5 apples'",
                 "spare: found 'maybe'"):
        assert part in result.err
    assert not list(Path().glob("a*t.yaml"))
    overnight = run("init", "--use-case", "overnight", "--users", "5", "--yes")
    assert "users: found an answer with use_case overnight" in overnight.err


def test_an_existing_file_stays(run: Run) -> None:  # noqa: F811
    Path("mine.yaml").write_text("precious", encoding="utf-8")
    result = run("init", "mine.yaml", "--yes")
    assert (result.code, Path("mine.yaml").read_text(encoding="utf-8")) == (2, "precious")
    assert run("init", "mine.yaml", "--yes", "--force").code == 0


def test_a_terminal_is_asked_and_question_marks_are_answered(
    run: Run, monkeypatch: pytest.MonkeyPatch,  # noqa: F811
) -> None:
    said = iter(["?", "help-desk", "", "", "a lot", "300", *[""] * 20])
    asked: list[str] = []

    def prompt(text: str, default: str, err: bool) -> str:
        asked.append(text)
        return next(said) or default

    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr(typer, "prompt", prompt)
    result = run("init")
    assert result.code == 0, result.err
    assert "Typical values follow from it" in result.err
    assert "not understood" in result.err
    assert len(asked) == len(QUESTIONS) - 1 + 2  # no question of overnight work; two were asked again
    assert (load_problem("help-desk.yaml").problem.services[0].demand or Demand()).daily_active_users == 300


def test_the_number_of_users_alone_is_a_demand() -> None:
    assistant = use_cases()["assistant"]
    assert {key: getattr(assistant, key) for key in TYPICAL_HABITS} == TYPICAL_HABITS
    assert Demand(daily_active_users=500.0) == Demand(daily_active_users=500.0, **TYPICAL_HABITS)
    with pytest.raises(ValueError, match="requests_per_use"):
        Demand(daily_active_users=500.0, uses_per_user_per_day=2.0)
