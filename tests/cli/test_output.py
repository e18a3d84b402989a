"""`--output`: a file is written whole or not at all."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from optimizer.commands.options import coloured, plain, tell
from tests.cli.conftest import Run


@pytest.mark.parametrize("form", ["text", "json", "csv", "markdown"])
def test_file_holds_what_the_terminal_would_show(run: Run, desk: Path, tmp_path: Path, form: str) -> None:
    shown = run("solve", desk, "--format", form).out
    result = run("solve", desk, "--format", form, "--output", tmp_path / "out")
    assert (result.code, result.out, result.err) == (0, "", "")
    assert (tmp_path / "out").read_text(encoding="utf-8") == shown


def test_every_command_with_a_result_takes_output(run: Run, desk: Path, tmp_path: Path) -> None:
    assert run("pareto", desk, "--range", "60:90", "-o", tmp_path / "frontier").code == 0
    assert run("memory", "llama-8b", "--gpu", "big-80gb", "--context", "2048", "-o", tmp_path / "memory").code == 0
    assert (tmp_path / "frontier").read_text(encoding="utf-8").startswith("desk: cost against user speed")
    assert (tmp_path / "memory").read_text(encoding="utf-8").startswith("llama-8b at bf16")


def test_no_plan_is_a_result_too(run: Run, desk: Path, tmp_path: Path) -> None:
    result = run("solve", "--details", desk, "--set", "limits.budget.amount=1", "-o", tmp_path / "out")
    assert result.code == 1
    assert "INFEASIBLE" in (tmp_path / "out").read_text(encoding="utf-8")


@pytest.mark.parametrize("wrong", [("--set", "services.0.slo.grade=Z"), ("--time-limit", "0"), ("--format", "xml")])
def test_a_failed_run_keeps_the_file(run: Run, desk: Path, tmp_path: Path, wrong: tuple[str, str]) -> None:
    kept = tmp_path / "out"
    kept.write_text("last week's plan", encoding="utf-8")
    assert run("solve", desk, *wrong, "--output", kept).code == 2
    assert kept.read_text(encoding="utf-8") == "last week's plan"


def test_a_good_run_replaces_the_file_and_leaves_nothing_beside_it(run: Run, desk: Path, tmp_path: Path) -> None:
    place = tmp_path / "reports"
    place.mkdir()
    (place / "out").write_text("last week's plan", encoding="utf-8")
    (place / "out").chmod(0o640)
    assert run("solve", desk, "--output", place / "out").code == 0
    assert (place / "out").read_text(encoding="utf-8").startswith("desk: llama-8b")
    assert stat.S_IMODE((place / "out").stat().st_mode) == 0o640
    assert [path.name for path in place.iterdir()] == ["out"]


@pytest.mark.parametrize("place", [".", "nowhere/out", "desk.yaml/out"])
def test_places_that_cannot_be_written_are_refused(run: Run, desk: Path, place: str) -> None:
    before = desk.read_text(encoding="utf-8")
    result = run("solve", desk, "--output", place)
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith(f"gpumix: --output: {place}: found ")
    assert desk.read_text(encoding="utf-8") == before


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser writes everywhere")
def test_a_read_only_file_or_folder_is_refused(run: Run, desk: Path, tmp_path: Path) -> None:
    locked = tmp_path / "locked"
    locked.mkdir()
    (locked / "out").write_text("signed", encoding="utf-8")
    (locked / "out").chmod(0o444)
    assert run("solve", desk, "--output", locked / "out").code == 2
    locked.chmod(0o555)
    assert run("solve", desk, "--output", locked / "new").code == 2
    assert (locked / "out").read_text(encoding="utf-8") == "signed"


def test_a_link_is_followed_and_stays(run: Run, desk: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    real, link = tmp_path / "elsewhere" / "plan.txt", tmp_path / "latest"
    real.write_text("old", encoding="utf-8")
    link.symlink_to(real)
    assert run("solve", desk, "--output", link).code == 0
    assert link.is_symlink()
    assert real.read_text(encoding="utf-8").startswith("desk: llama-8b")


def test_links_that_lead_round_in_a_circle_are_refused(run: Run, desk: Path, tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    assert run("solve", desk, "--output", tmp_path / "a").code == 2


def test_a_device_is_written_to_and_stays_a_device(run: Run, desk: Path, tmp_path: Path) -> None:
    """As the superuser, moving a file onto /dev/null would take it away from every other program."""
    assert run("solve", desk, "--output", "/dev/null").code == 0
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    assert run("memory", "llama-8b", "--gpu", "big-80gb", "--context", "2048", "--output", pipe).code == 0
    assert os.read(reader, 1000).startswith(b"llama-8b at bf16")
    os.close(reader)


def test_no_data_steers_the_terminal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    text = "\x1b[1mours\x1b[0m \x1b]0;theirs\x07 \x1b[8m \x9b2J \u202e\n"
    assert coloured(text) == "\x1b[1mours\x1b[0m \\u001b]0;theirs\\u0007 \\u001b[8m \\u009b2J \\u202e\n"
    assert "\x1b" not in plain(text)
    tell("a\x1b[31mb")
    assert capsys.readouterr().err == "gpumix: a\\u001b[31mb\n"


def test_a_pipe_that_nobody_reads_is_no_place_to_write(run: Run, desk: Path, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    result = run("solve", "--details", desk, "-o", tmp_path / "pipe")
    assert (result.code, result.out) == (2, "")
    assert "nobody reads this pipe" in result.err
