"""`solve --certificate` and `check-certificate` as a user runs them: files, messages, exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Run


def test_a_certificate_is_written_beside_the_plan_and_checked_against_its_problem(
    run: Run, desk: Path, tmp_path: Path
) -> None:
    proof = tmp_path / "proof.json"
    written = run("solve", desk, "--certificate", str(proof))
    assert (written.code, written.err) == (0, "")
    assert "$1,825.00" in written.out
    assert run("check-certificate", str(proof)).code == 0
    same = run("check-certificate", str(proof), "--problem", desk)
    assert same.code == 0
    assert "the program is the problem's own" in same.out
    other = run("check-certificate", str(proof), "--problem", desk, "--set",
                "services.0.demand.peak_concurrency=65")
    assert other.code == 6
    assert "REFUSED" in other.out


def test_a_tampered_certificate_ends_with_code_6_and_what_is_no_file_with_code_2(
    run: Run, desk: Path, tmp_path: Path
) -> None:
    proof = tmp_path / "proof.json"
    run("solve", desk, "--certificate", str(proof))
    data = json.loads(proof.read_text())
    data["claim"]["cost"] -= 1
    proof.write_text(json.dumps(data))
    refused = run("check-certificate", str(proof))
    assert (refused.code, "REFUSED" in refused.out) == (6, True)
    assert run("check-certificate", str(tmp_path / "absent.json")).code == 2
    assert run("check-certificate", "/dev/zero").code == 2


@pytest.mark.parametrize(("name", "told"), [
    ("proof.md", "Why nothing cheaper exists"), ("proof.ja.md", "これより安い構成が存在しない理由")])
def test_a_page_for_people_comes_in_two_languages(
    run: Run, desk: Path, tmp_path: Path, name: str, told: str
) -> None:
    page = tmp_path / name
    assert run("solve", desk, "--certificate", str(page)).code == 0
    assert page.read_text(encoding="utf-8").startswith(f"# {told}")
    assert "cloud-big-x1 for chat" in page.read_text(encoding="utf-8")


def test_infeasible_is_certified_too_and_quarters_are_refused_before_anything_is_solved(
    run: Run, desk: Path, tmp_path: Path
) -> None:
    proof = tmp_path / "proof.json"
    nowhere = run("solve", desk, "--set", "limits.budget.amount=10",
                  "--certificate", str(proof))
    assert nowhere.code == 1
    assert "no plan keeps every row" in run("check-certificate", str(proof)).out
    proof.unlink()
    refused = run("solve", desk, "--set", "sharing=nodes",
                  "--certificate", str(proof))
    assert refused.code == 2
    assert refused.out == ""
    assert "sharing" in refused.err
    assert not proof.exists()
