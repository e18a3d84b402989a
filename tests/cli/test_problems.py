"""Shipped problems by name, from any folder: list, copy, solve."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from optimizer.load import problem_text, shipped_problem_names
from tests.cli.conftest import Run


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stand in a folder that knows nothing of gpumix."""
    monkeypatch.chdir(tmp_path)


def test_list_names_every_problem_with_its_description(run: Run) -> None:
    out = run("problems", "list").out
    told = " ".join(out.split())
    for name in shipped_problem_names():
        assert name in out
        assert yaml.safe_load(problem_text(name)[0])["description"] in told


@pytest.mark.parametrize("reference", ["own-model", "own-model.yaml", "problems/own-model.yaml"])
def test_a_shipped_name_works_from_any_folder(run: Run, reference: str) -> None:
    assert run("check", reference).out == f"{reference}: valid (1 service)\n"


def test_an_own_file_wins_over_a_shipped_name(run: Run, tmp_path: Path) -> None:
    (tmp_path / "own-model.yaml").write_text("schema_version: 2\n", encoding="utf-8")
    assert run("check", "own-model.yaml").code == 2
    assert run("check", "own-model").code == 0


def test_a_folder_of_that_name_does_not_hide_a_shipped_problem(run: Run, tmp_path: Path) -> None:
    (tmp_path / "own-model").mkdir()
    assert run("check", "own-model").code == 0


def test_an_unknown_name_is_told_what_there_is(run: Run) -> None:
    result = run("solve", "--details", "helpdesk")
    assert (result.code, result.out) == (2, "")
    assert "did you mean helpdesk-llama3-8b?" in result.err
    assert all(name in result.err for name in shipped_problem_names())


def test_a_folder_is_no_problem(run: Run, tmp_path: Path) -> None:
    result = run("solve", "--details", tmp_path)
    assert result.code == 2
    assert "found a folder; allowed: a file" in result.err


def test_copy_gives_the_file_to_start_from(run: Run, tmp_path: Path) -> None:
    result = run("problems", "copy", "helpdesk-llama3-8b")
    assert (result.code, result.out) == (0, "wrote helpdesk-llama3-8b.yaml\n")
    assert (tmp_path / "helpdesk-llama3-8b.yaml").read_text(encoding="utf-8") == problem_text("helpdesk-llama3-8b")[0]
    assert run("check", "helpdesk-llama3-8b.yaml").code == 0


def test_copy_takes_another_name_or_a_folder(run: Run, tmp_path: Path) -> None:
    (tmp_path / "plans").mkdir()
    assert run("problems", "copy", "helpdesk-llama3-8b", "mine.yaml").code == 0
    assert run("problems", "copy", "helpdesk-llama3-8b", "plans").code == 0
    assert (tmp_path / "mine.yaml").is_file()
    assert (tmp_path / "plans" / "helpdesk-llama3-8b.yaml").is_file()


def test_copy_never_overwrites(run: Run, tmp_path: Path) -> None:
    (tmp_path / "helpdesk-llama3-8b.yaml").write_text("mine", encoding="utf-8")
    other_name = ("overnight-summaries", "helpdesk-llama3-8b.yaml")
    for arguments in (("helpdesk-llama3-8b",), other_name, ("helpdesk-llama3-8b", ".")):
        result = run("problems", "copy", *arguments)
        assert result.code == 2
        assert "found an existing file" in result.err
    assert (tmp_path / "helpdesk-llama3-8b.yaml").read_text(encoding="utf-8") == "mine"


def test_copy_refuses_what_is_not_shipped(run: Run, tmp_path: Path) -> None:
    result = run("problems", "copy", "nothing")
    assert result.code == 2
    assert "helpdesk-llama3-8b" in result.err
    assert list(tmp_path.iterdir()) == []


def test_a_copied_problem_is_whole(run: Run) -> None:
    assert run("problems", "copy", "own-model", "mine.yaml").code == 0
    assert run("check", "mine.yaml").code == 0


def test_schema_is_a_json_schema_that_describes_every_key(run: Run) -> None:
    schema = json.loads(run("schema").out)
    assert schema["properties"]["services"]
    assert "$defs" in schema
    for name, key in schema["properties"].items():
        assert "description" in key or "$ref" in key, name
